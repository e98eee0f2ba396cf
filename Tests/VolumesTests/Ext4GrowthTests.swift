import Blocks
import Foundation
import TestSupport
import Testing
import Trees
@testable import Volumes

/// File systems grown by us: e2fsck finds nothing, and dumpe2fs the same as where resize2fs grew them.
@Suite(.needs("mke2fs", "e2fsck", "dumpe2fs", "resize2fs", "debugfs", "truncate"))
struct Ext4GrowthTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var format: Ext4Image.Format
        /// Blocks afterwards.
        var blocks: UInt64
        var testDescription: String { "\(format.name) to \(blocks) blocks" }
    }

    /// Groups of 256 blocks of 1 KiB and more, so that small files have many of them.
    private static func format(
        _ name: String, _ features: [String], type: String = "ext4", block: Int = 1024, kibibytes: Int = 8192,
        blocksPerGroup: Int? = 2048, extended: [String] = []
    ) -> Ext4Image.Format {
        var format = Ext4Image.Format(
            name: name, type: type, blockSize: block, features: features, kibibytes: kibibytes)
        if let blocksPerGroup { format.options = ["-g", "\(blocksPerGroup)"] }
        format.extended = extended
        return format
    }

    private static let formats: [Ext4Image.Format] = [
        format("metadata_csum, flex_bg", ["metadata_csum", "^64bit"]),
        format("64bit", ["metadata_csum", "64bit"]),
        format("csum seed, orphan file", ["metadata_csum", "metadata_csum_seed", "orphan_file", "^64bit"]),
        format("no flex_bg", ["metadata_csum", "^flex_bg"]),
        format("uninit_bg", ["^metadata_csum", "uninit_bg", "^64bit"]),
        format("no checksums", ["^metadata_csum", "^64bit"]),
        format("no checksums, no flex_bg", ["^metadata_csum", "^64bit", "^flex_bg"]),
        format("no sparse_super", ["metadata_csum", "^sparse_super", "^resize_inode", "^64bit"]),
        format("meta_bg", ["metadata_csum", "64bit", "meta_bg", "^resize_inode"]),
        format("2 KiB blocks", ["metadata_csum", "^64bit"], block: 2048, kibibytes: 16384),
        format("4 KiB blocks", ["metadata_csum", "^64bit"], block: 4096, kibibytes: 40000, blocksPerGroup: nil),
        format("ext3", [], type: "ext3"),
        format("ext2", [], type: "ext2", extended: ["resize=60000"]),
    ]

    private static let cases: [Case] = formats.flatMap { format in
        let first: UInt64 = format.blockSize == 1024 ? 1 : 0
        let group: UInt64 = format.blockSize == 4096 ? 32768 : 2048
        let old = UInt64(format.kibibytes * 1024 / format.blockSize)
        let border = (old / group + 2) * group + first
        return [old + 1, border + 1, border + 20 * group + 700].map {
            Case(format: format, blocks: $0)
        }
    }

    /// What dumpe2fs says, without what may differ: times, checksums and where the tables of a group were put.
    private static func summary(_ path: String, _ options: [String] = []) throws -> [String] {
        let result = try Shell.run("dumpe2fs", options + [path])
        try #require(result.status == 0, "\(result.error)")
        let kept = [
            "Filesystem features", "Inode count", "Block count", "Reserved GDT blocks", "Blocks per group",
            "Inode blocks per group", "Free inodes", "First inode", "Group ", "Journal", "Filesystem state",
            "Block size", "Flex block group size", "Group descriptor size", "  Primary superblock",
            "  Backup superblock",
        ]
        return result.output.split(separator: "\n").map(String.init).filter { line in
            kept.contains { line.hasPrefix($0) } && !line.contains("checksum:")
        }.map { $0.split(separator: " csum").first.map(String.init) ?? "" }
    }

    private static func number(_ key: String, _ path: String) throws -> UInt64 {
        let result = try Shell.run("dumpe2fs", ["-h", path])
        let line = try #require(result.output.split(separator: "\n").first { $0.hasPrefix(key + ":") })
        return try #require(UInt64(line.split(separator: ":")[1].trimmingCharacters(in: .whitespaces)))
    }

    @Test("e2fsck and dumpe2fs see what resize2fs makes", arguments: cases)
    func asResize2fs(_ item: Case) throws {
        let image = try Ext4Image(item.format)
        try image.edit { volume in
            for index in 0..<40 {
                try volume.put(
                    .file(String(repeating: "\(index)", count: 3000)), at: try #require(VolumePath("/\(index)")))
            }
        }
        let byteCount = Int64(item.blocks) * Int64(item.format.blockSize)
        let theirs = image.path + ".theirs"
        _ = try Shell.run("cp", ["--sparse=always", image.path, theirs])
        for path in [image.path, theirs] { _ = try Shell.run("truncate", ["-s", "\(byteCount)", path]) }
        let resized = try Shell.run("resize2fs", ["-f", theirs, "\(item.blocks)"])
        try #require(resized.status == 0, "\(resized.error)")

        let growth = try Ext4Growth.fill(ImageFile(image.path), now: Ext4Image.now, isZeroBehindEnd: true)
        try image.check()
        #expect(try Self.summary(image.path) == Self.summary(theirs))
        let reserved = try (
            Self.number("Reserved block count", image.path), Self.number("Reserved block count", theirs)
        )
        #expect(reserved.0 == reserved.1 || reserved.0 + 1 == reserved.1, "\(reserved)")
        #expect(try Self.number("Block count", image.path) == growth.blockCount)
        let free = try (Self.number("Free blocks", image.path), Self.number("Free blocks", theirs))
        #expect(free.0 == free.1)
        // Nothing is left to grow, and nothing is written.
        let before = try Shell.run("sha256sum", [image.path]).output
        let again = try Ext4Growth.fill(ImageFile(image.path), now: Ext4Image.now + 9, isZeroBehindEnd: true)
        #expect(again.isEmpty)
        #expect(try Shell.run("sha256sum", [image.path]).output == before)
    }

    @Test("what lay behind the old end does not show", arguments: formats)
    func staleDevice(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        // As inodes these bytes are in use, with blocks far outside.
        let stale = [UInt8](repeating: 0xA5, count: 12 << 20)
        let device = MemoryDevice(try image.bytes + stale)
        _ = try Ext4Growth.fill(device, now: Ext4Image.now, isZeroBehindEnd: false)
        try image.replace(by: device.bytes)
        try image.check()
        // Inodes of all groups come into use.
        try image.edit { volume in
            for index in 0..<1000 { try volume.put(.file("\(index)"), at: try #require(VolumePath("/\(index)"))) }
        }
        try image.check()
        try image.edit { volume in
            for index in 0..<1000 where index % 3 != 0 { try volume.remove(try #require(VolumePath("/\(index)"))) }
            try volume.put(.file([UInt8](repeating: 7, count: 9_000_000)), at: "/large")
        }
        try image.check()
    }

    @Test("the same input gives the same bytes")
    func deterministic() throws {
        let image = try Ext4Image(Self.formats[2])
        let bytes = try image.bytes + [UInt8](repeating: 0, count: 20 << 20)
        let devices = [MemoryDevice(bytes), MemoryDevice(bytes)]
        for device in devices { _ = try Ext4Growth.fill(device, now: Ext4Image.now, isZeroBehindEnd: true) }
        #expect(devices[0].bytes == devices[1].bytes)
    }

    @Test("as far as the reserved descriptor blocks go, and not further")
    func limit() throws {
        // One block of 32 descriptors and two reserved ones: 96 groups.
        let format = Self.format("limit", ["metadata_csum", "^64bit"], extended: ["resize=196000"])
        let image = try Ext4Image(format)
        #expect(try Self.number("Reserved GDT blocks", image.path) == 2)
        let limit = Int64(96 * 2048 + 1) * 1024
        _ = try Shell.run("truncate", ["-s", "\(limit + 600 * 1024)", image.path])
        let before = try Shell.run("sha256sum", [image.path]).output
        let error = VolumeError.unsupported(
            feature:
                "the file system can grow to \(limit) bytes and not to \(limit + 600 * 1024), for mke2fs reserved no "
                + "more room for group descriptors",
            remedy: "grow it to at most \(limit) bytes, or make the image with mke2fs -E resize=\(96 * 2048 + 601)")
        #expect(throws: error) {
            try Ext4Growth.fill(ImageFile(image.path), now: Ext4Image.now, isZeroBehindEnd: true)
        }
        #expect(try Shell.run("sha256sum", [image.path]).output == before)
        _ = try Shell.run("truncate", ["-s", "\(limit)", image.path])
        let growth = try Ext4Growth.fill(ImageFile(image.path), now: Ext4Image.now, isZeroBehindEnd: true)
        #expect(growth.groupCount == 96)
        try image.check()
        #expect(try !Shell.run("dumpe2fs", ["-h", image.path]).output.contains("Reserved GDT blocks"))
    }

    @Test("a card of 128 GB takes few writes")
    func largeCard() throws {
        var format = Ext4Image.Format.trixie
        format.kibibytes = 1 << 20
        let image = try Ext4Image(format)
        let base = try ExtendedReader(FileReader(path: image.path), byteCount: 128_000_000_000)
        let overlay = Overlay(over: base)
        let growth = try Ext4Growth.fill(overlay, now: Ext4Image.now, isZeroBehindEnd: true)
        #expect(growth.blockCount == 31_250_000)
        let dirty = try overlay.dirtyRanges.reduce(0) { $0 + $1.upperBound - $1.lowerBound }
        #expect(dirty < 4 << 20, "\(dirty) bytes")
        let volume = try Ext4Volume(device: overlay, now: Ext4Image.now)
        try volume.put(.file("x"), at: "/x")
        try volume.close()
    }
}
