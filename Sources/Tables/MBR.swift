/// The partition table of a PC's first sector, or one link of an extended partition's chain, decoded and nothing more.
///
/// ```
///     0 +------------------------------+
///       | boot code                    |
///   440 | disk identifier, 4 bytes LE  |      446 +16n  status: 0x80 active, 0x00 not
///   444 | 0                            |          +1    first sector as cylinder, head, sector (not read)
///   446 | four entries of 16 bytes     |          +4    type
///   510 | 0x55 0xAA                    |          +5    last sector as cylinder, head, sector (not read)
///       +------------------------------+          +8    first sector, 4 bytes LE
///                                                 +12   number of sectors, 4 bytes LE
/// ```
package struct MBR: Equatable, Sendable {
    package static let byteCount = 512

    /// One of the four entries; an unused one has the type 0 or no sectors.
    package struct Entry: Equatable, Sendable {
        /// 1 to 4.
        package var number: Int
        package var isActive: Bool
        package var type: UInt8
        package var firstSector: UInt32
        package var sectorCount: UInt32

        package var isUsed: Bool { type != 0 && sectorCount != 0 }

        /// Whether it holds a chain of logical partitions (types 0x05, 0x0F, 0x85 as in Linux' block/partitions/msdos.c).
        package var isExtended: Bool { type == 0x05 || type == 0x0F || type == 0x85 }
    }

    /// Why bytes are no partition table.
    package enum Failure: Error, Equatable, Sendable {
        case tooShort(byteCount: Int)
        /// The sector does not end in 0x55 0xAA.
        case noSignature
        /// An entry's status is neither 0x00 nor 0x80: boot code of a file system, not a table.
        case badStatus(number: Int, status: UInt8)
    }

    /// Bytes 440-443; Linux makes PARTUUIDs of it.
    package var diskIdentifier: UInt32
    /// All four entries, used or not.
    package var entries: [Entry]

    /// Whether the table only stands in for a GPT (an entry of type 0xEE).
    package var isProtective: Bool { entries.contains { $0.type == 0xEE } }

    /// Decodes a sector; only its first 512 bytes count.
    package init(_ bytes: RawSpan) throws(Failure) {
        guard bytes.byteCount >= Self.byteCount else { throw .tooShort(byteCount: bytes.byteCount) }
        guard bytes.littleEndian(at: 510, as: UInt16.self) == 0xAA55 else { throw .noSignature }
        diskIdentifier = bytes.littleEndian(at: 440, as: UInt32.self)
        entries = []
        for number in 1...4 {
            let offset = 446 + 16 * (number - 1)
            let status = bytes.littleEndian(at: offset, as: UInt8.self)
            guard status & 0x7F == 0 else { throw .badStatus(number: number, status: status) }
            entries.append(
                Entry(
                    number: number,
                    isActive: status == 0x80,
                    type: bytes.littleEndian(at: offset + 4, as: UInt8.self),
                    firstSector: bytes.littleEndian(at: offset + 8, as: UInt32.self),
                    sectorCount: bytes.littleEndian(at: offset + 12, as: UInt32.self)))
        }
    }
}
