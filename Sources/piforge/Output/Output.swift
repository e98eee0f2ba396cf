import Blocks
import FoundationEssentials
import Glibc
import Plans
import Reports

/// Where text goes: results to stdout, everything said along the way to stderr.
///
/// Nothing else prints. What goes through here holds no character that controls a terminal, whatever image, archive,
/// profile or machine it came from (`printable`).
enum Output {
    /// Set once by the command that runs, before anything is printed.
    nonisolated(unsafe) private(set) static var isJSON = false

    static func useJSON(_ wanted: Bool) { isJSON = wanted }

    /// Whether the person wants to hear of nothing but results and what is wrong.
    nonisolated(unsafe) private(set) static var isQuiet = false

    static func useQuiet(_ wanted: Bool) { isQuiet = wanted }

    /// The errno of the first write to stdout that failed, except that nobody reads it any more (EPIPE).
    nonisolated(unsafe) private static var failure: Int32?

    /// Throws when a part of the result could not be written.
    static func checkWritten() throws(ForgeError) {
        guard let failure else { return }
        throw ForgeError(
            .inputOutput, "could not write the result to stdout: \(systemMessage(failure))",
            hint: failure == ENOSPC ? "free space where stdout goes" : nil)
    }

    /// A line of the result.
    static func line(_ text: String = "") {
        Log.add(.result, text)
        write(Array((text.printable() + "\n").utf8), to: STDOUT_FILENO)
    }

    /// A result of any number of lines.
    static func text(_ text: String) { write(Array(text.printable(keepingLines: true).utf8), to: STDOUT_FILENO) }

    /// Rows as lines, each column as wide as its widest field, without blanks at the ends of lines.
    static func table(_ rows: [[String]]) -> [String] {
        var widths: [Int] = []
        let rows = rows.map { $0.map { $0.printable() } }
        for row in rows {
            for (index, field) in row.enumerated() {
                if index == widths.count { widths.append(0) }
                widths[index] = max(widths[index], field.count)
            }
        }
        return rows.map { row in
            var line = ""
            for (field, width) in zip(row, widths) {
                line += field + String(repeating: " ", count: width - field.count + 2)
            }
            return String(line.reversed().drop { $0 == " " }.reversed())
        }
    }

    /// A line of prose for the person, which is left out with --quiet.
    static func note(_ text: String) {
        Log.add(.note, text.hasPrefix("note: ") ? String(text.dropFirst(6)) : text)
        if !isQuiet { say(text) }
    }

    /// Something that looks wrong on this machine, which keeps nothing from being done.
    static func warn(_ text: String) {
        Log.add(.warning, text)
        say(.warning, text)
    }

    /// `error: …` and `hint:  …`.
    static func fail(_ error: ForgeError) {
        Log.add(.error, error.message)
        say(.error, error.message)
        guard let hint = error.hint else { return }
        Log.add(.hint, hint)
        say(.hint, hint)
    }

    /// What a line begins with; the raw value is its colour on a terminal (ECMA-48, 8.3.117).
    private enum Label: String {
        case error = "1;31"
        case warning = "33"
        case hint = "36"

        var word: String {
            switch self {
            case .error: "error:"
            case .warning: "warning:"
            case .hint: "hint: "
            }
        }
    }

    private static func say(_ label: Label, _ text: String) {
        Terminal.shared.clear()
        let word = Terminal.shared.isColoured ? "\u{1B}[\(label.rawValue)m\(label.word)\u{1B}[0m" : label.word
        write(Array("\(word) \(text.printable(keepingLines: true))\n".utf8), to: STDERR_FILENO)
    }

    private static func say(_ text: String) {
        Terminal.shared.clear()
        write(Array((text.printable(keepingLines: true) + "\n").utf8), to: STDERR_FILENO)
    }

    /// Something that looks wrong, which keeps nothing from being done; an event under `--progress json`.
    static func warning(_ text: String, of slot: Slot) {
        if Terminal.shared.warn(text, slot: slot.name) { return }
        warn("\(slot): \(text)")
    }

    /// A question, without a line break.
    static func prompt(_ text: String) { write(Array(text.printable(keepingLines: true).utf8), to: STDERR_FILENO) }

    /// The one document that a command prints with `--json`.
    static func json(_ value: some Encodable, as document: Document) throws {
        write(try JSON.encode(VersionedDocument(value, schema: document.name)), to: STDOUT_FILENO)
    }

    /// As `fail`; with `--json` the same as a document on stdout.
    static func report(_ error: ForgeError) {
        let error = error.kind == .interrupted ? error.leaving(UnfinishedOutputs.remaining) : error
        fail(error)
        guard isJSON, error.kind != .difference else { return }
        let document = Failure(error: .init(hint: error.hint, kind: error.kind.name, message: error.message))
        try? json(document, as: .error)
    }

    private struct Failure: Encodable {
        struct Detail: Encodable {
            var hint: String?
            var kind: String
            var message: String
        }
        var error: Detail
    }

    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        guard !bytes.withUnsafeBytes({ Transfer.write($0, to: descriptor) }) else { return }
        if descriptor == STDOUT_FILENO && errno != EPIPE && failure == nil { failure = errno }
    }
}
