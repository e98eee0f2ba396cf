import Bases
import Blocks
import CLZMA
import Glibc

/// Input: an .xz file, whose headers, index and footer get the right checksums unless its length is odd.
func fuzzXZ(_ input: [UInt8]) throws(BrokenClaim) {
    let bytes = input.count % 2 == 0 ? signed(xz: input) : input
    let memory = try ScratchFile(bytes)
    guard let file = try? OpenFile(path: memory.path, flags: O_RDONLY),
        let index = try? XZIndex(file, byteCount: Int64(bytes.count))
    else { return }
    var end: Int64 = 0
    for block in index.blocks {
        try claim(block.range.lowerBound == end, "a block begins at \(block.range.lowerBound) instead of \(end)")
        try claim(block.compressedRange.upperBound <= Int64(bytes.count), "a block ends outside of the file")
        end = block.range.upperBound
    }
    guard let reader = XZReader(file, index: index, memoryLimit: 8 << 20) else { return }
    for block in index.blocks.prefix(20) where !block.range.isEmpty {
        let count = Int(min(block.uncompressedSize, 1 << 16))
        _ = try? reader.bytes(at: block.range.upperBound - Int64(count), count: count)
    }
}

/// The file of one stream with its checksums right (The .xz File Format 1.1.0, sections 2.1.1, 2.1.2, 3.1 and 4).
private func signed(xz file: [UInt8]) -> [UInt8] {
    var file = file
    guard file.count >= 32 else { return file }
    file.replaceSubrange(8..<12, with: checksum(file[6..<8]))
    let blockHeader = (Int(file[12]) + 1) * 4
    if file[12] != 0, 12 + blockHeader <= file.count {
        let end = 12 + blockHeader
        file.replaceSubrange((end - 4)..<end, with: checksum(file[12..<(end - 4)]))
    }
    let footer = file.count - 12
    let size = (file[(footer + 4)..<(footer + 8)].reversed().reduce(0) { $0 << 8 | Int($1) } + 1) * 4
    if size >= 8, size <= footer - 12 {
        file.replaceSubrange((footer - 4)..<footer, with: checksum(file[(footer - size)..<(footer - 4)]))
    }
    file.replaceSubrange(footer..<(footer + 4), with: checksum(file[(footer + 4)..<(footer + 10)]))
    return file
}

private func checksum(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let sum = bytes.withUnsafeBufferPointer { lzma_crc32($0.baseAddress, $0.count, 0) }
    return (0..<4).map { UInt8(truncatingIfNeeded: sum >> (8 * $0)) }
}
