package import Blocks
import Synchronization

/// Random access to the bytes inside an .xz file of several blocks: only blocks that are touched are decoded.
///
/// Decoded blocks are kept, without their zeros, up to `memoryLimit`; the least recently used go first, and what was read
/// of them stays: slots of one base read mostly the same few places. Several threads may read at once: different blocks
/// are decoded side by side, a block wanted by two threads is decoded once.
package final class XZReader: BlockReader {
    package let index: XZIndex
    package let byteCount: Int64
    private let memoryLimit: Int64
    /// The .xz file itself, for copying blocks as they are.
    package let file: OpenFile
    fileprivate let state = Mutex(State())

    /// Bytes of decoded blocks that are kept.
    package static let memoryLimit: Int64 = 112 << 20
    /// Bytes that are kept of what was read, longer than the blocks they are from.
    package static let remnantLimit: Int64 = 32 << 20
    /// Larger blocks are not decoded for random access.
    package static let blockLimit: Int64 = 256 << 20
    /// A compressed block of at most this many bytes may turn out to be one that is known to hold only zeros.
    private static let patternLimit: Int64 = 64 << 10

    /// What was done so far; tests and benches bound the work with it.
    package struct Counters: Equatable, Sendable {
        /// How often a block was decoded.
        package var decoded = 0
        /// How many different blocks were decoded.
        package var touched = 0
        /// Blocks known to be zeros by being, byte for byte, a block that was decoded to zeros.
        package var recognized = 0
        package init() {}
    }

    fileprivate struct State {
        var kept: [Int: Entry] = [:]
        var clock: UInt64 = 0
        /// Bytes kept, by block; a block that is still being decoded is not in it.
        var sizes: [Int: Int64] = [:]
        var held: Int64 = 0
        /// The chunks that were read, by block.
        var remnants: [Int: Remnant] = [:]
        var remnantsHeld: Int64 = 0
        var zeros: Set<Int> = []
        var patterns: Set<Pattern> = []
        var decodedOnce: Set<Int> = []
        var counters = Counters()
    }

    /// A block being decoded or decoded; whoever holds the inner lock decodes.
    fileprivate final class Entry: Sendable {
        let content = Mutex<SparseBytes?>(nil)
        let lastUse = Atomic<UInt64>(0)
    }

    /// Those chunks of a block that were read.
    fileprivate struct Remnant {
        var bytes: SparseBytes
        var chunks: Set<Int> = []

        func covering(_ range: Range<Int64>) -> SparseBytes? {
            bytes.chunks(in: range).allSatisfy(chunks.contains) ? bytes : nil
        }
    }

    /// All that decides what a block decodes to.
    fileprivate struct Pattern: Hashable {
        var bytes: [UInt8]
        var unpaddedSize: Int64
        var uncompressedSize: Int64
        var checkID: UInt8
    }

    /// nil when random access would not pay or cannot be had: fewer than two blocks with content, blocks that are too
    /// large, or a kind of check that cannot be verified.
    package init?(_ file: OpenFile, index: XZIndex, memoryLimit: Int64 = XZReader.memoryLimit) {
        let sizes = index.blocks.map(\.uncompressedSize).filter { $0 > 0 }
        guard sizes.count > 1, sizes.allSatisfy({ $0 <= Self.blockLimit }),
            index.streams.allSatisfy({ XZBlockDecoder.canVerify(checkID: $0.checkID) })
        else { return nil }
        self.file = file
        self.index = index
        byteCount = index.byteCount
        self.memoryLimit = memoryLimit
    }

    package var counters: Counters { state.withLock(\.counters) }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let count = buffer.byteCount
        try checkBounds(offset: offset, count: count, size: byteCount)
        var done = 0
        while done < count {
            let position = offset + Int64(done)
            guard let number = index.block(at: position) else {
                throw .outOfBounds(offset: offset, count: count, size: byteCount)
            }
            let length = Int(min(index.blocks[number].range.upperBound - position, Int64(count - done)))
            let wanted = position..<(position + Int64(length))
            let remnant = state.withLock { $0.remnants[number]?.covering(wanted) }
            let bytes = if let remnant { remnant } else { try block(number) }
            var part = buffer._mutatingExtracting(done..<(done + length))
            bytes.copy(into: &part, at: position)
            if remnant == nil { keep(wanted, of: bytes, number: number) }
            done += length
        }
    }

    /// Blocks that are known to be zeros are left out, and those not decoded yet are taken for data: nothing is decoded
    /// for this.
    package func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>? {
        var position = max(0, offset)
        while let number = index.block(at: position) {
            let range = index.blocks[number].range
            if let bytes = known(number) {
                if let found = bytes.nextData(from: position) { return found }
            } else {
                return position..<range.upperBound
            }
            position = range.upperBound
        }
        return nil
    }

    /// The blocks' places: reading anything else decodes the same block for more than one reader.
    package var pieces: [Range<Int64>] { index.blocks.map(\.range).filter { !$0.isEmpty } }

    /// One of `pieces`, handed over: it is not kept for later.
    package func takePiece(_ range: Range<Int64>) throws(BlockError) -> SparseBytes {
        guard let number = index.block(at: range.lowerBound), index.blocks[number].range == range else {
            return try SparseBytes(of: self, range: range)
        }
        let bytes = try block(number)
        forget(number)
        state.withLock { state in
            if let remnant = state.remnants.removeValue(forKey: number) {
                state.remnantsHeld -= remnant.bytes.heldByteCount
            }
        }
        return bytes
    }

    /// Decodes the block that begins at `offset` of the image, and throws `damaged` when something is wrong with it;
    /// nothing to do for one that was decoded before.
    package func verifyBlock(at offset: Int64) throws(BlockError) {
        guard let number = index.block(at: offset), !state.withLock({ $0.decodedOnce.contains(number) }) else { return }
        _ = try decode(number)
    }

    /// One block, decoded now or before.
    private func block(_ number: Int) throws(BlockError) -> SparseBytes {
        guard let entry = entry(for: number) else { return SparseBytes(range: index.blocks[number].range) }
        return try entry.content.withLock { (content) throws(BlockError) -> SparseBytes in
            if let content { return content }
            let bytes: SparseBytes
            do throws(BlockError) {
                bytes = try decode(number)
            } catch {
                forget(number)
                throw error
            }
            content = bytes
            account(bytes, for: number)
            return bytes
        }
    }

    /// The place where a block is or will be; nil when it is known to be zeros.
    private func entry(for number: Int) -> Entry? {
        state.withLock { state in
            if state.zeros.contains(number) { return nil }
            state.clock += 1
            let entry = state.kept[number] ?? Entry()
            entry.lastUse.store(state.clock, ordering: .relaxed)
            state.kept[number] = entry
            return entry
        }
    }
}

