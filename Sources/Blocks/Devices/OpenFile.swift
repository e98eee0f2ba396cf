import Glibc

/// An open file descriptor that is closed when its last owner is gone; all access is positional.
///
/// Every call retries on `EINTR` and continues after a short transfer.
package final class OpenFile: Sendable {
    /// What the kernel knows about a file: enough to see that it is still the same, unchanged file.
    package struct Status: Equatable, Sendable {
        package var device: UInt64
        package var inode: UInt64
        package var mode: UInt32
        /// Size in bytes; 0 for a block device.
        package var byteCount: Int64
        package var modified: Timestamp
        package var changed: Timestamp

        package var isRegular: Bool { mode & S_IFMT == S_IFREG }
        package var isBlockDevice: Bool { mode & S_IFMT == S_IFBLK }
    }

    /// A moment of the kernel's clock, in seconds and nanoseconds.
    package struct Timestamp: Equatable, Sendable {
        package var seconds: Int64
        package var nanoseconds: Int64
    }

    package let path: String
    /// Valid as long as this object is.
    package let descriptor: CInt

    /// Opens `path` with the flags of open(2); `O_CLOEXEC` is added, `mode` counts when the file is created.
    package init(path: String, flags: CInt, mode: UInt32 = 0o600) throws(BlockError) {
        var descriptor: CInt
        repeat {
            descriptor = open(path, flags | O_CLOEXEC, mode)
        } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else { throw .system(errno: errno, operation: "open", path: path) }
        self.descriptor = descriptor
        self.path = path
    }

    /// Another descriptor of a file that is open already, which keeps its own.
    package init(duplicating other: CInt, path: String) throws(BlockError) {
        // F_DUPFD_CLOEXEC of linux/fcntl.h, which glibc's headers hide behind _GNU_SOURCE.
        descriptor = fcntl(other, 1030, 0)
        self.path = path
        guard descriptor >= 0 else { throw .system(errno: errno, operation: "open", path: path) }
    }

    deinit {
        _ = close(descriptor)
    }

    /// What fstat(2) says now.
    package func status() throws(BlockError) -> Status {
        var found = stat()
        guard fstat(descriptor, &found) == 0 else { throw failure("stat") }
        return Status(
            device: UInt64(found.st_dev), inode: UInt64(found.st_ino), mode: found.st_mode,
            byteCount: Int64(found.st_size),
            modified: Timestamp(seconds: Int64(found.st_mtim.tv_sec), nanoseconds: Int64(found.st_mtim.tv_nsec)),
            changed: Timestamp(seconds: Int64(found.st_ctim.tv_sec), nanoseconds: Int64(found.st_ctim.tv_nsec)))
    }

    /// Size in bytes of a regular file or a block device.
    package func measuredByteCount() throws(BlockError) -> Int64 {
        let end = lseek(descriptor, 0, SEEK_END)
        guard end >= 0 else { throw failure("seek") }
        return Int64(end)
    }

    /// Reads until `buffer` is full or the file ends; returns the number of bytes read.
    package func read(upTo buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BlockError) -> Int {
        guard let count = Transfer.read(descriptor, into: buffer, at: offset) else { throw failure("read") }
        return count
    }

    /// The first `count` bytes, or fewer when the file is shorter.
    package func prefix(_ count: Int) throws(BlockError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        let found = try span.withUnsafeMutableBytes { (bytes) throws(BlockError) in try read(upTo: bytes, at: 0) }
        return Array(bytes.prefix(found))
    }

    /// Writes all of `buffer` from `offset` on.
    package func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(BlockError) {
        Work.add(written: Int64(buffer.count))
        guard Transfer.write(buffer, to: descriptor, at: offset) else { throw failure("write") }
    }

    /// Sets the size in bytes; a file that grows gets a hole.
    package func resize(to byteCount: Int64) throws(BlockError) {
        while ftruncate(descriptor, off_t(byteCount)) != 0 {
            guard errno == EINTR else { throw failure("resize") }
        }
    }

    /// Waits until everything written is on stable storage.
    package func synchronize() throws(BlockError) {
        while fsync(descriptor) != 0 {
            guard errno == EINTR else { throw failure("sync") }
        }
    }

    /// The first range of data at or after `offset` as SEEK_DATA and SEEK_HOLE find it, cut at `end`; the whole rest
    /// where the file system does not know its holes.
    package func nextData(from offset: Int64, end: Int64) throws(BlockError) -> Range<Int64>? {
        guard offset < end else { return nil }
        let from = max(0, offset)
        let start = lseek(descriptor, off_t(from), Self.seekData)
        if start < 0 {
            switch errno {
            case ENXIO: return nil
            case EINVAL, ENOTSUP, ENOTTY, ESPIPE: return from..<end
            default: throw failure("find data in")
            }
        }
        guard start < end else { return nil }
        let hole = lseek(descriptor, start, Self.seekHole)
        if hole < 0 {
            guard errno == EINVAL || errno == ENOTSUP else { throw failure("find holes in") }
            return Int64(start)..<end
        }
        return Int64(start)..<max(Int64(start) + 1, min(Int64(hole), end))
    }

    // SEEK_DATA and SEEK_HOLE of linux/fs.h, which glibc's headers hide behind _GNU_SOURCE.
    private static let seekData: CInt = 3
    private static let seekHole: CInt = 4

    package func failure(_ operation: String) -> BlockError {
        .system(errno: errno, operation: operation, path: path)
    }
}
