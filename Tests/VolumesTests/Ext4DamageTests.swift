import TestSupport
import Testing
import Trees

@testable import Volumes

/// Damaged images: an error that says so or a working volume, but never a crash, a trap or a hang.
///
/// Where nothing was thrown and e2fsck has nothing against the damaged image either, it must have nothing against what
/// became of it.
@Suite(.mustEnd, .needs("mke2fs", "debugfs", "e2fsck"))
struct Ext4DamageTests {
    /// Without checksums, so that every damaged number gets past the first gate.
    static let formats: [Ext4Image.Format] = [
        .init(name: "ext4", features: ["^metadata_csum", "^64bit", "^has_journal", "^resize_inode"], kibibytes: 1024),
        .init(
            name: "ext4 64bit", blockSize: 1024, features: ["^metadata_csum", "uninit_bg", "^has_journal"],
            kibibytes: 2048),
        .init(name: "ext2", type: "ext2", blockSize: 1024, inodeSize: 128, kibibytes: 1024),
    ]

    /// A small image with a file of every kind of map, folders, links and attributes.
    static func image(_ format: Ext4Image.Format) throws -> [UInt8] {
        let image = try Ext4Image(format)
        try image.edit { volume in
            try volume.put(.folder(), at: "/etc")
            try volume.put(.folder(), at: "/etc/deep")
            var random = SeededGenerator(seed: 7)
            // Holes and fragments: every second block of a file is freed by removing its neighbour's.
            for index in 0..<16 { try volume.put(.file(random.bytes(format.blockSize)), at: try path("/f\(index)")) }
            for index in stride(from: 0, to: 16, by: 2) { try volume.remove(try path("/f\(index)")) }
            try volume.put(.file(random.bytes(format.blockSize * 20)), at: "/etc/fragments")
            try volume.put(.link("deep/x"), at: "/etc/short")
            try volume.put(.link(String(repeating: "long/", count: 30)), at: "/etc/long")
            var tagged = FileNode.file("x")
            tagged.metadata.extendedAttributes = [
                "security.capability": [1, 0, 0, 2] + [UInt8](repeating: 0, count: 16),
                "user.big": random.bytes(300),
            ]
            try volume.put(tagged, at: "/etc/tagged")
        }
        return try image.bytes
    }

    static func path(_ text: String) throws -> VolumePath { try #require(VolumePath(text)) }

    /// An image, what the exercise makes of it, and e2fsck for what it makes of damaged ones.
    struct Judged {
        let whole: [UInt8]
        private let edited: [UInt8]
        private let folder: TemporaryFolder

        init(_ whole: [UInt8]) throws {
            self.whole = whole
            folder = try TemporaryFolder()
            let device = MemoryDevice(whole)
            #expect(Ext4DamageTests.exercise(device) == nil)
            edited = device.bytes
            #expect(try complaints(edited) == nil)
        }

        /// Exercises the image with other bytes at some places.
        func judge(damage: [Int: UInt8], sourceLocation: SourceLocation = #_sourceLocation) throws {
            var bytes = whole
            for (offset, byte) in damage { bytes[offset] = byte }
            let device = MemoryDevice(bytes)
            guard Ext4DamageTests.exercise(device) == nil else { return }
            // Most damage is where nobody looks: the same happens as without, beside it.
            var expected = edited
            for (offset, byte) in damage { expected[offset] = byte }
            if device.bytes == expected { return }
            guard try complaints(bytes) == nil else { return }
            let found = try complaints(device.bytes)
            #expect(found == nil, "\(damage)", sourceLocation: sourceLocation)
        }

        /// What e2fsck says; nil when it finds nothing.
        private func complaints(_ bytes: [UInt8]) throws -> String? {
            let path = folder.path + "/image"
            try Shell.write(bytes, to: path)
            let judged = try Shell.run("e2fsck", ["-fn", path])
            return judged.status == 0 ? nil : judged.output + judged.error
        }
    }

    static func exercise(_ bytes: [UInt8]) -> VolumeError? { exercise(MemoryDevice(bytes)) }

    /// Opens, walks, reads and changes; any `VolumeError` is fine, and whether there was one is returned.
    static func exercise(_ device: MemoryDevice) -> VolumeError? {
        do throws(VolumeError) {
            let volume = try Ext4Volume(device: device, now: Ext4Image.now)
            var first: VolumeError?
            func attempt(_ body: () throws(VolumeError) -> Void) {
                do throws(VolumeError) { try body() } catch { first = first ?? error }
            }
            var pending: [VolumePath] = [.root]
            var visited = 0
            while let folder = pending.popLast(), visited < 40 {
                var names: [String] = []
                attempt { () throws(VolumeError) in names = try volume.entries(in: folder) }
                for name in names.prefix(60) {
                    guard let path = folder.appending(name) else { continue }
                    visited += 1
                    attempt { () throws(VolumeError) in
                        guard let node = try volume.node(at: path) else { return }
                        if node.kind == .directory, path.components.count < 5 { pending.append(path) }
                        guard case .file(var bytes) = node.content else { return }
                        bytes.append(contentsOf: [UInt8](repeating: 1, count: bytes.count < 100_000 ? 3000 : 0))
                        try volume.put(FileNode(content: .file(bytes), metadata: node.metadata), at: path)
                    }
                }
                if let new = folder.appending("a new file") {
                    attempt { () throws(VolumeError) in try volume.put(.file("new"), at: new) }
                }
                if let name = names.last(where: { $0 != "lost+found" }), let path = folder.appending(name) {
                    attempt { () throws(VolumeError) in try volume.remove(path) }
                }
            }
            try volume.close()
            return first
        } catch { return error }
    }

    @Test("every byte of the superblock", arguments: formats)
    func superblock(_ format: Ext4Image.Format) throws {
        let judged = try Judged(Self.image(format))
        for offset in 1024..<2048 {
            try judged.judge(damage: [offset: judged.whole[offset] ^ [0xFF, 0x01, 0x80][offset % 3]])
        }
    }

    @Test("every byte of the group descriptors", arguments: formats, [0xFF, 0x01] as [UInt8])
    func descriptors(_ format: Ext4Image.Format, mask: UInt8) throws {
        let judged = try Judged(Self.image(format))
        let start = max(2048, format.blockSize)
        for offset in start..<(start + 64) { try judged.judge(damage: [offset: judged.whole[offset] ^ mask]) }
    }

    @Test("random bytes of whatever is not empty", arguments: formats, [UInt64](1...2))
    func anywhere(_ format: Ext4Image.Format, seed: UInt64) throws {
        let judged = try Judged(Self.image(format))
        let whole = judged.whole
        let blocks = (0..<(whole.count / format.blockSize)).filter { block in
            whole[(block * format.blockSize)..<((block + 1) * format.blockSize)].contains { $0 != 0 }
        }
        var random = SeededGenerator(seed: seed)
        for _ in 0..<80 {
            var damage: [Int: UInt8] = [:]
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                guard let block = blocks.randomElement(using: &random) else { return }
                let offset = block * format.blockSize + Int.random(in: 0..<format.blockSize, using: &random)
                let ones = whole[offset] == 0 && Bool.random(using: &random)
                damage[offset] = ones ? 0xFF : UInt8.random(in: 0...255, using: &random)
            }
            try judged.judge(damage: damage)
        }
    }

