import Blocks
import FoundationEssentials
import Glibc
import Reports

/// The file of `--log-file`: one line a message, with its time, all that is printed and what was worked on from when to
/// when.
///
/// ```
/// 2026-11-28T21:45:00.123Z piforge[4711] warning: slot p3: …
/// ```
/// Lines of several processes do not mix: each is one write(2) to a file that is open for appending.
enum Log {
    /// What a line is.
    enum Kind: String {
        case begin, end, error, hint, warning, note, result
    }

    /// Opened by the command that runs, before it does anything.
    nonisolated(unsafe) private static var descriptor: Int32?
    nonisolated(unsafe) private static var path = ""

    static var isOpen: Bool { descriptor != nil }

    static func open(_ path: String) throws(ForgeError) {
        let opened = Glibc.open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0o600)
        let code = errno
        // A pipe or terminal that cannot be read, such as /dev/stderr in a pipeline.
        let file = opened < 0 && code != ENOENT ? Glibc.open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY) : opened
        guard file >= 0 else {
            throw ForgeError(.cannotCreate, "could not open the log \(path): \(systemMessage(code))")
        }
        _ = fcntl(file, F_SETFL, O_APPEND)
        guard isLog(file) else {
            close(file)
            throw ForgeError(
                .cannotCreate, "could not open the log \(path): it holds something that is no log of piforge's",
                hint: "name a new file, or one that is a log already")
        }
        (descriptor, Self.path) = (file, path)
        let command = CommandLine.arguments.dropFirst().prefix { !$0.hasPrefix("-") }.prefix(2)
        add(.begin, "piforge \(version) \(command.joined(separator: " "))")
    }

    /// Nothing may be appended to an image, a disk or a profile that was named by mistake.
    private static func isLog(_ file: Int32) -> Bool {
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT != S_IFBLK else { return false }
        guard status.st_mode & S_IFMT == S_IFREG else { return true }
        var start = [UInt8](repeating: 0, count: 4096)
        let count = pread(file, &start, start.count, 0)
        guard count > 0 else { return count == 0 }
        let name = Array(" piforge[".utf8)
        return !start.prefix(count).contains(0) && start.prefix(count).firstRange(of: name) != nil
    }

    /// Adds a message; nothing without a log.
    static func add(_ kind: Kind, _ text: String) {
        guard let descriptor, !text.isEmpty else { return }
        let line = "\(time(of: Date())) piforge[\(getpid())] \(kind.rawValue): \(text.printable())\n"
        guard !Array(line.utf8).withUnsafeBytes({ Transfer.write($0, to: descriptor) }) else { return }
        // A full disk must not end a build for the log's sake, but somebody has to know.
        let code = errno
        Self.descriptor = nil
        Output.warn("could not write the log \(path) any more: \(systemMessage(code))")
    }

    /// ISO 8601 in UTC, to the millisecond.
    private static func time(of date: Date) -> String {
        let milliseconds = Int64(date.timeIntervalSince1970 * 1000)
        let rest = String(milliseconds % 1000)
        return timestamp(milliseconds / 1000).dropLast() + "." + String(repeating: "0", count: 3 - rest.count) + rest
            + "Z"
    }
}
