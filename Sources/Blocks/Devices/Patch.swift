/// What one slot changes in the base, frozen: the dirty granules of an overlay as a value that any thread may read.
///
/// ```
///   base    |=========================================|
///   patch          | ranges[0] |        | ranges[1] |      whole granules of 4 KiB, the last one may be shorter
/// ```
package struct Patch: Equatable, Sendable {
    /// Size of the whole image in bytes.
    package let byteCount: Int64
    /// What differs from the base, in order, neither touching nor overlapping, in whole granules.
    package let ranges: [Range<Int64>]
    /// By granule: offset in the image divided by `Overlay.granuleSize`.
    let granules: [Int64: [UInt8]]
    /// Those whose bytes a reader has.
    let placed: PlacedGranules

    /// One that changes nothing.
    package init(byteCount: Int64) { self.init(byteCount: byteCount, ranges: [], granules: [:]) }

    init(byteCount: Int64, ranges: [Range<Int64>], granules: [Int64: [UInt8]], placed: PlacedGranules = .init()) {
        self.placed = placed
        self.byteCount = byteCount
        self.ranges = ranges
        self.granules = granules
    }

    /// The changed bytes kept here.
    package var heldByteCount: Int64 {
        ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } - Int64(placed.count) * Int64(Overlay.granuleSize)
    }

    /// Whether anything in `range` differs from the base.
    package func touches(_ range: Range<Int64>) -> Bool {
        ranges.touches(range)
    }

    /// The parts of `ranges` inside `range`, in order.
    package func ranges(in range: Range<Int64>) -> [Range<Int64>] {
        var found: [Range<Int64>] = []
        var position = ranges.firstIndex(endingAfter: range.lowerBound)
        while position < ranges.count, ranges[position].lowerBound < range.upperBound {
            let part = ranges[position].clamped(to: range)
            if !part.isEmpty { found.append(part) }
            position += 1
        }
        return found
    }

    /// Granules of a reader that are read at a time.
    private static let runLimit = 256

    /// Hands out the changed bytes inside `range`, in order and at most 1 MiB at a time.
    package func forEachGranule(
        in range: Range<Int64>, _ body: (_ offset: Int64, _ bytes: RawSpan) throws(BlockError) -> Void
    ) throws(BlockError) {
        let size = Int64(Overlay.granuleSize)
        for part in ranges(in: range) {
            var offset = part.lowerBound
            while offset < part.upperBound {
                let start = offset / size * size
                var end = min(start + size, part.upperBound)
                let run = placed.isEmpty ? 0 : placed.runLength(from: offset / size, limit: Self.runLimit)
                if run > 0 {
                    end = min(start + Int64(run) * size, part.upperBound)
                    let wanted = Int((end - start + size - 1) / size)
                    let bytes = try placed.bytes(of: offset / size, count: wanted)
                    try body(offset, bytes.span.bytes.extracting(Int(offset - start)..<Int(end - start)))
                } else if let granule = granules[offset / size], Int(end - start) <= granule.count {
                    try body(offset, granule.span.bytes.extracting(Int(offset - start)..<Int(end - start)))
                }
                offset = end
            }
        }
    }

    /// Lays the changed bytes over `buffer`, which holds the base's bytes from `offset` on.
    package func apply(to buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let (end, overflow) = offset.addingReportingOverflow(Int64(buffer.byteCount))
        guard !overflow, offset >= 0 else { return }
        try buffer.withUnsafeMutableBytes { (target) throws(BlockError) in
            try forEachGranule(in: offset..<end) { (position, bytes) throws(BlockError) in
                bytes.withUnsafeBytes { bytes in
                    let start = Int(position - offset)
                    UnsafeMutableRawBufferPointer(rebasing: target[start..<(start + bytes.count)])
                        .copyMemory(from: bytes)
                }
            }
        }
    }

    /// A chunk of the base, which lies at `range`, as the patch changes it; nil is zeros.
    package func changing(_ chunk: SparseBytes.Chunk?, at range: Range<Int64>) throws(BlockError) -> SparseBytes.Chunk?
    {
        guard touches(range) else { return chunk }
        var bytes = chunk?.bytes ?? [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        try apply(to: &raw, at: range.lowerBound)
        return SparseBytes.Chunk(
            bytes: bytes, dataMask: SparseBytes.dataMask(of: bytes.span.bytes, at: range.lowerBound))
    }

    /// The same patch, whose granules share memory with equal ones of `pool`; new ones are added to it.
    ///
    /// Slots of one base differ in few granules: bitmaps, inode tables and most files are the same for all.
    package func sharing(_ pool: inout Set<ByteKey>) -> Patch {
        let shared = granules.mapValues { pool.insert(ByteKey($0)).memberAfterInsert.bytes }
        return Patch(byteCount: byteCount, ranges: ranges, granules: shared, placed: placed)
    }
}
