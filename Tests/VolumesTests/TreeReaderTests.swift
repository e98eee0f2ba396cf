import Foundation
import TestSupport
import Testing
import Trees

@testable import Volumes

/// A pass over a whole volume.
struct TreeReaderTests {
    @Test("a pass gives what the volume's own verbs give, in the order of paths", arguments: VolumeSubject.sources)
    func pass(_ subject: VolumeSubject) throws {
        try ToolsTrait.require(subject.tools)
        var random = SeededGenerator(seed: 11)
        let volume = try subject.make().open()
        let source = try #require(volume as? any TreeSource)
        for path: VolumePath in ["/a", "/a/deep", "/a-b", "/empty"] { try volume.put(.folder(), at: path) }
        for (path, count) in [("/a/1", 0), ("/a/deep/2", 1), ("/a-b/3", 100_001), ("/b", 5000), ("/a/zz", 4096)] {
            try volume.put(.file(random.bytes(count)), at: try #require(VolumePath(path)))
        }
        if subject.abilities.contains(.links) { try volume.put(.link("../b"), at: "/a/link") }
        if subject.abilities.contains(.specials) {
            try volume.put(FileNode(content: .special(.fifo), metadata: .init(mode: 0o600)), at: "/pipe")
        }
        let reader = try source.treeReader()
        let first = try #require(try reader.next())
        #expect(first.path == .root && first.kind == .directory)
        var found: [VolumePath: FileNode] = [:]
        var order: [VolumePath] = []
        while let entry = try reader.next() {
            order.append(entry.path)
            found[entry.path] = FileNode(content: try content(of: entry, random: &random), metadata: entry.metadata)
        }
        #expect(order == order.sorted())
        #expect(try found == volume.tree(below: .root))
        #expect(try reader.next() == nil)
    }

    /// The content, its bytes read in odd pieces.
    private func content(of entry: TreeEntry, random: inout SeededGenerator) throws -> FileNode.Content {
        switch entry.content {
        case .directory: return .directory
        case .symlink(let text): return .symlink(text)
        case .special(let kind): return .special(kind)
        case .file(let content):
            var bytes: [UInt8] = []
            while bytes.count < content.byteCount {
                let count = min(Int(content.byteCount) - bytes.count, Int.random(in: 1...9000, using: &random))
                bytes += try content.bytes(at: Int64(bytes.count), count: count)
            }
            return .file(bytes)
        }
    }

    @Test("a read beyond the end is refused", arguments: VolumeSubject.sources)
    func bounds(_ subject: VolumeSubject) throws {
        try ToolsTrait.require(subject.tools)
        let volume = try subject.make().open()
        try volume.put(.file("12345"), at: "/f")
        let reader = try #require(volume as? any TreeSource).treeReader()
        while let entry = try reader.next() {
            guard entry.path == "/f", case .file(let content) = entry.content else { continue }
            for (offset, count) in [(0, 6), (5, 1), (-1, 2)] {
                #expect {
                    try content.bytes(at: Int64(offset), count: count)
                } throws: { error in
                    if case .device? = error as? VolumeError { true } else { false }
                }
            }
            #expect(try content.bytes(at: 5, count: 0) == [])
        }
    }

    @Test(
        "links, devices, holes and parts of seconds are told",
        .needs("mke2fs", "debugfs"), arguments: Ext4Image.Format.all)
    func details(_ format: Ext4Image.Format) throws {
        let folder = try TemporaryFolder()
        let sparse = folder.path + "/sparse"
        try Shell.write([1, 2, 3], to: sparse)
        _ = try Shell.run("truncate", ["-s", "3000000", sparse])
        _ = try Shell.run("dd", ["if=/dev/zero", "of=" + sparse, "bs=1", "count=1", "seek=2000000", "conv=notrunc"])
        try Shell.write([7], to: folder.path + "/one")
        _ = try Shell.run("ln", [folder.path + "/one", folder.path + "/two"])
        let image = try Ext4Image(format, contents: folder.path)
        try image.debugfs("mknod tty c 4 64", writing: true)
        try image.debugfs("mknod disk b 8 1", writing: true)
        if format.inodeSize > 128 { try image.debugfs("sif /one mtime_extra 0x1d6f3454", writing: true) }
        var entries: [String: TreeEntry] = [:]
        let volume = try image.volume()
        let reader = try volume.treeReader()
        while let entry = try reader.next() { entries[entry.path.description] = entry }
        let one = try #require(entries["/one"])
        #expect(one.identity != nil && one.identity == entries["/two"]?.identity)
        #expect(entries["/sparse"]?.identity == nil)
        #expect(one.nanoseconds == (format.inodeSize > 128 ? 123_456_789 : 0))
        #expect(entries["/tty"]?.metadata.device == .init(major: 4, minor: 64))
        #expect(entries["/disk"]?.metadata.device == .init(major: 8, minor: 1))
        guard case .file(let content)? = entries["/sparse"]?.content else {
            Issue.record("no file")
            return
        }
        let ranges = try content.dataRanges()
        let size = Int64(format.blockSize)
        #expect(ranges.first == 0..<size)
        #expect(ranges.allSatisfy { $0.lowerBound % size == 0 && $0.upperBound <= 3_000_000 })
        #expect(ranges.reduce(0) { $0 + $1.upperBound - $1.lowerBound } <= 2 * size)
        #expect(try content.bytes(at: 0, count: 5) == [1, 2, 3, 0, 0])
        #expect(try content.bytes(at: 2_999_990, count: 10) == [UInt8](repeating: 0, count: 10))
    }

    @Test("devices are made with their numbers", .needs("mke2fs", "e2fsck", "debugfs"), arguments: Ext4Image.Format.all)
    func devices(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        func device(_ kind: FileNode.Kind, _ major: UInt32, _ minor: UInt32, mode: UInt16 = 0o660) -> FileNode {
            FileNode(
                content: .special(kind),
                metadata: .init(mode: mode, modified: FileNode.someTime, device: .init(major: major, minor: minor)))
        }
        try image.edit { volume in
            try volume.put(device(.characterDevice, 1, 3), at: "/null")
            try volume.put(device(.blockDevice, 259, 65_537), at: "/disk")
            // Without a number the device stays the one it is.
            var unnumbered = device(.characterDevice, 0, 0, mode: 0o600)
            unnumbered.metadata.device = nil
            try volume.put(unnumbered, at: "/null")
            #expect(try volume.node(at: "/null") == device(.characterDevice, 1, 3, mode: 0o600))
            let big = device(.blockDevice, 4096, 1)
            #expect(throws: VolumeError.notStorable("/x", what: "device 4096:1")) { try volume.put(big, at: "/x") }
        }
        try image.check()
        #expect(try image.debugfs("stat /null").contains("Device major/minor number: 01:03"))
        #expect(try image.debugfs("stat /disk").contains("major/minor number: 259:65537"))
    }
}
