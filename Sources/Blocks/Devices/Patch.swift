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

    /// One that changes nothing.
    package init(byteCount: Int64) { self.init(byteCount: byteCount, ranges: [], granules: [:]) }

    init(byteCount: Int64, ranges: [Range<Int64>], granules: [Int64: [UInt8]]) {
        self.byteCount = byteCount
        self.ranges = ranges
        self.granules = granules
    }

    /// The changed bytes kept here.
    package var heldByteCount: Int64 { ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) } }

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

    /// Hands out the changed bytes inside `range`, in order and at most a granule at a time.
    package func forEachGranule<Failure: Error>(
        in range: Range<Int64>, _ body: (_ offset: Int64, _ bytes: RawSpan) throws(Failure) -> Void
    ) throws(Failure) {
        let size = Int64(Overlay.granuleSize)
        for part in ranges(in: range) {
            var offset = part.lowerBound
            while offset < part.upperBound {
                let start = offset / size * size
                let end = min(start + size, part.upperBound)
                if let granule = granules[offset / size], Int(end - start) <= granule.count {
                    try body(offset, granule.span.bytes.extracting(Int(offset - start)..<Int(end - start)))
                }
                offset = end
            }
        }
    }

    /// Lays the changed bytes over `buffer`, which holds the base's bytes from `offset` on.
    package func apply(to buffer: inout MutableRawSpan, at offset: Int64) {
        let (end, overflow) = offset.addingReportingOverflow(Int64(buffer.byteCount))
        guard !overflow, offset >= 0 else { return }
        buffer.withUnsafeMutableBytes { target in
            forEachGranule(in: offset..<end) { position, bytes in
                bytes.withUnsafeBytes { bytes in
                    let start = Int(position - offset)
                    UnsafeMutableRawBufferPointer(rebasing: target[start..<(start + bytes.count)])
                        .copyMemory(from: bytes)
                }
            }
        }
    }

    /// The same patch, whose granules share memory with equal ones of `pool`; new ones are added to it.
    ///
    /// Slots of one base differ in few granules: bitmaps, inode tables and most files are the same for all.
    package func sharing(_ pool: inout Set<ByteKey>) -> Patch {
        let shared = granules.mapValues { pool.insert(ByteKey($0)).memberAfterInsert.bytes }
        return Patch(byteCount: byteCount, ranges: ranges, granules: shared)
    }
}
