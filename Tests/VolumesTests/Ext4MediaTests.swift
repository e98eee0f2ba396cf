import Foundation
import TestSupport
import Testing
import Trees

@testable import Volumes

/// What e2fsprogs writes is read by us, and what we write is read by e2fsprogs, on every kind of ext file system.
@Suite(.needs("mke2fs", "e2fsck", "debugfs"))
struct Ext4MediaTests {
    /// A capability set as `setcap cap_net_raw+ep` stores it.
    static let capability: [UInt8] = [1, 0, 0, 2, 0, 0x20, 0, 0] + [UInt8](repeating: 0, count: 12)
    /// user::rw- user:1000:r-- group::r-- mask::r-- other::---, in the form of getxattr.
    static let accessList: [UInt8] =
        [2, 0, 0, 0] + [1, 0, 6, 0, 255, 255, 255, 255] + [2, 0, 4, 0, 0xE8, 3, 0, 0]
        + [4, 0, 4, 0, 255, 255, 255, 255] + [16, 0, 4, 0, 255, 255, 255, 255] + [32, 0, 0, 0, 255, 255, 255, 255]

    static func node(_ content: FileNode.Content, mode: UInt16 = 0o644, owner: UInt32 = 0, group: UInt32 = 0)
        -> FileNode
    {
        FileNode(
            content: content, metadata: .init(mode: mode, owner: owner, group: group, modified: 1_600_000_000))
    }

    @Test("debugfs reads what was put", arguments: Ext4Image.Format.all)
    func written(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        var random = SeededGenerator(seed: 3)
        let big = random.bytes(700_001)
        try image.edit { volume in
            try volume.put(Self.node(.directory, mode: 0o750, owner: 70000, group: 80000), at: "/dir")
            var tool = Self.node(.file(big), mode: 0o4755, owner: 123_456, group: 7)
            tool.metadata.extendedAttributes["security.capability"] = Self.capability
            try volume.put(tool, at: "/dir/tool")
            try volume.put(Self.node(.symlink("../dir/tool"), mode: 0o777), at: "/dir/short")
            try volume.put(Self.node(.symlink(String(repeating: "l", count: 300)), mode: 0o777), at: "/dir/long")
            try volume.put(Self.node(.special(.fifo), mode: 0o600), at: "/dir/fifo")
        }
        try image.check()
        let stat = try image.debugfs("stat /dir/tool")
        #expect(stat.contains("Mode:  04755"), "\(stat)")
        #expect(stat.contains("User: 123456   Group:     7"), "\(stat)")
        #expect(stat.contains("Size: 700001"), "\(stat)")
        #expect(stat.contains("mtime: 0x5f5e1000"), "\(stat)")
        #expect(stat.contains("Generation: 0 "), "\(stat)")
        #expect(try image.debugfs("ea_get -x /dir/tool security.capability").contains("01 00 00 02 00 20"))
        #expect(try image.debugfs("stat /dir").contains("User: 70000   Group: 80000"))
        #expect(try image.debugfs("stat /dir/short").contains("Fast link dest: \"../dir/tool\""))
        #expect(try image.debugfs("cat /dir/long") == String(repeating: "l", count: 300))
        #expect(try image.debugfs("stat /dir/fifo").contains("Type: FIFO"))
        let copy = try TemporaryFolder()
        try image.debugfs("dump /dir/tool \(copy.path)/tool")
        #expect(try Array(Data(contentsOf: URL(fileURLWithPath: copy.path + "/tool"))) == big)
    }