extension XZReader {
    /// What is known of a block without decoding it or waiting for another thread.
    private func known(_ number: Int) -> SparseBytes? {
        let (isZero, entry) = state.withLock { ($0.zeros.contains(number), $0.kept[number]) }
        if isZero { return SparseBytes(range: index.blocks[number].range) }
        return entry?.content.withLockIfAvailable { $0 } ?? nil
    }

    private func decode(_ number: Int) throws(BlockError) -> SparseBytes {
        let block = index.blocks[number]
        let checkID = index.streams[block.stream].checkID
        var pattern: Pattern?
        if block.totalSize <= Self.patternLimit {
            let found = Pattern(
                bytes: try compressedBytes(of: block), unpaddedSize: block.unpaddedSize,
                uncompressedSize: block.uncompressedSize, checkID: checkID)
            let isZero = state.withLock { state in
                guard state.patterns.contains(found) else { return false }
                state.counters.recognized += 1
                return true
            }
            if isZero { return SparseBytes(range: block.range) }
            pattern = found
        }
        let bytes = try XZBlockDecoder(file, block: block, checkID: checkID).decode()
        Work.add(decoded: block.uncompressedSize)
        state.withLock { state in
            state.counters.decoded += 1
            if state.decodedOnce.insert(number).inserted { state.counters.touched += 1 }
            if bytes.isZero, let pattern { state.patterns.insert(pattern) }
        }
        return bytes
    }

    private func compressedBytes(of block: XZIndex.Block) throws(BlockError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(block.totalSize))
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        try file.fill(&raw, at: block.compressedOffset, size: index.compressedByteCount)
        return bytes
    }

    /// Counts a decoded block's bytes and drops the least recently used ones while there are too many.
    private func account(_ bytes: SparseBytes, for number: Int) {
        state.withLock { state in
            if bytes.isZero {
                state.zeros.insert(number)
                state.kept[number] = nil
                return
            }
            state.sizes[number] = bytes.heldByteCount
            state.held += bytes.heldByteCount
            while state.held > memoryLimit {
                let candidates = state.sizes.keys.filter { $0 != number }
                guard let oldest = candidates.min(by: { state.lastUse(of: $0) < state.lastUse(of: $1) }) else { break }
                state.drop(oldest)
            }
        }
    }

    /// Remembers the chunks that hold `range`; they share memory with the block while that is kept.
    private func keep(_ range: Range<Int64>, of bytes: SparseBytes, number: Int) {
        guard !bytes.isZero else { return }
        state.withLock { state in
            guard state.remnantsHeld < Self.remnantLimit else { return }
            var remnant = state.remnants[number] ?? Remnant(bytes: SparseBytes(range: bytes.range))
            state.remnants[number] = nil
            let before = remnant.bytes.heldByteCount
            for index in bytes.chunks(in: range) where remnant.chunks.insert(index).inserted {
                remnant.bytes.setChunk(index, to: bytes.chunk(index))
            }
            state.remnantsHeld += remnant.bytes.heldByteCount - before
            state.remnants[number] = remnant
        }
    }

    private func forget(_ number: Int) {
        state.withLock { $0.drop(number) }
    }
}

extension XZReader.State {
    fileprivate mutating func drop(_ number: Int) {
        kept[number] = nil
        if let size = sizes.removeValue(forKey: number) { held -= size }
    }

    fileprivate func lastUse(of number: Int) -> UInt64 {
        kept[number]?.lastUse.load(ordering: .relaxed) ?? 0
    }
}
