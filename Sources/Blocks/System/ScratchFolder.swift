import Glibc
package import Reports

/// A new folder, only its owner's, for files that other programs are given for a moment; whoever makes it removes it.
package struct ScratchFolder: Sendable {
    package let path: String

    /// In the folder that `environment` wants such files in (TMPDIR). Six characters of chance follow `name`.
    package init(named name: String, for environment: [String: String]) throws(ForgeError) {
        let parent = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var template = Array("\(parent)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw ForgeError.writing(parent, errno: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        UnfinishedOutputs.begin(path)
    }

    /// `name` is of one part, and new. Returns the file's path.
    @discardableResult
    package func write(_ bytes: RawSpan, to name: String) throws(ForgeError) -> String {
        let path = self.path + "/" + name
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw ForgeError.writing(path, errno: errno) }
        defer { close(descriptor) }
        guard bytes.withUnsafeBytes({ Transfer.write($0, to: descriptor) }) else {
            throw ForgeError.writing(path, errno: errno)
        }
        return path
    }

    /// Removes it with all that is in it.
    package func removeAll() {
        Self.removeTree(path)
        UnfinishedOutputs.end(path)
    }

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
}