    @Test("what mke2fs and debugfs wrote is read", arguments: Ext4Image.Format.all)
    func read(_ format: Ext4Image.Format) throws {
        let folder = try TemporaryFolder()
        var random = SeededGenerator(seed: 4)
        let big = random.bytes(300_000)
        try Data(big).write(to: URL(fileURLWithPath: folder.path + "/big"))
        try FileManager.default.createDirectory(atPath: folder.path + "/sub", withIntermediateDirectories: false)
        try Data("text".utf8).write(to: URL(fileURLWithPath: folder.path + "/sub/text"))
        let long = String(repeating: "long/", count: 40)
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/sub/long", withDestinationPath: long)
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/sub/short", withDestinationPath: "text")
        _ = try Shell.run("truncate", ["-s", "1000000", folder.path + "/sparse"])
        let image = try Ext4Image(format, contents: folder.path)
        try image.debugfs("set_inode_field /sub/text mtime 20200102030405", writing: true)
        try image.debugfs("set_inode_field /sub/text uid 70001", writing: true)
        try image.debugfs("set_inode_field /sub/text mode 0104711", writing: true)
        try image.debugfs("mknod device c 5 1", writing: true)
        let volume = try image.volume()
        #expect(try volume.node(at: "/big")?.content == .file(big))
        #expect(try volume.node(at: "/sparse")?.content == .file([UInt8](repeating: 0, count: 1_000_000)))
        #expect(try volume.entries(in: "/sub") == ["long", "short", "text"])
        #expect(try volume.node(at: "/sub/long")?.content == .symlink(long))
        #expect(try volume.node(at: "/sub/short")?.content == .symlink("text"))
        #expect(try volume.node(at: "/device")?.content == .special(.characterDevice))
        let text = try #require(try volume.status(at: "/sub/text"))
        let metadata = FileNode.Metadata(
            mode: 0o4711, owner: 70001, group: text.metadata.group, modified: 1_577_934_245)
        #expect(text == FileStatus(kind: .file, byteCount: 4, metadata: metadata))
        #expect(try volume.node(at: .root)?.kind == .directory)
        #expect(volume.superblock.label == "rootfs")
        #expect(volume.volumeID == "6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e5f")
        #expect(volume.superblock.creationTime == 1_700_000_000)
        try volume.close()
    }

