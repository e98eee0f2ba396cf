import Foundation
import TestSupport
import Testing
import Trees

@testable import Volumes

/// Which blocks a file system uses, beside what e2fsprogs and dosfstools count.
@Suite(.needs("mke2fs", "dumpe2fs", "debugfs", "e2fsck", "mkfs.fat", "fsck.fat", "mcopy"))
struct UsageTests {
    /// dumpe2fs' lists of free blocks, one for each group: "  Free blocks: 12-15, 17".
    private static func freeBlocks(_ image: Ext4Image) throws -> Set<Int64> {
        let told = try Shell.run("dumpe2fs", [image.path])
        try #require(told.status == 0, "\(told.error)")
        var free: Set<Int64> = []
        for line in told.output.split(separator: "\n") where line.hasPrefix("  Free blocks: ") {
            for part in line.dropFirst("  Free blocks: ".count).split(separator: ",") {
                let ends = part.split(separator: "-").compactMap { Int64($0.filter(\.isNumber)) }
                if let first = ends.first, let last = ends.last { free.formUnion(first...last) }
            }
        }
        return free
    }

    private static func path(_ number: Int) throws -> VolumePath { try #require(VolumePath("/file\(number)")) }

    private static func used(_ ranges: [Range<Int64>], blockSize: Int) -> Set<Int64> {
        let size = Int64(blockSize)
        return Set(ranges.flatMap { $0.lowerBound / size..<$0.upperBound / size })
    }

    @Test("ext4: all blocks but those that dumpe2fs calls free", arguments: Ext4Image.Format.all)
    func ext4(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        try image.edit { volume in
            for number in 0..<40 {
                let bytes = [UInt8](repeating: UInt8(number), count: 3000 * number)
                try volume.put(FileNode(content: .file(bytes), metadata: .init(mode: 0o644)), at: Self.path(number))
            }
            for number in stride(from: 0, to: 40, by: 3) { try volume.remove(Self.path(number)) }
        }
        try image.check()
        let ranges = try image.volume().usedRanges()
        let free = try Self.freeBlocks(image)
        try #require(free.count > 1000)
        let all = Set(0..<Int64(format.kibibytes * 1024 / format.blockSize))
        #expect(Self.used(ranges, blockSize: format.blockSize) == all.subtracting(free))
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })
    }

    @Test("ext4: a bitmap with a wrong checksum is no bitmap")
    func damagedBitmap() throws {
        let image = try Ext4Image(.debian)
        let told = try image.debugfs("stats")
        let text = try #require(told.split(separator: "block bitmap at ").dropFirst().first)
        let block = try #require(Int(text.prefix { $0.isNumber }))
        var bytes = try image.bytes
        bytes[block * 4096 + 2000] ^= 1
        try image.replace(by: bytes)
        let volume = try image.volume()
        do throws(VolumeError) {
            _ = try volume.usedRanges()
            Issue.record("it was taken")
        } catch {
            guard case .corrupt(let text) = error else {
                Issue.record("\(error)")
                return
            }
            #expect(text.contains("checksum"), "\(text)")
        }
    }

    @Test(
        "FAT: the tables, the root and every file's clusters",
        arguments: [
            FATImage.Format(kind: 12, kibibytes: 2048, sectorsPerCluster: 4),
            FATImage.Format(kind: 16, kibibytes: 16384, sectorsPerCluster: 4),
            FATImage.Format(kind: 32, kibibytes: 65536, sectorsPerCluster: 1),
            FATImage.Format(kind: 32, kibibytes: 300_000, sectorsPerCluster: 1, bytesPerSector: 4096, tables: 1),
        ])
    func fat(_ format: FATImage.Format) throws {
        let image = try FATImage(format)
        for number in 0..<12 { try image.mcopy([UInt8](repeating: 0xA5, count: 40_000), to: "FILE\(number)") }
        for number in stride(from: 0, to: 12, by: 5) { try image.mtool("mdel", ["::FILE\(number)"]) }
        let volume = try image.open(access: .readOnly)
        let ranges = try volume.usedRanges()
        #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound })

        // What fsck.fat counts, at the end: "IMAGE: 9 files, 180/4085 clusters".
        let words = try Shell.run("fsck.fat", ["-n", image.path]).output.split(separator: " ")
        let counts = try #require(words.dropLast().last).split(separator: "/")
        let clusters = try #require(Int64(counts[0]))
        let total = ranges.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
        let data = volume.boot.offset(ofCluster: 2)
        #expect(total == data + clusters * Int64(volume.boot.bytesPerCluster))

        // Nothing that is left out is needed.
        var bytes = [UInt8](repeating: 0x5A, count: try image.bytes.count)
        let original = try image.bytes
        for range in ranges {
            let part = Int(range.lowerBound)..<Int(range.upperBound)
            bytes.replaceSubrange(part, with: original[part])
        }
        try Shell.write(bytes, to: image.path)
        #expect(try Shell.run("fsck.fat", ["-n", image.path]).status == 0)
        for number in [1, 4, 11] {
            #expect(try image.mread("FILE\(number)") == [UInt8](repeating: 0xA5, count: 40_000))
        }
    }
}
