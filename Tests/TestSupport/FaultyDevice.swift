package import Blocks

/// A device that fails from the n-th read or write on, counted from 1, as a dying card does.
package final class FaultyDevice: BlockDevice {
    private let base: any BlockDevice
    private let failingRead: Int?
    private let failingWrite: Int?
    package private(set) var reads = 0
    package private(set) var writes = 0

    /// What it fails with.
    package static let error = BlockError.system(errno: 5, operation: "access", path: "faulty")

    package init(over base: any BlockDevice, failingRead: Int? = nil, failingWrite: Int? = nil) {
        self.base = base
        self.failingRead = failingRead
        self.failingWrite = failingWrite
    }

    package var byteCount: Int64 { base.byteCount }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        reads += 1
        if let failingRead, reads >= failingRead { throw Self.error }
        try base.read(into: &buffer, at: offset)
    }

    package func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError) {
        writes += 1
        if let failingWrite, writes >= failingWrite { throw Self.error }
        try base.write(bytes, at: offset)
    }
}