    @Test("random bytes of inodes, maps and folders that point elsewhere", arguments: formats, [UInt64](1...2))
    func wildInodes(_ format: Ext4Image.Format, seed: UInt64) throws {
        let judged = try Judged(Self.image(format))
        let handle = try Ext2Handle.open(MemoryDevice(judged.whole), now: 1)
        let table = handle.inodeTable(ofGroup: 0) * format.blockSize
        var random = SeededGenerator(seed: seed)
        let values: [UInt32] = [
            0, 1, 2, 3, 10, 100, 0xF30A, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 0x8000_0000, 0xEA02_0000,
        ]
        for _ in 0..<100 {
            var damage: [Int: UInt8] = [:]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let inode = Int.random(in: 1..<50, using: &random)
                let field = Int.random(in: 0..<(format.inodeSize / 4), using: &random)
                let value = values.randomElement(using: &random) ?? 0
                let random = Bool.random(using: &random) ? value : UInt32.random(in: 0...2000, using: &random)
                for shift in 0..<4 {
                    damage[table + inode * format.inodeSize + field * 4 + shift] =
                        UInt8(truncatingIfNeeded: random >> (8 * UInt32(shift)))
                }
            }
            try judged.judge(damage: damage)
        }
    }

    @Test("damage that a checksum covers is told", .needs("mke2fs"))
    func checksums() throws {
        let image = try Ext4Image(.debian)
        try image.edit { volume in try volume.put(.file("text"), at: "/file") }
        let whole = try image.bytes
        var bytes = whole
        bytes[1024 + 0x78] ^= 1
        #expect(
            Self.exercise(bytes) == .corrupt("/: Superblock checksum does not match superblock (libext2fs, open)"))
        let handle = try Ext2Handle.open(MemoryDevice(whole), now: 1)
        let inode = try #require(try handle.find("/file"))
        bytes = whole
        bytes[handle.inodeTable(ofGroup: 0) * 4096 + (Int(inode.number) - 1) * 256 + 2] ^= 1
        let volume = try Ext4Volume(device: MemoryDevice(bytes), now: 1)
        #expect(throws: VolumeError.corrupt("/file: Inode checksum does not match inode (libext2fs, read_inode)")) {
            try volume.node(at: "/file")
        }
        bytes = whole
        bytes[4096 + 0x0C] ^= 1
        #expect(Self.exercise(bytes) == .corrupt("the checksum of group descriptor 0 is wrong"))
    }
}
