@testable import Blocks
import Foundation
@testable import Tables
import TestSupport
import Testing

/// Partitions made larger by us, judged by sfdisk.
@Suite(.needs("sfdisk", "truncate"))
struct PartitionGrowthTests {
    private static let card = """
        label: dos
        label-id: 0x8a676486
        start=8192, size=32768, type=c, bootable
        start=65536, type=83
        """
    private static let gpt = """
        label: gpt
        label-id: 11111111-2222-3333-4444-555555555555
        start=8192, size=32768, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=boot
        start=65536, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=root
        """
    private static let small: Int64 = 64 << 20

    private let folder: TemporaryFolder
    private var path: String { folder.path + "/card" }

    init() throws { folder = try TemporaryFolder() }

    /// Makes an image of 64 MiB full of ones outside its table, then lets the file be `byteCount` bytes.
    @discardableResult
    private func make(_ script: String, then byteCount: Int64) throws -> [String] {
        try Shell.write([UInt8](repeating: 1, count: Int(Self.small)), to: path)
        let made = try Shell.run("sfdisk", ["-q", "--no-tell-kernel", path], input: Array(script.utf8))
        try #require(made.status == 0, "\(made.error)")
        let lines = try dump(path)
        let resized = try Shell.run("truncate", ["-s", "\(byteCount)", path])
        try #require(resized.status == 0)
        return lines
    }

    private func grow(_ number: Int) throws -> PartitionGrowth {
        // The table is the image's, read at the image's size; the device is the card.
        let image = try FileReader(path: path).bytes(at: 0, count: Int(Self.small))
        let table = try PartitionTable.read(from: MemoryReader(image))
        let device = try FileDevice(path: path)
        let growth = try PartitionGrowth(of: number, in: table, on: device)
        try growth.write(to: device)
        return growth
    }

    /// What sfdisk says without the sizes: nothing but these may differ.
    private func dump(_ path: String) throws -> [String] {
        let result = try Shell.run("sfdisk", ["-d", path])
        try #require(result.status == 0, "\(result.error)")
        #expect(result.error.isEmpty, "\(result.error)")
        return result.output.split(separator: "\n").map(String.init)
    }

    @Test("an MBR's last partition fills the card", arguments: [64, 65, 200, 9000, 40_000] as [Int64])
    func mbr(_ mebibytes: Int64) throws {
        // An odd number of sectors: the end is rounded down.
        let byteCount = (mebibytes << 20) + (mebibytes > 64 ? 512 * 3 : 0)
        let lines = try make(Self.card, then: byteCount)
        let before = try FileReader(path: path).bytes(at: 0, count: 512)
        let growth = try grow(2)
        #expect(growth.old == 65536 * 512..<Self.small)
        #expect(growth.new == 65536 * 512..<(mebibytes << 20))
        let sectors = (mebibytes << 11) - 65536
        let expected = lines.map {
            $0.replacingOccurrences(of: "size=       65536", with: "size=\(sectors.padded(12))")
        }
        #expect(try dump(path) == expected)
        let verified = try Shell.run("sfdisk", ["--verify", path])
        #expect(verified.status == 0 && verified.error.isEmpty, "\(verified.error)")
        let after = try FileReader(path: path).bytes(at: 0, count: 512)
        let changed = (0..<512).filter { before[$0] != after[$0] }
        #expect(changed.allSatisfy { (467..<470).contains($0) || (474..<478).contains($0) }, "\(changed)")
        // The cylinder address is what sfdisk itself writes.
        let again = try Shell.run(
            "sfdisk", ["-q", "--no-tell-kernel", "--no-reread", path],
            input: Array(expected.joined(separator: "\n").utf8))
        #expect(again.status == 0)
        #expect(try FileReader(path: path).bytes(at: 0, count: 512) == after)
    }

