@testable import Blocks
@testable import Tables
import Testing

/// Tables that no tool makes: built here byte by byte.
struct HandmadeTableTests {
    typealias Line = (slot: Int, type: UInt8, first: UInt32, count: UInt32)

    typealias Link = (sector: Int, lines: [Line])

    /// Writes a table of such entries into the sector at `sector`.
    private static func put(_ lines: [Line], into bytes: inout [UInt8], sector: Int = 0) {
        let start = sector * 512
        for line in lines {
            let entry = start + 446 + 16 * (line.slot - 1)
            bytes[entry + 4] = line.type
            for index in 0..<4 {
                bytes[entry + 8 + index] = UInt8(truncatingIfNeeded: line.first >> UInt32(8 * index))
                bytes[entry + 12 + index] = UInt8(truncatingIfNeeded: line.count >> UInt32(8 * index))
            }
        }
        bytes[start + 510] = 0x55
        bytes[start + 511] = 0xAA
    }

    private static func read(_ lines: [Line], links: [Link] = []) throws -> PartitionTable {
        var bytes = [UInt8](repeating: 0, count: 512 * 256)
        put(lines, into: &bytes)
        for (sector, lines) in links { put(lines, into: &bytes, sector: sector) }
        return try PartitionTable.read(from: MemoryReader(bytes))
    }

    @Test("entries must lie inside, apart, and not on the table")
    func ranges() throws {
        #expect(throws: PartitionTableError.noPartitions) { try Self.read([]) }
        #expect(throws: PartitionTableError.overlap(2, 1)) { try Self.read([(1, 0x0C, 20, 20), (2, 0x83, 10, 11)]) }
        #expect(throws: PartitionTableError.coversTable(number: 3)) { try Self.read([(3, 0x0C, 0, 20)]) }
        let far = Int64(UInt32.max) * 512
        let outside = PartitionTableError.outsideImage(number: 1, range: far..<(2 * far), byteCount: 131_072)
        #expect(throws: outside) { try Self.read([(1, 0x0C, .max, .max)]) }
        let table = try Self.read([(4, 0x83, 10, 246), (2, 0x0C, 1, 9)])
        #expect(table.partitions.map(\.identifier) == ["00000000-02", "00000000-04"])
    }

    @Test("a chain of logical partitions ends, in order, or is refused")
    func chains() throws {
        let outer: [Line] = [(1, 0x05, 10, 100)]
        let good = try Self.read(outer, links: [(10, [(1, 0x83, 1, 5), (2, 0x05, 20, 10)]), (30, [(1, 0x83, 2, 3)])])
        #expect(good.partitions.map(\.number) == [5, 6])
        let expected: [Range<Int64>] = [5_632..<8_192, 16_384..<17_920]
        #expect(good.partitions.map(\.range) == expected)
        #expect(try Self.read(outer, links: [(10, [])]).partitions.isEmpty)

        func expect(_ error: PartitionTableError, _ lines: [Line], _ links: [Link]) {
            #expect(throws: error) { try Self.read(lines, links: links) }
        }
        expect(.badExtendedChain(sector: 10), outer, [(10, [(2, 0x05, 0, 10)])])
        expect(.badExtendedChain(sector: 30), outer, [(10, [(2, 0x05, 20, 10)]), (30, [(2, 0x05, 20, 10)])])
        expect(.badExtendedChain(sector: 10), outer, [(10, [(2, 0x05, 100, 10)])])
        expect(.badExtendedChain(sector: 10), outer, [(10, [(2, 0x83, 20, 10)])])
        expect(.badExtendedLink(sector: 10, .noSignature), outer, [])
        expect(.outsideExtended(number: 5), outer, [(10, [(1, 0x83, 1, 100)])])
        expect(.outsideExtended(number: 5), outer, [(10, [(1, 0x83, 0, 10)])])
        expect(.outsideExtended(number: 5), outer, [(10, [(1, 0x83, .max, .max)])])
        expect(.severalExtended([1, 2]), outer + [(2, 0x0F, 120, 10)], [(10, []), (120, [])])
        var long: [Link] = []
        for index in 0...100 { long.append((10 + index, [(2, 0x05, UInt32(index + 1), 1)])) }
        expect(.chainTooLong(limit: 100), [(1, 0x05, 10, 200)], long)
    }

