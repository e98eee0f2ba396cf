import Blocks
import Glibc
import Trees
import Volumes

/// A large file of the user's, which must stay what it was when it was first read.
///
/// It is opened for each read: a profile may name more files than a process may have open.
struct UserFile: BlockReader {
    private let path: String
    private let status: OpenFile.Status

    var byteCount: Int64 { status.byteCount }

    init(path: String) throws(BlockError) {
        self.path = path
        status = try UnchangedFile(OpenFile(path: path, flags: O_RDONLY | O_NOCTTY)).status
    }

    /// Throws `changed` when the file is no longer what it was.
    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let file = try OpenFile(path: path, flags: O_RDONLY | O_NOCTTY)
        guard try file.status() == status else { throw .changed(path: path) }
        try file.fill(&buffer, at: offset, size: byteCount)
        guard try file.status() == status else { throw .changed(path: path) }
    }
}

extension UserFile {
    /// SHA-256 of all bytes.
    fileprivate func digest() throws(BlockError) -> SHA256Digest {
        var hasher = SHA256()
        var offset: Int64 = 0
        while offset < byteCount {
            let piece = try bytes(at: offset, count: Int(min(StoredFile.pieceSize, byteCount - offset)))
            hasher.update(piece.span.bytes)
            offset += Int64(piece.count)
        }
        return hasher.finalize()
    }
}

extension StoredFile {
    /// Reads all of a file once, for its digest.
    init(_ file: UserFile) throws(BlockError) {
        let digest = try file.digest()
        self.init(byteCount: file.byteCount, sha256: digest.description, content: ReaderContent(file))
    }
}
