import CLZMA

/// A GUID partition table: header and entries, decoded and checked against their CRC-32 (UEFI specification, section 5.3).
///
/// ```
///   LBA 0   protective MBR
///   LBA 1   header:  0 "EFI PART"     8 revision      12 header size   16 CRC-32 of the header (this field as 0)
///                   24 own LBA       32 other LBA     40 first usable  48 last usable LBA
///                   56 disk GUID     72 entries' LBA  80 number        84 entry size   88 CRC-32 of the entries
///   LBA 2   entries: 0 type GUID     16 own GUID      32 first LBA     40 last LBA (inclusive)
///                   48 attributes    56 name, 36 UTF-16LE units
///   ...
///   last    the header again, its entries before it
/// ```
package struct GPT: Equatable, Sendable {
    /// The signature "EFI PART".
    static let signature: UInt64 = 0x5452_4150_2049_4645

    /// A header whose own checksum is right and whose fields lie in range.
    package struct Header: Equatable, Sendable {
        package var lba: UInt64
        package var alternateLBA: UInt64
        package var firstUsableLBA: UInt64
        package var lastUsableLBA: UInt64
        package var diskIdentifier: GUID
        package var entriesLBA: UInt64
        package var entryCount: Int
        package var entrySize: Int
        package var entriesChecksum: UInt32
    }

    /// A used entry.
    package struct Entry: Equatable, Sendable {
        /// Place in the table, from 1.
        package var number: Int
        package var type: GUID
        package var identifier: GUID
        package var firstLBA: UInt64
        /// Inclusive.
        package var lastLBA: UInt64
        package var name: String
    }

    /// Why bytes are no usable table.
    package enum Failure: Error, Equatable, Sendable {
        case tooShort(byteCount: Int)
        case noSignature
        case badHeaderSize(Int)
        case headerChecksum(stored: UInt32, computed: UInt32)
        /// The header says that it stands elsewhere.
        case misplaced(says: UInt64, found: UInt64)
        case badUsableRange(first: UInt64, last: UInt64, sectorCount: UInt64)
        case badEntryArray(lba: UInt64, count: UInt32, size: UInt32)
        case entriesChecksum(stored: UInt32, computed: UInt32)
        case badEntry(number: Int, firstLBA: UInt64, lastLBA: UInt64)
    }

    package var header: Header
    package var entries: [Entry]

    /// Decodes the entries that `header` promises; `bytes` begins with them.
    package init(header: Header, entries bytes: RawSpan) throws(Failure) {
        let length = header.entryCount * header.entrySize
        guard bytes.byteCount >= length else { throw .tooShort(byteCount: bytes.byteCount) }
        let computed = crc32(bytes.extracting(0..<length))
        guard computed == header.entriesChecksum else {
            throw .entriesChecksum(stored: header.entriesChecksum, computed: computed)
        }
        var entries: [Entry] = []
        for index in 0..<header.entryCount {
            let start = index * header.entrySize
            let raw = bytes.extracting(start..<(start + header.entrySize))
            if let entry = try Entry(raw, number: index + 1, within: header) { entries.append(entry) }
        }
        self.header = header
        self.entries = entries
    }
}

extension GPT.Header {
    /// Tables larger than this many bytes are refused; the usual one has 16 KiB.
    static let entryArrayLimit = 1 << 20

    /// Decodes the sector found at `lba` of a device with `sectorCount` sectors; `bytes` is one whole sector.
    package init(_ bytes: RawSpan, at lba: UInt64, sectorCount: UInt64) throws(GPT.Failure) {
        guard bytes.byteCount >= 512 else { throw .tooShort(byteCount: bytes.byteCount) }
        guard bytes.littleEndian(at: 0, as: UInt64.self) == GPT.signature else { throw .noSignature }
        let size = Int(bytes.littleEndian(at: 12, as: UInt32.self))
        guard (92...bytes.byteCount).contains(size) else { throw .badHeaderSize(size) }
        var copy = bytes.array(0..<size)
        copy.replaceSubrange(16..<20, with: repeatElement(0, count: 4))
        let stored = bytes.littleEndian(at: 16, as: UInt32.self)
        let computed = crc32(copy.span.bytes)
        guard stored == computed else { throw .headerChecksum(stored: stored, computed: computed) }

        self.lba = bytes.littleEndian(at: 24, as: UInt64.self)
        alternateLBA = bytes.littleEndian(at: 32, as: UInt64.self)
        firstUsableLBA = bytes.littleEndian(at: 40, as: UInt64.self)
        lastUsableLBA = bytes.littleEndian(at: 48, as: UInt64.self)
        diskIdentifier = GUID(checked: bytes.array(56..<72))
        entriesLBA = bytes.littleEndian(at: 72, as: UInt64.self)
        let count = bytes.littleEndian(at: 80, as: UInt32.self)
        let entrySize = bytes.littleEndian(at: 84, as: UInt32.self)
        entriesChecksum = bytes.littleEndian(at: 88, as: UInt32.self)

        guard self.lba == lba else { throw .misplaced(says: self.lba, found: lba) }
        // The first two sectors are the protective MBR's and the first header's, whichever table this is.
        guard firstUsableLBA <= lastUsableLBA, lastUsableLBA < sectorCount, firstUsableLBA > 1,
            !(firstUsableLBA...lastUsableLBA).contains(lba)
        else {
            throw .badUsableRange(first: firstUsableLBA, last: lastUsableLBA, sectorCount: sectorCount)
        }
        let length = UInt64(count) * UInt64(entrySize)
        guard count > 0, (128...4096).contains(entrySize), entrySize % 8 == 0, length <= UInt64(Self.entryArrayLimit),
            entriesLBA > 1, entriesLBA < sectorCount,
            !(firstUsableLBA...lastUsableLBA).overlaps(
                entriesLBA...(entriesLBA + (length - 1) / UInt64(bytes.byteCount)))
        else { throw .badEntryArray(lba: entriesLBA, count: count, size: entrySize) }
        entryCount = Int(count)
        self.entrySize = Int(entrySize)
    }
}

extension GPT.Entry {
    /// Decodes one entry; `nil` when it is unused.
    init?(_ bytes: RawSpan, number: Int, within header: GPT.Header) throws(GPT.Failure) {
        guard bytes.byteCount >= 128 else { throw .tooShort(byteCount: bytes.byteCount) }
        type = GUID(checked: bytes.array(0..<16))
        guard type != .zero else { return nil }
        self.number = number
        identifier = GUID(checked: bytes.array(16..<32))
        firstLBA = bytes.littleEndian(at: 32, as: UInt64.self)
        lastLBA = bytes.littleEndian(at: 40, as: UInt64.self)
        guard firstLBA <= lastLBA, firstLBA >= header.firstUsableLBA, lastLBA <= header.lastUsableLBA else {
            throw .badEntry(number: number, firstLBA: firstLBA, lastLBA: lastLBA)
        }
        let units = (0..<36).map { bytes.littleEndian(at: 56 + 2 * $0, as: UInt16.self) }
        name = String(decoding: units.prefix { $0 != 0 }, as: UTF16.self)
    }
}

/// CRC-32 as in IEEE 802.3, which GPT uses.
func crc32(_ bytes: RawSpan) -> UInt32 {
    bytes.withUnsafeBytes { lzma_crc32($0.baseAddress?.assumingMemoryBound(to: UInt8.self), $0.count, 0) }
}
