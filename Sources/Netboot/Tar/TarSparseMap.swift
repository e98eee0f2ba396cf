/// The map in front of a sparse file's data in a tar, as GNU tar writes it in its pax format 1.0 (GNU tar manual,
/// "Storing Sparse Files", "PAX Format, Version 1.0").
///
/// ```
///   "2\n" "0\n" "4096\n" "1048576\n" "0\n"  zeros to a whole block | 4096 bytes of data
///    ranges, then offset and length of each; a last empty one at the file's end where it ends in a hole
/// ```
struct TarSparseMap: Equatable, Sendable {
    /// Ascending and disjoint; the last one may be empty.
    private let ranges: [Range<Int64>]
    /// Bytes of all ranges.
    let dataByteCount: Int64

    init(_ data: [Range<Int64>], fileByteCount: Int64) {
        var ranges = data
        if ranges.last?.upperBound != fileByteCount { ranges.append(fileByteCount..<fileByteCount) }
        self.ranges = ranges
        dataByteCount = data.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
    }

    /// A whole number of a tar's blocks.
    var bytes: [UInt8] {
        var text = Array("\(ranges.count)\n".utf8)
        for range in ranges { text += Array("\(range.lowerBound)\n\(range.upperBound - range.lowerBound)\n".utf8) }
        return text + [UInt8](repeating: 0, count: TarHeader.paddingCount(of: Int64(text.count)))
    }

    /// Where a byte of the file lies in the data; `offset` is in one of the ranges.
    func place(of offset: Int64) -> Int64 {
        var place: Int64 = 0
        for range in ranges {
            guard offset >= range.upperBound else { return place + max(0, offset - range.lowerBound) }
            place += range.upperBound - range.lowerBound
        }
        return place
    }
}
