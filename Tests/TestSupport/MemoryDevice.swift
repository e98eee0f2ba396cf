package import Blocks

/// A device in memory that counts what is asked of it.
package final class MemoryDevice: BlockDevice {
    package var bytes: [UInt8]
    package private(set) var reads = 0
    package private(set) var writes = 0
    package private(set) var bytesRead = 0
    package private(set) var bytesWritten = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package convenience init(byteCount: Int) { self.init([UInt8](repeating: 0, count: byteCount)) }

    package var byteCount: Int64 { Int64(bytes.count) }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let count = buffer.byteCount
        try checkBounds(offset: offset, count: count, size: byteCount)
        buffer.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[Int(offset)..<Int(offset) + count]))
            }
        }
        reads += 1
        bytesRead += count
    }

    package func write(_ data: RawSpan, at offset: Int64) throws(BlockError) {
        let count = data.byteCount
        try checkBounds(offset: offset, count: count, size: byteCount)
        data.withUnsafeBytes { source in
            bytes.withUnsafeMutableBytes { target in
                UnsafeMutableRawBufferPointer(rebasing: target[Int(offset)..<Int(offset) + count])
                    .copyMemory(from: source)
            }
        }
        writes += 1
        bytesWritten += count
    }
}