    @Test("a GPT and its copy fill the card", arguments: [64, 65, 200, 9000] as [Int64])
    func gpt(_ mebibytes: Int64) throws {
        let before = try make(Self.gpt, then: mebibytes << 20)
        let growth = try grow(2)
        let last = (mebibytes << 11) - 34
        let end = (last + 1) * 512 / 4096 * 4096
        #expect(growth.new.upperBound == end)
        let verified = try Shell.run("sfdisk", ["--verify", path])
        #expect(verified.status == 0 && verified.error.isEmpty, "\(verified.error)")
        let after = try dump(path)
        #expect(after.contains("last-lba: \(last)"))
        #expect(after.count == before.count)
        for (old, new) in zip(before, after) where !old.hasPrefix("last-lba") {
            if old.contains("name=\"root\"") {
                let oldFields = old.split(separator: ",").filter { !$0.contains("size=") }
                #expect(new.split(separator: ",").filter { !$0.contains("size=") } == oldFields)
                #expect(new.contains("size=\(((end / 512) - 65536).padded(12))"), "\(new)")
            } else {
                #expect(new == old)
            }
        }
        try expectCopy(sectorSize: 512)
        // Of the old copy nothing is left to be mistaken for a table.
        if mebibytes > 64 {
            let old = try FileReader(path: path).bytes(at: Self.small - 33 * 512, count: 33 * 512)
            #expect(old.allSatisfy { $0 == 0 })
        }
        let table = try PartitionTable.read(from: FileReader(path: path))
        #expect(table.scheme == .gpt)
        #expect(table.partitions.last?.range == growth.new)
    }

    @Test("what cannot grow is refused, with the reason")
    func refusals() throws {
        try make(Self.card, then: 100 << 20)
        #expect(throws: PartitionTableError.cannotGrow(1, reason: "partition 2 lies behind it")) { try grow(1) }
        #expect(throws: PartitionTableError.cannotGrow(3, reason: "there is no such partition")) { try grow(3) }
        let extended = Self.card + "\nstart=98304, size=16384, type=5\nstart=100352, size=8192, type=83"
        try make(extended.replacingOccurrences(of: "start=65536", with: "start=65536, size=16384"), then: 100 << 20)
        #expect(throws: PartitionTableError.cannotGrow(5, reason: "it is a logical partition")) { try grow(5) }
        try make(Self.gpt, then: 100 << 20)
        let device = try FileDevice(path: path)
        var mbr = try device.bytes(at: 0, count: 512)
        mbr.replaceSubrange(462..<478, with: [0, 0, 0, 0, 0x83, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0])
        try device.write(mbr, at: 0)
        let hybrid = "the partitions are listed in an MBR as well as in a GPT"
        #expect(throws: PartitionTableError.cannotGrow(2, reason: hybrid)) { try grow(2) }
    }

    @Test("a table that changed since it was read is not written")
    func changed() throws {
        for script in [Self.card, Self.gpt] {
            try make(script, then: 100 << 20)
            let device = try FileDevice(path: path)
            let image = try FileReader(path: path).bytes(at: 0, count: Int(Self.small))
            let growth = try PartitionGrowth(
                of: 2, in: PartitionTable.read(from: MemoryReader(image)), on: device)
            try make(script.replacingOccurrences(of: "start=65536", with: "start=65600"), then: 100 << 20)
            let before = try FileReader(path: path).bytes(at: 0, count: 100 << 20)
            #expect(throws: PartitionTableError.cannotGrow(2, reason: "the device's table is another one")) {
                try growth.write(to: FileDevice(path: path))
            }
            #expect(try FileReader(path: path).bytes(at: 0, count: 100 << 20) == before)
        }
    }

    /// The table must be read from its copy when the first one is gone, and say the same.
    private func expectCopy(sectorSize: Int) throws {
        let whole = try PartitionTable.read(from: FileReader(path: path))
        let device = try FileDevice(path: path)
        let header = try device.bytes(at: Int64(sectorSize), count: sectorSize)
        try device.write([UInt8](repeating: 0, count: sectorSize), at: Int64(sectorSize))
        let copy = try PartitionTable.read(from: FileReader(path: path))
        #expect(copy.scheme == .gptBackup(reason: .noSignature))
        #expect(copy.partitions == whole.partitions)
        try device.write(header, at: Int64(sectorSize))
    }
}

extension Int64 {
    fileprivate func padded(_ width: Int) -> String {
        let text = "\(self)"
        return String(repeating: " ", count: Swift.max(0, width - text.count)) + text
    }
}
