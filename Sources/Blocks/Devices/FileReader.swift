import Glibc

/// A file or block device that is only ever read; its size is fixed when it is opened.
package final class FileReader: BlockReader {
    package let byteCount: Int64
    let file: OpenFile

    package var path: String { file.path }
    /// Valid as long as this object is.
    package var descriptor: CInt { file.descriptor }

    /// Opens `path`; throws `BlockError.system`.
    package convenience init(path: String) throws(BlockError) {
        try self.init(OpenFile(path: path, flags: O_RDONLY))
    }

    /// Reads through a file that is open already.
    package init(_ file: OpenFile) throws(BlockError) {
        byteCount = try file.measuredByteCount()
        self.file = file
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try file.fill(&buffer, at: offset, size: byteCount)
    }

    package func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>? {
        // Without this a file cut short behind our back would look like one that ends in a hole.
        let found = try file.measuredByteCount()
        guard found >= byteCount else { throw .truncated(path: path, expected: byteCount, found: found) }
        return try file.nextData(from: offset, end: byteCount)
    }
}

extension OpenFile {
    /// Fills `buffer` from a file that is taken to be `size` bytes long; throws `truncated` when it has become shorter.
    package func fill(_ buffer: inout MutableRawSpan, at offset: Int64, size: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: size)
        let count = buffer.byteCount
        let read = try buffer.withUnsafeMutableBytes { (bytes) throws(BlockError) in
            try self.read(upTo: bytes, at: offset)
        }
        guard read == count else {
            throw .truncated(path: path, expected: size, found: min(try measuredByteCount(), offset + Int64(read)))
        }
    }
}
