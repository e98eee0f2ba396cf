import Blocks
import Tables
import CLZMA

/// Input: a byte of choices, the first 34 sectors of an image, the last 33.
///
/// Bits 0 and 1 of the choices make the checksums right, of the first table and of its copy: a fuzzer does not find
/// them by itself. Bit 2 asks for sectors of 4096 bytes: there the table lies in the same bytes, eight times as far in.
func fuzzGPT(_ input: [UInt8]) throws(BrokenClaim) {
    guard let choices = input.first else { return }
    var head = Array(input.dropFirst().prefix(34 * 512))
    var tail = Array(input.dropFirst(1 + 34 * 512).prefix(33 * 512))
    if choices & 1 != 0, head.count > 1024 { sign(&head, headerAt: 512, entriesAt: 1024) }
    if choices & 2 != 0, tail.count == 33 * 512 { sign(&tail, headerAt: 32 * 512, entriesAt: 0) }
    let byteCount: Int64 = 8 << 20
    var pieces: [(offset: Int64, bytes: [UInt8])] = [(0, head)]
    if choices & 4 != 0 {
        pieces = [
            (0, Array(head.prefix(512))), (4096, Array(head.dropFirst(512).prefix(512))),
            (8192, Array(head.dropFirst(1024))), (byteCount - 4096, Array(tail.suffix(512))),
            (byteCount - 4096 - 32 * 512, Array(tail.dropLast(512))),
        ]
    } else {
        pieces.append((byteCount - 33 * 512, tail))
    }
    try PartitionTable.fuzz(PatchedImage(byteCount: byteCount, pieces: pieces))
}

/// Puts the checksums of the entries and of the header into a header (UEFI specification, section 5.3.2).
private func sign(_ bytes: inout [UInt8], headerAt header: Int, entriesAt entries: Int) {
    guard bytes.count >= header + 92 else { return }
    let fields = Array(bytes[header..<(header + 92)])
    let number = { (offset: Int) in
        (0..<4).reduce(0) { $0 | Int(fields[offset + $1]) << (8 * $1) }
    }
    let (length, overflow) = number(80).multipliedReportingOverflow(by: number(84))
    if !overflow, entries + length <= bytes.count {
        store(checksum(bytes[entries..<(entries + length)]), in: &bytes, at: header + 88)
    }
    let size = number(12)
    guard size >= 92, header + size <= bytes.count else { return }
    store(0, in: &bytes, at: header + 16)
    store(checksum(bytes[header..<(header + size)]), in: &bytes, at: header + 16)
}

private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    bytes.withUnsafeBufferPointer { lzma_crc32($0.baseAddress, $0.count, 0) }
}

private func store(_ value: UInt32, in bytes: inout [UInt8], at offset: Int) {
    for index in 0..<4 { bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))) }
}
