import Blocks
import Glibc
import Reports

/// Writes one card: erases it, writes the image, reads it back, and only then writes the partition table.
///
/// ```
///   begin    erase head and the space after the image, try whether the card is as large as it says
///   write    body, one piece of the base after the other             (or only the blocks that differ)
///   settle   wait until all is on the medium
///   check    body again, read back and compared
///   finish   head: first what follows the table, then the table
/// ```
struct CardWriter: ~Copyable {
    let medium: any CardMedium
    let map: WriteMap
    let patch: Patch
    /// The image that is digested, without what makes it fill the card.
    let image: Patch
    /// Only blocks that differ from what is on the card are written.
    let isChangedOnly: Bool
    private(set) var outcome = CardOutcome()
    /// What was written and must be read back; in order.
    private(set) var toCheck: [Range<Int64>] = []

    private var checkByteCount: Int64 = 0

    private let wanted: AlignedBuffer
    private let found: AlignedBuffer
    private var grid: PieceGrid
    private var hasher: SHA256?
    private var bad: [Range<Int64>] = []
    /// Whether the card has no partition table at the moment.
    private(set) var isErased = false

    static let bufferSize = 4 << 20
    private static let tries = 3
    /// After so many bad ranges nothing more is to be learnt.
    private static let badLimit = 16
    private static let smallPiece = 64 << 10

    init(
        medium: any CardMedium, map: WriteMap, patch: Patch, image: Patch, growth: CardOutcome.Growth?,
        isChangedOnly: Bool, wantsDigest: Bool
    ) {
        self.medium = medium
        self.map = map
        self.patch = patch
        self.image = image
        self.isChangedOnly = isChangedOnly
        wanted = AlignedBuffer(byteCount: Self.bufferSize)
        found = AlignedBuffer(byteCount: Self.bufferSize)
        grid = PieceGrid(imageByteCount: map.end)
        hasher = wantsDigest ? SHA256() : nil
        outcome.imageByteCount = image.byteCount
        outcome.mappedByteCount = map.byteCount
        outcome.growth = growth
    }

    // MARK: The steps

    /// Makes sure that this is still the card that was checked, and that it is as large as it says.
    mutating func begin() throws(ForgeError) {
        try Interruption.check()
        try medium.checkIdentity()
        guard !isChangedOnly else { return }
        isErased = true
        for range in [map.head] + map.wiped { try erase(range) }
        try flush()
        try CapacityProbe(medium: medium).run(buffer: wanted)
    }

    /// How many bytes of the card are done, of how many.
    typealias Share = (done: Int64, total: Int64)

    /// Writes what lies in the next piece of the base.
    mutating func write(_ piece: SparseBytes) throws(ForgeError) -> Share {
        try Interruption.check()
        try digest(piece)
        let window = grid.window(of: piece.range)
        for range in map.body.parts(in: window, upTo: Int64(Self.bufferSize)) {
            try load(range, from: piece)
            if isChangedOnly {
                try replace(range)
            } else {
                try put(range)
            }
        }
        grid.finish(piece)
        return (isChangedOnly ? outcome.comparedByteCount : outcome.writtenByteCount, map.byteCount)
    }

    /// Waits for the medium; from now on the pieces come for the second time.
    mutating func settle() throws(ForgeError) {
        try flush()
        if !isChangedOnly { toCheck = map.body }
        checkByteCount = toCheck.reduce(0) { $0 + Int64($1.count) }
        grid = PieceGrid(imageByteCount: map.end)
    }

    /// Reads back from the card what the next piece of the base became, and compares.
    mutating func check(_ piece: SparseBytes) throws(ForgeError) -> Share {
        try Interruption.check()
        let window = grid.window(of: piece.range)
        for range in toCheck.parts(in: window, upTo: Int64(Self.bufferSize)) {
            try load(range, from: piece)
            try compare(range)
        }
        grid.finish(piece)
        return (outcome.checkedByteCount, checkByteCount)
    }