    @Test("boot code in place of a table is refused")
    func status() {
        var bytes = [UInt8](repeating: 0, count: 2048)
        Self.put([(1, 0x0C, 1, 1)], into: &bytes)
        bytes[446 + 32] = 0x12
        #expect(throws: PartitionTableError.badMBR(.badStatus(number: 3, status: 0x12))) {
            try PartitionTable.read(from: MemoryReader(bytes))
        }
        bytes[510] = 0
        #expect(throws: PartitionTableError.badMBR(.noSignature)) {
            try PartitionTable.read(from: MemoryReader(bytes))
        }
    }

    /// Bytes of a header for a device of `sectorCount` sectors, with the right checksum whatever `change` does.
    private static func header(sectorSize: Int, sectorCount: UInt64, _ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: sectorSize)
        set(&bytes, 0, GPT.signature)
        set(&bytes, 8, UInt32(0x10000))
        set(&bytes, 12, UInt32(92))
        set(&bytes, 24, UInt64(1))
        set(&bytes, 40, UInt64(6))
        set(&bytes, 48, sectorCount - 6)
        set(&bytes, 72, UInt64(2))
        set(&bytes, 80, UInt32(4))
        set(&bytes, 84, UInt32(128))
        change(&bytes)
        set(&bytes, 16, crc32(Array(bytes[0..<92]).span.bytes))
        return bytes
    }

    private static func set(_ bytes: inout [UInt8], _ offset: Int, _ value: some FixedWidthInteger) {
        for index in 0..<(value.bitWidth / 8) {
            bytes[offset + index] = UInt8(truncatingIfNeeded: value >> (8 * index))
        }
    }

    @Test("hostile header fields with a right checksum are refused one by one")
    func headers() throws {
        let cases: [(GPT.Failure, (inout [UInt8]) -> Void)] = [
            (.misplaced(says: .max, found: 1), { Self.set(&$0, 24, UInt64.max) }),
            (.badUsableRange(first: .max, last: 94, sectorCount: 100), { Self.set(&$0, 40, UInt64.max) }),
            (.badUsableRange(first: 6, last: .max, sectorCount: 100), { Self.set(&$0, 48, UInt64.max) }),
            (.badUsableRange(first: 0, last: 94, sectorCount: 100), { Self.set(&$0, 40, UInt64(0)) }),
            (.badUsableRange(first: 1, last: 94, sectorCount: 100), { Self.set(&$0, 40, UInt64(1)) }),
            (.badEntryArray(lba: 1, count: 4, size: 128), { Self.set(&$0, 72, UInt64(1)) }),
            (.badEntryArray(lba: 94, count: 4, size: 128), { Self.set(&$0, 72, UInt64(94)) }),
            (
                .badEntryArray(lba: 5, count: 5, size: 128),
                {
                    Self.set(&$0, 72, UInt64(5))
                    Self.set(&$0, 80, UInt32(5))
                }
            ),
            (.badEntryArray(lba: .max, count: 4, size: 128), { Self.set(&$0, 72, UInt64.max) }),
            (.badEntryArray(lba: 2, count: .max, size: 128), { Self.set(&$0, 80, UInt32.max) }),
            (.badEntryArray(lba: 2, count: 0, size: 128), { Self.set(&$0, 80, UInt32(0)) }),
            (.badEntryArray(lba: 2, count: 4, size: .max), { Self.set(&$0, 84, UInt32.max) }),
            (.badEntryArray(lba: 2, count: 4, size: 0), { Self.set(&$0, 84, UInt32(0)) }),
        ]
        for (failure, change) in cases {
            let bytes = Self.header(sectorSize: 512, sectorCount: 100, change)
            #expect(throws: failure) { _ = try GPT.Header(bytes.span.bytes, at: 1, sectorCount: 100) }
        }
        for size: UInt32 in [0, 91, 513, .max] {
            let bytes = Self.header(sectorSize: 512, sectorCount: 100) { Self.set(&$0, 12, size) }
            #expect(throws: GPT.Failure.badHeaderSize(Int(size))) {
                _ = try GPT.Header(bytes.span.bytes, at: 1, sectorCount: 100)
            }
        }
        let copy = Self.header(sectorSize: 512, sectorCount: 100) {
            Self.set(&$0, 24, UInt64(94))
            Self.set(&$0, 72, UInt64(95))
        }
        #expect(throws: GPT.Failure.badUsableRange(first: 6, last: 94, sectorCount: 100)) {
            _ = try GPT.Header(copy.span.bytes, at: 94, sectorCount: 100)
        }
    }

    /// An image with 4096-byte sectors and one partition in the sectors 6 to `last`.
    private static func largeSectors(last: UInt64, second: ClosedRange<UInt64>? = nil) -> MemoryReader {
        var entries = [UInt8](repeating: 0, count: 512)
        for (index, range) in [6...last, second].compactMap({ $0 }).enumerated() {
            entries.replaceSubrange((128 * index)..<(128 * index + 16), with: repeatElement(7, count: 16))
            set(&entries, 128 * index + 32, range.lowerBound)
            set(&entries, 128 * index + 40, range.upperBound)
        }
        let head = header(sectorSize: 4096, sectorCount: 64) { set(&$0, 88, crc32(entries.span.bytes)) }
        var bytes = [UInt8](repeating: 0, count: 64 * 4096)
        put([(1, 0xEE, 1, 63)], into: &bytes)
        bytes.replaceSubrange(4096..<8192, with: head)
        bytes.replaceSubrange(8192..<8704, with: entries)
        return MemoryReader(bytes)
    }

    @Test("sectors of 4096 bytes are found, and their entries checked")
    func largeSectors() throws {
        let table = try PartitionTable.read(from: Self.largeSectors(last: 10))
        #expect(table.sectorSize == 4096)
        #expect(table.partitions.map(\.range) == [24_576..<45_056])
        #expect(throws: PartitionTableError.overlap(1, 2)) {
            try PartitionTable.read(from: Self.largeSectors(last: 10, second: 10...12))
        }
        let bad = GPT.Failure.badEntry(number: 1, firstLBA: 6, lastLBA: 59)
        #expect(throws: PartitionTableError.badGPT(primary: bad, backup: .noSignature)) {
            try PartitionTable.read(from: Self.largeSectors(last: 59))
        }
    }
}
