@testable import Blocks
@testable import Cards
@testable import Forge
import Glibc
@testable import Reports
import Synchronization

/// A card in memory that is full of old bytes and fails on purpose.
final class FaultyMedium: CardMedium {
    let path = "/dev/sdz"
    /// What it claims to hold.
    let byteCount: Int64
    let sectorSize: Int
    private let faults: Faults
    private let state = Mutex(State())

    /// What goes wrong; offsets and counts in bytes.
    struct Faults: Sendable {
        /// The most that one read or write moves.
        var transferLimit = Int.max
        /// Places that cannot be written, however often it is tried.
        var unwritable: [Int64] = []
        /// Places that cannot be read.
        var unreadable: [Int64] = []
        /// Places that keep something else than they are told, so many times.
        var forgetting: [Int64: Int] = [:]
        /// What is behind this is stored modulo it.
        var realByteCount: Int64?
        /// After so many bytes it is gone.
        var vanishing: Int64?
        /// At this check it is another card.
        var replacedAtCheck: Int?
    }

    private struct State {
        var blocks: [Int64: [UInt8]] = [:]
        var writes: [Range<Int64>] = []
        var written: Int64 = 0
        var checks = 0
        var forgotten: [Int64: Int] = [:]
        var flushes = 0
        var rereads = 0
    }

    static let blockSize: Int64 = 4096
    /// What every byte holds that was never written.
    static let stale: UInt8 = 0xE5

    init(byteCount: Int64, sectorSize: Int = 512, faults: Faults = Faults()) {
        self.byteCount = byteCount
        self.sectorSize = sectorSize
        self.faults = faults
    }

    /// Every range written, in order, short transfers as they were.
    var writes: [Range<Int64>] { state.withLock { $0.writes } }
    var rereads: Int { state.withLock { $0.rereads } }

    func bytes(_ range: Range<Int64>) -> [UInt8] {
        state.withLock { state in
            var bytes: [UInt8] = []
            bytes.reserveCapacity(range.count)
            var offset = range.lowerBound
            while offset < range.upperBound {
                let end = min(range.upperBound, (offset / Self.blockSize + 1) * Self.blockSize)
                let skip = Int(offset % Self.blockSize)
                bytes += Self.block(at: offset, in: state.blocks)[skip..<skip + Int(end - offset)]
                offset = end
            }
            return bytes
        }
    }

    private static func block(at offset: Int64, in blocks: [Int64: [UInt8]]) -> [UInt8] {
        blocks[offset / blockSize] ?? untouched
    }

    private static let untouched = [UInt8](repeating: stale, count: Int(blockSize))

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(BlockError) -> Int {
        let count = try check(buffer.baseAddress, buffer.count, at: offset, failing: faults.unreadable, "read")
        state.withLock { state in
            for start in stride(from: offset, to: offset + Int64(count), by: 512) {
                let skip = Int(place(start) % Self.blockSize)
                Self.block(at: place(start), in: state.blocks).withUnsafeBytes { block in
                    UnsafeMutableRawBufferPointer(rebasing: buffer[Int(start - offset)..<Int(start - offset) + 512])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: block[skip..<skip + 512]))
                }
            }
        }
        return count
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: Int64) throws(BlockError) -> Int {
        let count = try check(buffer.baseAddress, buffer.count, at: offset, failing: faults.unwritable, "write")
        state.withLock { state in
            for start in stride(from: offset, to: offset + Int64(count), by: 512) {
                let index = place(start) / Self.blockSize
                var block = state.blocks.removeValue(forKey: index) ?? Self.untouched
                let skip = Int(place(start) % Self.blockSize)
                block.replaceSubrange(
                    skip..<skip + 512, with: buffer[Int(start - offset)..<Int(start - offset) + 512])
                for (bad, times) in faults.forgetting
                where (start..<start + 512).contains(bad) && state.forgotten[bad, default: 0] < times {
                    state.forgotten[bad, default: 0] += 1
                    block[skip + Int(bad - start)] ^= 0x10
                }
                state.blocks[index] = block
            }
            state.writes.append(offset..<offset + Int64(count))
            state.written += Int64(count)
        }
        return count
    }

    private func place(_ offset: Int64) -> Int64 { offset % (faults.realByteCount ?? .max) }

    private func check(
        _ address: UnsafeRawPointer?, _ count: Int, at offset: Int64, failing: [Int64], _ operation: String
    ) throws(BlockError) -> Int {
        let isAligned = Int(bitPattern: address) % sectorSize == 0
        guard isAligned, count % sectorSize == 0, offset % Int64(sectorSize) == 0, offset + Int64(count) <= byteCount
        else { throw .system(errno: EINVAL, operation: operation, path: path) }
        if let limit = faults.vanishing, state.withLock({ $0.written }) >= limit {
            throw .system(errno: ENODEV, operation: operation, path: path)
        }
        if failing.contains(where: { (offset..<offset + Int64(count)).contains($0) }) {
            throw .system(errno: EIO, operation: operation, path: path)
        }
        return min(count, faults.transferLimit)
    }

    func flush() throws(BlockError) { state.withLock { $0.flushes += 1 } }

    func checkIdentity() throws(ForgeError) {
        let checks = state.withLock { state in
            state.checks += 1
            return state.checks
        }
        if let limit = faults.replacedAtCheck, checks >= limit { throw .replaced(path) }
    }

    func rereadPartitions() -> Bool {
        state.withLock { $0.rereads += 1 }
        return true
    }
}
