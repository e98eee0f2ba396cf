package import Blocks
import Reports

/// What the first kilobytes of a partition look like.
package enum PartitionContent: Equatable, Sendable {
    /// A FAT boot sector; bits is 12, 16 or 32, by the number of clusters.
    case fat(bits: Int)
    /// An ext2, ext3 or ext4 superblock.
    case ext
    case other

    /// Looks at a partition without opening it.
    package static func read(
        from reader: any BlockReader, range: Range<Int64>
    ) throws(PartitionTableError) -> PartitionContent {
        let available = min(range.upperBound, reader.byteCount) - range.lowerBound
        guard available >= 512 else { return .other }
        let head = try wrapping(
            reader.bytes(at: range.lowerBound, count: Int(min(2048, available))), as: PartitionTableError.unreadable)
        return PartitionContent(head.span.bytes)
    }

    /// Judges the first 2048 bytes of a file system.
    package init(_ head: RawSpan) {
        // The ext superblock begins at 1024, s_magic stands at 56 in it (fs/ext4/ext4.h).
        if head.byteCount >= 1024 + 58, head.littleEndian(at: 1024 + 56, as: UInt16.self) == 0xEF53 {
            self = .ext
        } else if let bits = Self.fatBits(head) {
            self = .fat(bits: bits)
        } else {
            self = .other
        }
    }

    /// The kind of FAT whose BIOS parameter block is plausible (Microsoft's FAT specification, section 3).
    private static func fatBits(_ head: RawSpan) -> Int? {
        guard head.byteCount >= 512, head.littleEndian(at: 510, as: UInt16.self) == 0xAA55 else { return nil }
        let jump = head.littleEndian(at: 0, as: UInt8.self)
        let bytesPerSector = UInt64(head.littleEndian(at: 11, as: UInt16.self))
        let sectorsPerCluster = UInt64(head.littleEndian(at: 13, as: UInt8.self))
        let reserved = UInt64(head.littleEndian(at: 14, as: UInt16.self))
        let copies = UInt64(head.littleEndian(at: 16, as: UInt8.self))
        let rootEntries = UInt64(head.littleEndian(at: 17, as: UInt16.self))
        let total16 = UInt64(head.littleEndian(at: 19, as: UInt16.self))
        let media = head.littleEndian(at: 21, as: UInt8.self)
        let length16 = UInt64(head.littleEndian(at: 22, as: UInt16.self))
        let total32 = UInt64(head.littleEndian(at: 32, as: UInt32.self))
        let length32 = UInt64(head.littleEndian(at: 36, as: UInt32.self))
        guard jump == 0xEB || jump == 0xE9, [512, 1024, 2048, 4096].contains(bytesPerSector),
            sectorsPerCluster.nonzeroBitCount == 1, reserved > 0, (1...2).contains(copies),
            media == 0xF0 || media >= 0xF8
        else { return nil }
        let length = length16 != 0 ? length16 : length32
        let total = total16 != 0 ? total16 : total32
        // All factors are below 2^32 and 2^3, so nothing here overflows 64 bits.
        let rootSectors = (rootEntries * 32 + bytesPerSector - 1) / bytesPerSector
        let meta = reserved + copies * length + rootSectors
        guard length > 0, total > meta else { return nil }
        let clusters = (total - meta) / sectorsPerCluster
        return clusters < 4085 ? 12 : clusters < 65525 ? 16 : 32
    }
}
