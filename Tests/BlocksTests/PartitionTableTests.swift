import Blocks
import Foundation
import Tables
import TestSupport
import Testing

/// Partition tables by sfdisk, judged by what sfdisk says of them.
@Suite(.needs("sfdisk"))
struct PartitionTableTests {
    /// What `sfdisk -J` prints, as far as we compare it.
    private struct Oracle: Decodable {
        struct Table: Decodable {
            struct Entry: Decodable {
                var node: String
                var start: Int64
                var size: Int64
                var type: String
                var uuid: String?
                var name: String?
            }
            var id: String
            var partitions: [Entry]
        }
        var partitiontable: Table
    }

    /// An image of `mebibytes` with the table that sfdisk makes of `script`, and sfdisk's own view of it.
    private static func image(_ script: String, mebibytes: Int = 64) throws -> (reader: MemoryReader, oracle: Any) {
        let folder = try TemporaryFolder()
        let path = folder.path + "/x"
        _ = try FileDevice(creating: path, byteCount: Int64(mebibytes) << 20)
        let made = try Shell.run("sfdisk", ["-q", "--no-tell-kernel", path], input: Array(script.utf8))
        try #require(made.status == 0, "\(made.error)")
        let json = try Shell.run("sfdisk", ["-J", path])
        let oracle = try JSONDecoder().decode(Oracle.self, from: Data(json.output.utf8))
        return (MemoryReader(try FileReader(path: path).bytes(at: 0, count: mebibytes << 20)), oracle)
    }

    private static func expectSame(_ table: PartitionTable, _ oracle: Any) throws {
        let expected = try #require(oracle as? Oracle).partitiontable
        let isGPT = table.scheme != .mbr
        #expect(table.diskIdentifier == (isGPT ? expected.id.lowercased() : String(expected.id.dropFirst(2))))
        let entries = expected.partitions.filter { isGPT || !["5", "f", "85"].contains($0.type) }
        #expect(table.partitions.map(\.number) == entries.map { Int($0.node.split(separator: "/x").last ?? "") })
        #expect(table.partitions.map(\.range) == entries.map { ($0.start * 512)..<(($0.start + $0.size) * 512) })
        for (partition, entry) in zip(table.partitions, entries) {
            switch partition.kind {
            case .mbr(let type):
                #expect(type == UInt8(entry.type, radix: 16))
                let number = partition.number < 10 ? "0\(partition.number)" : "\(partition.number)"
                #expect(partition.identifier == "\(table.diskIdentifier)-\(number)")
            case .gpt(let type):
                #expect(type.description == entry.type.lowercased())
                #expect(partition.identifier == entry.uuid?.lowercased())
                #expect(partition.name == entry.name ?? "")
            }
        }
    }

    private static let raspberry = """
        label: dos
        label-id: 0x0a676486
        start=8192,size=32768,type=c
        start=40960,type=83
        """
    private static let logical = """
        label: dos
        label-id: 0x8a676486
        start=2048,size=8192,type=c,bootable
        start=10240,size=40960,type=5
        start=12288,size=4096,type=83
        start=20480,size=4096,type=c
        start=28672,size=4096,type=83
        start=53248,size=8192,type=83
        """
    private static let gpt = """
        label: gpt
        label-id: 8A676486-1111-2222-3333-444455556666
        start=2048,size=40960,type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7,name="böot"
        size=40960,type=L,name="root"
        """

    @Test("a table reads as sfdisk reads it", arguments: [raspberry, logical, gpt])
    func oracle(script: String) throws {
        let (reader, oracle) = try Self.image(script)
        let table = try PartitionTable.read(from: reader)
        try Self.expectSame(table, oracle)
        #expect(table.sectorSize == 512)
    }

