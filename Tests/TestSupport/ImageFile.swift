package import Blocks
import Foundation

/// A file as a device, so that tools can judge what was written to it.
package final class ImageFile: BlockDevice {
    package let byteCount: Int64
    private let path: String
    private let descriptor: Int32

    package init(_ path: String) throws {
        self.path = path
        descriptor = open(path, O_RDWR)
        guard descriptor >= 0 else { throw BlockError.system(errno: errno, operation: "open", path: path) }
        byteCount = Int64(lseek(descriptor, 0, Int32(SEEK_END)))
    }

    deinit { close(descriptor) }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let count = buffer.byteCount
        try checkBounds(offset: offset, count: count, size: byteCount)
        let done = buffer.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(offset)) }
        guard done == count else { throw .system(errno: errno, operation: "read", path: path) }
    }

    package func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError) {
        let count = bytes.byteCount
        try checkBounds(offset: offset, count: count, size: byteCount)
        let done = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, count, off_t(offset)) }
        guard done == count else { throw .system(errno: errno, operation: "write", path: path) }
    }
}
