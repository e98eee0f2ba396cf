package import Blocks
import Images
package import Reports

/// The file by which `sha256sum -c` checks the outputs of a run: `SHA256SUMS` beside them.
package struct ChecksumFile: Sendable {
    package let path: String
    private let replacing: Bool

    /// Throws when it must not be written there; before anything slow begins. `mayBeSame`: one that exists is compared
    /// when it would be written.
    package init(in folder: String, replacing: Bool, mayBeSame: Bool = false) throws(ForgeError) {
        path = OutputFolder.path(of: "SHA256SUMS", in: folder)
        self.replacing = replacing
        try OutputFile.checkReplaceable(path, replacing: replacing || mayBeSame)
    }

    /// Writes a line for each image, in the order of `results`.
    package func write(_ results: [Build.Result]) throws(ForgeError) {
        var text = ""
        for output in results.map(\.manifest.output) {
            text += SHA256Digest.line(output.sha256, of: output.file) + "\n"
        }
        if !replacing, (try? RegularFile.bytes(of: path)) == Array(text.utf8) { return }
        let file = try OutputFile(path: path, mode: 0o666, replacing: replacing)
        try file.write(Array(text.utf8).span.bytes, at: 0)
        try file.commit()
    }
}

extension SHA256Digest {
    /// A digest's hex digits and a file's name as sha256sum(1) prints and reads them: a name with a backslash or a line
    /// break is escaped, and a backslash in front says so (coreutils, md5sum.c).
    package static func line(_ digits: String, of name: String) -> String {
        guard name.utf8.contains(where: { $0 == 0x5C || $0 == 0x0A || $0 == 0x0D }) else { return "\(digits)  \(name)" }
        var escaped = ""
        for scalar in name.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\r": escaped += "\\r"
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return "\\\(digits)  \(escaped)"
    }
}
