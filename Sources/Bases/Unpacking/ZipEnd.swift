import Blocks

/// What the end of a zip says about it: the record with which its directory ends, and the one for large zips before it.
///
/// ```
///   | members | directory | zip64 record, locator | "PK" 5 6  disk u16  …  +12 directory's size u32  …  comment |
///                           "PK" 6 6 … +40 size u64   "PK" 6 7  disk u32  offset of the record u64
/// ```
///
/// PKWARE, APPNOTE.TXT, sections 4.3.14 to 4.3.16.
struct ZipEnd: Equatable {
    /// Whether it is the last of several files.
    let isOfSeveral: Bool
    let directoryByteCount: UInt64

    private static let byteCount = 22
    private static let locatorByteCount = 20

    /// Nil where no such record stands at the end of a file of `byteCount` bytes.
    init?(_ file: OpenFile, byteCount: Int64) throws(BlockError) {
        // A comment of 64 KiB at most follows the record.
        let count = Int(min(byteCount, Int64(Self.byteCount + 65_535)))
        let start = byteCount - Int64(count)
        let reader = try FileReader(file)
        let tail = try reader.bytes(at: start, count: count)
        let mark: [UInt8] = [0x50, 0x4B, 5, 6]
        let found = stride(from: count - Self.byteCount, through: 0, by: -1).first { index in
            tail[index] == mark[0] && tail[index..<index + 4].elementsEqual(mark)
        }
        guard let found else { return nil }
        let fields = Array(tail[found...])
        isOfSeveral = ![0, .max].contains(fields.span.bytes.littleEndian(at: 4, as: UInt16.self))
        let small = fields.span.bytes.littleEndian(at: 12, as: UInt32.self)
        guard small == .max, found >= Self.locatorByteCount else {
            directoryByteCount = UInt64(small)
            return
        }
        let locator = Array(tail[(found - Self.locatorByteCount)..<found])
        let offset = Int64(clamping: locator.span.bytes.littleEndian(at: 8, as: UInt64.self))
        guard locator.span.bytes.littleEndian(at: 0, as: UInt32.self) == 0x0706_4B50, offset <= byteCount - 56 else {
            directoryByteCount = .max
            return
        }
        let record = try reader.bytes(at: offset, count: 56)
        directoryByteCount = record.span.bytes.littleEndian(at: 40, as: UInt64.self)
    }
}