    @Test("attributes go into the inode and its block and come back", arguments: Ext4Image.Format.all)
    func attributes(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        var node = Self.node(.file(Array("x".utf8)), mode: 0o640)
        node.metadata.extendedAttributes = [
            "security.capability": Self.capability, "system.posix_acl_access": Self.accessList,
            "user.empty": [], "user.big": [UInt8](repeating: 0x61, count: 600), "trusted.t": [0, 255],
        ]
        try image.edit { volume in
            try volume.put(node, at: "/tagged")
            try volume.put(node, at: "/second")
            #expect(try volume.node(at: "/tagged") == node)
        }
        try image.check()
        let list = try image.debugfs("ea_list /tagged")
        for name in ["security.capability (20)", "system.posix_acl_access", "user.empty (0)", "user.big (600)"] {
            #expect(list.contains(name), "\(list)")
        }
        // Written by debugfs: a block that is then cut down, and removed with the last attribute.
        try image.debugfs("ea_set /second user.more from_debugfs", writing: true)
        try image.edit { volume in
            let second = try #require(try volume.node(at: "/second"))
            #expect(second.metadata.extendedAttributes["user.more"] == Array("from_debugfs".utf8))
            var less = second
            less.metadata.extendedAttributes = ["security.capability": Self.capability]
            try volume.put(less, at: "/second")
            less.metadata.extendedAttributes = [:]
            try volume.put(less, at: "/tagged")
        }
        try image.check()
        let volume = try image.volume()
        #expect(try volume.node(at: "/second")?.metadata.extendedAttributes == ["security.capability": Self.capability])
        #expect(try volume.node(at: "/tagged")?.metadata.extendedAttributes == [:])
        var wrong = node
        wrong.metadata.extendedAttributes = ["user.huge": [UInt8](repeating: 1, count: 5000)]
        #expect(throws: VolumeError.notStorable("/tagged", what: "5000 bytes of user.huge")) {
            try volume.put(wrong, at: "/tagged")
        }
        wrong.metadata.extendedAttributes = ["unknown": []]
        #expect(throws: VolumeError.notStorable("/new", what: "an extended attribute called unknown")) {
            try volume.put(wrong, at: "/new")
        }
        try volume.close()
    }

    @Test("one name of several is changed, the others keep their bytes", arguments: Ext4Image.Format.all)
    func hardLinks(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        try image.edit { volume in
            var node = Self.node(.file(Array("old".utf8)))
            node.metadata.extendedAttributes["security.capability"] = Self.capability
            try volume.put(node, at: "/one")
        }
        for name in ["two", "three"] {
            try image.debugfs("ln one \(name)", writing: true)
        }
        try image.debugfs("set_inode_field one links_count 3", writing: true)
        try image.check()
        try image.edit { volume in
            try volume.put(Self.node(.file(Array("new".utf8))), at: "/two")
            try volume.put(Self.node(.symlink("one")), at: "/three")
        }
        try image.check()
        #expect(try image.debugfs("cat one") == "old")
        #expect(try image.debugfs("cat two") == "new")
        #expect(try image.debugfs("stat one").contains("Links: 1"))
        #expect(try image.debugfs("stat three").contains("Fast link dest: \"one\""))
        try image.edit { volume in try volume.remove("/one") }
        try image.check()
    }

    @Test("a file is rewritten in its inode, with its flags", arguments: Ext4Image.Format.all)
    func inPlace(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        try image.edit { volume in try volume.put(Self.node(.file(Array("old".utf8))), at: "/file") }
        try image.debugfs("set_inode_field file flags 0x\(format.type == "ext4" ? "80010" : "10")", writing: true)
        try image.debugfs("set_inode_field file generation 77", writing: true)
        let before = try image.debugfs("stat file").prefix { $0 != " " }
        var random = SeededGenerator(seed: 9)
        for size in [5000, 400_000, 100, 0, 70_000] {
            let bytes = random.bytes(size)
            try image.edit { volume in try volume.put(Self.node(.file(bytes)), at: "/file") }
            try image.check()
            let volume = try image.volume()
            #expect(try volume.node(at: "/file") == Self.node(.file(bytes)))
            try volume.close()
        }
        let after = try image.debugfs("stat file")
        #expect(after.prefix { $0 != " " } == before)
        #expect(after.contains("Flags: 0x\(format.type == "ext4" ? "80010" : "10")"), "\(after)")
        #expect(after.contains("ctime: 0x684ee180"), "\(after)")
    }

    @Test("hashed folders stay hashed and correct", arguments: Ext4Image.Format.all)
    func hashedFolders(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        let count = 400
        let names = (0..<count).map { "a rather long name to fill blocks with, number \($0)" }
        try image.edit { volume in
            try volume.put(Self.node(.directory, mode: 0o755), at: "/many")
            for name in names { try volume.put(Self.node(.file([])), at: try #require(VolumePath("/many/" + name))) }
        }
        try image.check()
        let indexed = try Shell.run("e2fsck", ["-fyD", image.path])
        #expect(indexed.status <= 1, "\(indexed.output)")
        let stat = try image.debugfs("htree_dump /many")
        #expect(stat.contains("Number of entries (count)"), "\(stat)")
        try image.edit { volume in
            for name in names where name.hasSuffix("7") {
                try volume.remove(try #require(VolumePath("/many/" + name)))
            }
            for name in names {
                try volume.put(Self.node(.directory, mode: 0o755), at: try #require(VolumePath("/many/dir " + name)))
            }
        }
        try image.check()
        #expect(try image.debugfs("htree_dump /many").contains("Number of entries (count)"))
        let volume = try image.volume()
        let left = names.filter { !$0.hasSuffix("7") } + names.map { "dir " + $0 }
        #expect(try volume.entries(in: "/many") == left.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
        try volume.close()
    }
}