    @Test("a damaged first GPT gives way to its copy, and two damaged ones are refused")
    func backup() throws {
        let (reader, oracle) = try Self.image(Self.gpt)
        var bytes = reader.bytes
        bytes[512 + 60] ^= 1
        let table = try PartitionTable.read(from: MemoryReader(bytes))
        try Self.expectSame(table, oracle)
        guard case .gptBackup(.headerChecksum) = table.scheme else {
            Issue.record("\(table.scheme)")
            return
        }
        bytes[bytes.count - 512] ^= 1
        let error = #expect(throws: PartitionTableError.self) { try PartitionTable.read(from: MemoryReader(bytes)) }
        guard case .badGPT(.headerChecksum, backup: .noSignature) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test("no flipped byte of a GPT goes unnoticed: the copy serves, with the same partitions")
    func gptFlips() throws {
        let (reader, _) = try Self.image(Self.gpt)
        let original = try PartitionTable.read(from: reader)
        var bytes = reader.bytes
        for offset in Array(512..<604) + Array(stride(from: 1024, to: 1024 + 384, by: 5)) + [17_407] {
            bytes[offset] ^= 0x40
            let table = try PartitionTable.read(from: MemoryReader(bytes))
            #expect(table.partitions == original.partitions)
            #expect(table.scheme != .gpt, "byte \(offset)")
            bytes[offset] ^= 0x40
        }
    }

    @Test("no flipped byte of an MBR or an extended partition's table crashes", arguments: [raspberry, logical])
    func mbrFlips(script: String) throws {
        let (reader, _) = try Self.image(script)
        var bytes = reader.bytes
        let links = [0, 10_240 * 512, 16_384 * 512, 24_576 * 512]
        var refused = 0
        for link in links {
            for offset in (link + 440)..<(link + 512) {
                for mask: UInt8 in [0x01, 0x80, 0xFF] {
                    bytes[offset] ^= mask
                    do throws(PartitionTableError) {
                        let table = try PartitionTable.read(from: MemoryReader(bytes))
                        #expect(table.partitions.allSatisfy { $0.range.upperBound <= bytes.count && !$0.range.isEmpty })
                    } catch {
                        #expect(!error.description.isEmpty)
                        refused += 1
                    }
                    bytes[offset] ^= mask
                }
            }
        }
        #expect(refused > 30)
    }

    @Test("an image cut short is refused with both numbers")
    func truncated() throws {
        let (reader, _) = try Self.image(Self.raspberry)
        let cut = Array(reader.bytes.prefix(32 << 20))
        #expect(
            throws: PartitionTableError.outsideImage(
                number: 2, range: (20 << 20)..<(64 << 20), byteCount: 32 << 20)
        ) { try PartitionTable.read(from: MemoryReader(cut)) }
        for count in [0, 1, 511] {
            #expect(throws: PartitionTableError.tooSmall(byteCount: Int64(count))) {
                try PartitionTable.read(from: MemoryReader(Array(cut.prefix(count))))
            }
        }
        let (whole, _) = try Self.image(Self.gpt)
        for count in [512, 513, 1024, 1535, 2048, 17_000, 1 << 20] {
            let short = MemoryReader(Array(whole.bytes.prefix(count)))
            let error = #expect(throws: PartitionTableError.self) { try PartitionTable.read(from: short) }
            switch error {
            case .badGPT: #expect(count < 2048)
            case .cutShort(let needed, let found):
                #expect(count >= 2048 && error?.isCutShort == true)
                #expect(found == UInt64(count) / 512 && needed > found)
            default: Issue.record("\(count): \(String(describing: error))")
            }
        }
    }

    @Test("an unreadable sector is told as such")
    func unreadable() throws {
        let (reader, _) = try Self.image(Self.raspberry)
        #expect(throws: PartitionTableError.unreadable(MemoryReader.failure)) {
            try PartitionTable.read(from: MemoryReader(reader.bytes, failingRead: 1))
        }
    }

    @Test("a bare file system is named", .needs("mkfs.fat", "mkfs.ext4"))
    func bareFileSystem() throws {
        let folder = try TemporaryFolder()
        for (command, name) in [("mkfs.fat", "FAT"), ("mkfs.ext4", "ext4")] {
            let path = folder.path + "/" + name
            _ = try FileDevice(creating: path, byteCount: 8 << 20)
            #expect(try Shell.run(command, [path]).status == 0)
            let reader = try FileReader(path: path)
            #expect(throws: PartitionTableError.bareFileSystem(name)) { try PartitionTable.read(from: reader) }
        }
    }
}
