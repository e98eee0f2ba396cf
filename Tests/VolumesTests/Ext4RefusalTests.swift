import TestSupport
import Testing
import Trees
@testable import Volumes

/// File systems that are well-formed but must not be edited, and what cannot be put.
@Suite(.needs("mke2fs", "debugfs"))
struct Ext4RefusalTests {
    private func opening(_ image: Ext4Image) -> VolumeError? {
        do throws(VolumeError) {
            try Ext4Volume(device: MemoryDevice((try? image.bytes) ?? []), now: 1).close()
            return nil
        } catch { return error }
    }

    @Test(
        "a feature that is not kept is named",
        arguments: [
            ("inline_data", "inline_data"), ("encrypt", "encrypt"), ("casefold", "casefold"), ("bigalloc", "bigalloc"),
            ("mmp", "mmp"), ("ea_inode", "ea_inode"), ("quota", "quota"), ("quota,project", "quota"),
            ("large_dir", "large_dir"), ("sparse_super2", "sparse_super2"), ("verity", "verity"),
        ])
    func features(option: String, name: String) throws {
        let image = try Ext4Image(.init(name: option, features: option.split(separator: ",").map(String.init)))
        let remedy = "make the image without it: mke2fs -O ^\(name)"
        #expect(opening(image) == .unsupported(feature: name, remedy: remedy))
    }

    @Test(
        "a state that needs e2fsck is told",
        arguments: [
            ("feature needs_recovery", "a journal that was not replayed (was it copied while the card was in use?)"),
            ("set_super_value state 0", "a file system not cleanly unmounted"),
            ("set_super_value state 3", "a file system with recorded errors"),
            ("set_super_value last_orphan 12", "a list of orphaned inodes"),
            ("feature orphan_present", "orphan_present (orphaned inodes to clean up)"),
        ])
    func states(command: String, feature: String) throws {
        let image = try Ext4Image(.debian)
        try image.debugfs(command, writing: true)
        // debugfs itself marks what it closes as valid.
        if command.hasSuffix("state 0") {
            var bytes = try image.bytes
            bytes[1024 + 0x3A] = 0
            try image.replace(by: bytes)
        }
        #expect(opening(image) == .unsupported(feature: feature, remedy: Features.repair))
    }

    @Test("unknown features are refused by their bits, in every word")
    func unknownFeatures() {
        let remedy = "use an image made with features this program knows"
        let cases: [(Features, String)] = [
            (Features(compatible: 0x8000, incompatible: 0, readOnly: 0), "unknown compat feature 0x8000"),
            (Features(compatible: 0, incompatible: 1 << 31, readOnly: 0), "unknown incompat feature 0x80000000"),
            (Features(compatible: 0x4, incompatible: 0x2, readOnly: 0x20000), "unknown ro_compat feature 0x20000"),
        ]
        for (features, name) in cases {
            #expect(throws: VolumeError.unsupported(feature: name, remedy: remedy)) { try features.check() }
        }
        #expect(
            Features(compatible: 0x4, incompatible: 0x42, readOnly: 0x400).names == [
                "has_journal", "filetype", "extent", "metadata_csum",
            ])
    }

    @Test("what is no file system is corrupt")
    func notExt() throws {
        let message = "this is no ext2, ext3 or ext4 file system: the superblock's magic number is 0"
        #expect(throws: VolumeError.corrupt(message)) {
            try Ext4Volume(device: MemoryDevice(byteCount: 100_000), now: 1)
        }
        #expect(throws: VolumeError.corrupt("the volume of 1000 bytes is too small for a superblock")) {
            try Ext4Volume(device: MemoryDevice(byteCount: 1000), now: 1)
        }
        let bytes = try Ext4Image(.ext2).bytes
        #expect(
            throws: VolumeError.corrupt(
                "the superblock counts 16384 blocks of 1024 bytes but the volume has 16777215 bytes")
        ) { try Ext4Volume(device: MemoryDevice(Array(bytes.dropLast())), now: 1) }
    }

    @Test("what cannot be stored is refused and changes nothing", arguments: [Ext4Image.Format.debian, .ext2])
    func nodes(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        let before = try image.bytes
        let limit = min(format.blockSize, 4096) - 1
        try image.edit { volume in
            func expect(_ error: VolumeError, _ node: FileNode, at path: VolumePath = "/x") {
                #expect(throws: error) { try volume.put(node, at: path) }
            }
            let long = String(repeating: "n", count: 256)
            expect(
                .invalidName(long, reason: "256 bytes are more than the 255 of a name"), .file("x"),
                at: try #require(VolumePath("/" + long)))
            expect(.notStorable("/x", what: "an empty link or one with a NUL"), .link(""))
            expect(
                .fileTooLarge("/x", byteCount: Int64(limit + 1), limit: Int64(limit)),
                .link(String(repeating: "l", count: limit + 1)))
            expect(
                .notStorable("/x", what: "a new device, whose number is not known"),
                FileNode(content: .special(.blockDevice), metadata: .init(mode: 0o600)))
            expect(.notStorable("/x", what: "mode 0100644"), .file([1], mode: 0o100644))
            expect(
                .notStorable("/x", what: "the time 99999999999 s since 1970"), .file([1], modified: 99_999_999_999))
            #expect(try volume.node(at: "/x") == nil)
        }
        #expect(try image.bytes == before)
    }

    @Test("a name that is not UTF-8 is told, not lost; others beside it are found")
    func foreignNames() throws {
        let image = try Ext4Image(.stretch)
        try image.edit { volume in
            try volume.put(.folder(), at: "/d")
            try volume.put(.file("a"), at: "/d/QQQQ")
            try volume.put(.file("b"), at: "/d/other")
        }
        var bytes = try image.bytes
        let spot = try #require(bytes.indices.dropLast(4).first { bytes[$0..<($0 + 4)].elementsEqual("QQQQ".utf8) })
        bytes[spot] = 0xFF
        try image.replace(by: bytes)
        try image.check()
        let volume = try image.volume()
        #expect(throws: VolumeError.invalidName("\u{FFFD}QQQ", reason: "a name in /d is not UTF-8")) {
            try volume.entries(in: "/d")
        }
        #expect(try volume.node(at: "/d/other")?.content == .file(Array("b".utf8)))
        #expect(throws: VolumeError.directoryNotEmpty("/d")) { try volume.remove("/d") }
        try volume.put(.file("c"), at: "/d/third")
        try volume.close()
        try image.check()
    }
}
