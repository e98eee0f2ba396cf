import Glibc

/// A file or block device that is read and written in place; its size is fixed when it is opened.
package final class FileDevice: BlockDevice {
    package let byteCount: Int64
    private let file: OpenFile

    package var path: String { file.path }
    /// Valid as long as this object is.
    package var descriptor: CInt { file.descriptor }

    /// Opens an existing file or device for reading and writing.
    package convenience init(path: String) throws(BlockError) {
        try self.init(OpenFile(path: path, flags: O_RDWR))
    }

    /// Reads and writes through a file that is open already.
    package init(_ file: OpenFile) throws(BlockError) {
        byteCount = try file.measuredByteCount()
        self.file = file
    }

    /// Creates a file of `byteCount` zero bytes, all of them a hole; throws EEXIST when `path` exists.
    package init(creating path: String, byteCount: Int64, mode: UInt32 = 0o644) throws(BlockError) {
        try checkBounds(offset: 0, count: 0, size: byteCount)
        file = try OpenFile(path: path, flags: O_RDWR | O_CREAT | O_EXCL, mode: mode)
        try file.resize(to: byteCount)
        self.byteCount = byteCount
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try file.fill(&buffer, at: offset, size: byteCount)
    }

    package func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: bytes.byteCount, size: byteCount)
        try bytes.withUnsafeBytes { (bytes) throws(BlockError) in
            try file.write(bytes, at: offset)
        }
    }

    /// Waits until everything written is on stable storage.
    package func synchronize() throws(BlockError) {
        try file.synchronize()
    }
}