    /// Gives the card its first blocks, of which it had none until now; only for a card without a bad block.
    mutating func finish(base: any BlockReader) throws(ForgeError) -> CardOutcome {
        try Interruption.check()
        if !bad.isEmpty { throw .unreliable(medium.path, bad) }
        let table = 0..<min(WriteMap.grid, map.head.upperBound)
        let rest = table.upperBound..<map.head.upperBound
        try medium.checkIdentity()
        for range in [rest, table] where !range.isEmpty {
            try load(range, from: base)
            let wasErased = isErased
            if isChangedOnly, !(range == table && wasErased) {
                try replace(range)
            } else {
                try put(range)
            }
            try flush()
            try load(range, from: base)
            try compare(range)
        }
        if !bad.isEmpty {
            try erase(table)
            throw .unreliable(medium.path, bad)
        }
        isErased = false
        outcome.isTableRead = medium.rereadPartitions()
        outcome.digest = hasher.take()?.finalize()
        return outcome
    }

    // MARK: Bytes of the image

    private mutating func digest(_ piece: SparseBytes) throws(ForgeError) {
        guard piece.range.lowerBound < image.byteCount, var hasher = hasher.take() else { return }
        for index in 0..<piece.chunkCount {
            let chunkRange = piece.range(ofChunk: index)
            let chunk = try BlockError.wrapping(image.changing(piece.chunk(index), at: chunkRange))
            hasher.update(chunk, at: chunkRange)
        }
        self.hasher = consume hasher
    }

    private func load(_ range: Range<Int64>, from piece: SparseBytes) throws(ForgeError) {
        let bytes = wanted.prefix(range.count)
        grid.copy(from: piece, to: bytes, at: range.lowerBound)
        try applyPatch(to: bytes, at: range.lowerBound)
    }

    private func load(_ range: Range<Int64>, from base: any BlockReader) throws(ForgeError) {
        let bytes = wanted.prefix(range.count)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
        let inside = range.clamped(to: 0..<base.byteCount)
        try wrapping { () throws(BlockError) in
            var span = wanted.prefix(inside.count).mutableBytes
            try base.read(into: &span, at: inside.lowerBound)
        }
        try applyPatch(to: bytes, at: range.lowerBound)
    }

    private func applyPatch(to bytes: UnsafeMutableRawBufferPointer, at offset: Int64) throws(ForgeError) {
        var span = bytes.mutableBytes
        try BlockError.wrapping(patch.apply(to: &span, at: offset))
    }

    // MARK: Bytes of the card

    /// Writes what is loaded; a range that cannot be written is tried again, whole and in parts.
    private mutating func put(_ range: Range<Int64>) throws(ForgeError) {
        let bytes = UnsafeRawBufferPointer(wanted.prefix(range.count))
        if try attempt(range, { (medium) throws(BlockError) in try medium.store(bytes, at: range.lowerBound) }) {
            outcome.writtenByteCount += Int64(range.count)
            return
        }
        var lost: [Range<Int64>] = []
        for part in [range].parts(in: range, upTo: Int64(Self.smallPiece)) {
            let start = Int(part.lowerBound - range.lowerBound)
            let piece = UnsafeRawBufferPointer(rebasing: bytes[start..<start + part.count])
            if try !attempt(part, { (medium) throws(BlockError) in try medium.store(piece, at: part.lowerBound) }) {
                lost.append(part)
            }
        }
        guard lost.isEmpty else { throw .unwritable(medium.path, lost) }
        outcome.writtenByteCount += Int64(range.count)
    }

    /// Writes those blocks of what is loaded that the card has otherwise.
    private mutating func replace(_ range: Range<Int64>) throws(ForgeError) {
        let isReadable = try read(range)
        outcome.comparedByteCount += Int64(range.count)
        for part in isReadable ? differences(in: range) : [range] {
            if !isErased {
                isErased = true
                try erase(0..<min(WriteMap.grid, map.head.upperBound))
                try flush()
            }
            try putPart(part, of: range)
            toCheck.append(part)
        }
    }

