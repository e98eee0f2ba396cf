import Blocks
import Synchronization

/// A base in memory that tells its all-zero 4 KiB blocks as holes, counts reads and can fail.
final class MemoryReader: BlockReader {
    let bytes: [UInt8]
    private let failingRead: Int?
    private let count = Atomic<Int>(0)

    static let failure = BlockError.system(errno: 5, operation: "read", path: "memory")

    init(_ bytes: [UInt8], failingRead: Int? = nil) {
        self.bytes = bytes
        self.failingRead = failingRead
    }

    var byteCount: Int64 { Int64(bytes.count) }
    var reads: Int { count.load(ordering: .relaxed) }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
        let number = count.add(1, ordering: .relaxed).newValue
        if let failingRead, number >= failingRead { throw Self.failure }
        let range = Int(offset)..<(Int(offset) + buffer.byteCount)
        buffer.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[range])) }
        }
    }

    func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>? {
        var block = Int(max(0, offset)) / 4096
        let blocks = (bytes.count + 4095) / 4096
        while block < blocks, isHole(block) { block += 1 }
        guard block < blocks else { return nil }
        let start = max(max(0, offset), Int64(block * 4096))
        while block < blocks, !isHole(block) { block += 1 }
        let end = Int64(min(block * 4096, bytes.count))
        return start < end ? start..<end : nil
    }

    private func isHole(_ block: Int) -> Bool {
        bytes[(block * 4096)..<min((block + 1) * 4096, bytes.count)].allSatisfy { $0 == 0 }
    }
}
