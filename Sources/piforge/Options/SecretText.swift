import Images
import Reports

/// A secret that the person keeps in a file of its own, so that no list of processes shows it.
enum SecretText {
    /// The first line of a file, or of standard input for `-`; `what` names it in errors.
    static func firstLine(of path: String, what: String) throws(ForgeError) -> String {
        let bytes = path == "-" ? try StandardInput.lineBytes() ?? [] : try RegularFile.bytes(of: path, limit: 4096)
        var line = Array(bytes.prefix { $0 != 0x0A })
        if line.last == 0x0D { line.removeLast() }
        guard let text = String(validating: line, as: UTF8.self) else {
            throw ForgeError(.badInput, "could not read \(what) from \(path): it is not UTF-8")
        }
        return text
    }
}