    private mutating func putPart(_ part: Range<Int64>, of range: Range<Int64>) throws(ForgeError) {
        let start = Int(part.lowerBound - range.lowerBound)
        let bytes = UnsafeRawBufferPointer(wanted.part(start..<start + part.count))
        if try !attempt(part, { (medium) throws(BlockError) in try medium.store(bytes, at: part.lowerBound) }) {
            throw .unwritable(medium.path, [part])
        }
        outcome.writtenByteCount += Int64(part.count)
    }

    /// Reads a range back and compares it with what is loaded; what differs is written again, and noted when that does
    /// not help.
    private mutating func compare(_ range: Range<Int64>) throws(ForgeError) {
        outcome.checkedByteCount += Int64(range.count)
        var wrong = try read(range) ? differences(in: range) : [range]
        for _ in 1..<Self.tries where !wrong.isEmpty {
            outcome.retries += wrong.count
            for part in wrong { try putPart(part, of: range) }
            try flush()
            wrong = try read(range) ? differences(in: range) : [range]
        }
        bad += wrong
        if bad.count >= Self.badLimit { throw .unreliable(medium.path, bad) }
    }

    /// Fills `found` from the card; false when it cannot be read.
    private mutating func read(_ range: Range<Int64>) throws(ForgeError) -> Bool {
        let bytes = found.prefix(range.count)
        return try attempt(range) { (medium) throws(BlockError) in try medium.fill(bytes, at: range.lowerBound) }
    }

    /// The blocks, neighbours in one, in which what was found is not what is loaded.
    private func differences(in range: Range<Int64>) -> [Range<Int64>] {
        let (wanted, present) = (self.wanted.prefix(range.count), found.prefix(range.count))
        guard let a = wanted.baseAddress, let b = present.baseAddress, memcmp(a, b, range.count) != 0 else { return [] }
        var runs: [Range<Int64>] = []
        for offset in stride(from: 0, to: range.count, by: Int(WriteMap.grid)) {
            let count = min(Int(WriteMap.grid), range.count - offset)
            guard memcmp(a + offset, b + offset, count) != 0 else { continue }
            let start = range.lowerBound + Int64(offset)
            if let last = runs.last, last.upperBound == start {
                runs[runs.count - 1] = last.lowerBound..<start + Int64(count)
            } else {
                runs.append(start..<start + Int64(count))
            }
        }
        return runs
    }

    private mutating func erase(_ range: Range<Int64>) throws(ForgeError) {
        for part in [range].parts(in: range, upTo: Int64(Self.bufferSize)) {
            let zeros = found.prefix(part.count)
            zeros.initializeMemory(as: UInt8.self, repeating: 0)
            let bytes = UnsafeRawBufferPointer(zeros)
            if try !attempt(part, { (medium) throws(BlockError) in try medium.store(bytes, at: part.lowerBound) }) {
                throw .unwritable(medium.path, [part])
            }
            outcome.erasedByteCount += Int64(part.count)
        }
    }

    private func flush() throws(ForgeError) {
        if try !attempt(0..<0, { (medium) throws(BlockError) in try medium.flush() }) {
            throw .unwritable(medium.path, [])
        }
    }

    /// Tries an access several times; false when the medium is there and refuses, an error when it is gone.
    private func attempt(
        _ range: Range<Int64>, _ access: (any CardMedium) throws(BlockError) -> Void
    ) throws(ForgeError) -> Bool {
        for _ in 0..<Self.tries {
            do throws(BlockError) {
                try access(medium)
                return true
            } catch {
                if Self.isGone(error) { throw .vanished(medium.path) }
            }
            do throws(ForgeError) { try medium.checkIdentity() } catch { throw .vanished(medium.path) }
            try Interruption.check()
        }
        return false
    }

    /// What the kernel answers when there is no device or no medium any more.
    private static func isGone(_ error: BlockError) -> Bool {
        guard case .system(let code, _, _) = error else { return false }
        return [ENODEV, ENXIO, ENOMEDIUM, ESHUTDOWN, EBADF].contains(code)
    }
}
