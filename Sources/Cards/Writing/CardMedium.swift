package import Blocks
package import Reports

/// A card under the writer: a block device held open, or in tests one that fails on purpose.
///
/// Offsets, counts and buffers are multiples of `sectorSize`, buffers also of the page; a transfer may be short, as
/// with read(2) and write(2), and goes past the page cache.
package protocol CardMedium: Sendable {
    /// As the person knows it: `/dev/sdb`.
    var path: String { get }
    /// Size in bytes, as the medium claims it.
    var byteCount: Int64 { get }
    var sectorSize: Int { get }
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BlockError) -> Int
    func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(BlockError) -> Int
    /// Waits until everything written is on the medium, and forgets what the kernel remembers of it.
    func flush() throws(BlockError)
    /// Throws when this is not the medium any more that was checked.
    func checkIdentity() throws(ForgeError)
    /// Makes the kernel look at the new partition table; false when it could not.
    func rereadPartitions() -> Bool
}

extension CardMedium {
    /// Fills the whole buffer.
    func fill(_ buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BlockError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try read(into: rest, at: offset + Int64(done))
            guard count > 0 else {
                throw .truncated(path: path, expected: byteCount, found: offset + Int64(done))
            }
            done += count
        }
    }

    /// Writes the whole buffer.
    func store(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(BlockError) {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
            let count = try write(rest, at: offset + Int64(done))
            guard count > 0 else { throw .system(errno: 28, operation: "write", path: path) }
            done += count
        }
    }
}
