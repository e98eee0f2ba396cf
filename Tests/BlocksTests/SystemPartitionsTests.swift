import Blocks
import Tables
import TestSupport
import Testing

@Suite(.needs("sfdisk", "mkfs.fat", "mkfs.ext4"))
struct SystemPartitionsTests {
    /// What is made inside a partition of 8 MiB.
    enum Content: String {
        case fat = "mkfs.fat"
        case ext = "mkfs.ext4"
        case nothing
    }

    /// An image with partitions of such types and contents, in this order.
    private static func image(_ parts: [(type: String, content: Content)], label: String) throws -> MemoryReader {
        let folder = try TemporaryFolder()
        let path = folder.path + "/x"
        let device = try FileDevice(creating: path, byteCount: Int64(parts.count * 8 + 2) << 20)
        let lines = parts.enumerated().map { "start=\(2048 + $0 * 16384),size=16384,type=\($1.type)" }
        let script = (["label: \(label)"] + lines).joined(separator: "\n") + "\n"
        let made = try Shell.run("sfdisk", ["-q", "--no-tell-kernel", path], input: Array(script.utf8))
        try #require(made.status == 0, "\(made.error)")
        for (index, part) in parts.enumerated() where part.content != .nothing {
            let inner = folder.path + "/part\(index)"
            _ = try FileDevice(creating: inner, byteCount: 8 << 20)
            #expect(try Shell.run(part.content.rawValue, [inner]).status == 0)
            let slice = try Slice(of: device, range: (Int64(1 + index * 8) << 20)..<(Int64(9 + index * 8) << 20))
            try slice.write(try FileReader(path: inner).bytes(at: 0, count: 8 << 20), at: 0)
        }
        return MemoryReader(try device.bytes(at: 0, count: Int(device.byteCount)))
    }

    private static func find(_ parts: [(type: String, content: Content)], label: String = "dos") throws -> [Int] {
        let reader = try image(parts, label: label)
        let found = try PartitionTable.read(from: reader).findSystemPartitions(in: reader)
        return [found.boot.number, found.root.number]
    }

    @Test("the usual cards, and a FAT behind root, are understood")
    func found() throws {
        #expect(try Self.find([("c", .fat), ("83", .ext)]) == [1, 2])
        #expect(try Self.find([("83", .ext), ("e", .fat)]) == [2, 1])
        #expect(try Self.find([("c", .fat), ("83", .ext), ("c", .fat)]) == [1, 2])
        #expect(try Self.find([("c", .nothing), ("c", .fat), ("82", .ext), ("83", .ext)]) == [2, 4])
        #expect(try Self.find([("U", .fat), ("L", .ext)], label: "gpt") == [1, 2])
        #expect(
            try Self.find(
                [("EBD0A0A2-B9E5-4433-87C0-68B6B72699C7", .fat), ("B921B045-1DF0-41C3-AF44-4C6F280D3FAE", .ext)],
                label: "gpt") == [1, 2])
    }

    @Test("what cannot be decided is refused with everything that was found")
    func refused() throws {
        func error(_ parts: [(type: String, content: Content)]) throws -> String {
            let reader = try Self.image(parts, label: "dos")
            let error = #expect(throws: PartitionTableError.self) {
                try PartitionTable.read(from: reader).findSystemPartitions(in: reader)
            }
            return error?.description ?? ""
        }
        #expect(
            try error([("c", .fat), ("c", .fat), ("83", .ext)])
                == "several partitions could be boot or root; found 1: FAT12, type 0x0c, could boot, "
                + "2: FAT12, type 0x0c, could boot, 3: ext, type 0x83, could be root")
        #expect(
            try error([("c", .fat), ("83", .ext), ("83", .ext)]).hasPrefix("several partitions could be boot or root"))
        #expect(
            try error([("83", .fat), ("83", .ext)])
                == "it has no FAT partition to boot from; found 1: FAT12, type 0x83, 2: ext, type 0x83, could be root")
        #expect(
            try error([("c", .fat), ("83", .nothing)])
                == "it has no ext4 partition with a Linux type; found 1: FAT12, type 0x0c, could boot, "
                + "2: unknown content, type 0x83")
    }

    @Test("the kind of FAT is what mkfs was told", arguments: [(12, 2), (16, 16), (32, 40)])
    func fatBits(bits: Int, mebibytes: Int) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/fat"
        _ = try FileDevice(creating: path, byteCount: Int64(mebibytes) << 20)
        #expect(try Shell.run("mkfs.fat", ["-F", "\(bits)", "-s", "1", path]).status == 0)
        let head = try FileReader(path: path).bytes(at: 0, count: 2048)
        #expect(PartitionContent(head.span.bytes) == .fat(bits: bits))
        for offset in 0..<64 {
            var flipped = head
            flipped[offset] ^= 0xFF
            _ = PartitionContent(flipped.span.bytes)
        }
        for count in 0..<head.count where count < 512 {
            #expect(PartitionContent(head.span.bytes.extracting(0..<count)) == .other)
        }
    }
}
