import Blocks
import Glibc
package import Reports

/// A new folder, only its owner's, for files that other programs are given for a moment; whoever makes it removes it.
package struct ScratchFolder: Sendable {
    package let path: String

    /// `parent` exists; six characters of chance follow `name`.
    package init(named name: String, in parent: String = "/tmp") throws(ForgeError) {
        var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ForgeError.writing(parent, errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Where an environment wants such folders.
    package static func parent(_ environment: [String: String]) -> String {
        environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    }

    func write(_ text: String, to name: String) throws(ForgeError) {
        let path = self.path + "/" + name
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ForgeError.writing(path, errno: errno) }
        defer { close(descriptor) }
        let isWritten = Array(text.utf8).withUnsafeBytes { Transfer.write($0, to: descriptor) }
        guard isWritten else { throw ForgeError.writing(path, errno: errno) }
    }

    /// Removes it with all that is in it.
    package func removeAll() { Self.removeTree(path) }

    private static func removeTree(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in FolderListing.names(in: path) ?? [] { removeTree(path + "/" + name) }
        rmdir(path)
    }

    func remove(_ names: [String]) {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}
