import Blocks
import Tables

/// Input: sectors, each after the two bytes that say where it lies; the first is the table itself.
///
/// ```
///   512 bytes sector 0 | 2 bytes LBA, little-endian | 512 bytes | 2 bytes LBA | ...
/// ```
func fuzzMBR(_ input: [UInt8]) throws(BrokenClaim) {
    var pieces: [(offset: Int64, bytes: [UInt8])] = [(0, Array(input.prefix(MBR.byteCount)))]
    var rest = input.dropFirst(MBR.byteCount)
    while rest.count > 2 {
        let lba = Int64(rest[rest.startIndex]) | Int64(rest[rest.startIndex + 1]) << 8
        pieces.append((lba * 512, Array(rest.dropFirst(2).prefix(MBR.byteCount))))
        rest = rest.dropFirst(2 + MBR.byteCount)
    }
    _ = try? MBR(input.span.bytes)
    try PartitionTable.fuzz(PatchedImage(byteCount: 65536 * 512, pieces: pieces))
}
