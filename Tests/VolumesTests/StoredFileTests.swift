import Blocks
import Foundation
import TestSupport
import Testing
import Trees
import Volumes

/// Large files that a volume takes without holding them, judged by foreign tools.
@Suite(.needs("mke2fs", "e2fsck", "debugfs", "mkfs.fat", "fsck.fat", "mcopy", "sha256sum"))
struct StoredFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func shell(_ script: String) throws -> String {
        let run = try Shell.run("sh", ["-ec", "cd '\(folder.path)'; \(script)"])
        try #require(run.status == 0, "\(script): \(run.error)")
        return run.output
    }

    /// A file of random bytes, as a profile's would be.
    private func stored(_ name: String, byteCount: Int) throws -> StoredFile {
        _ = try shell("head -c \(byteCount) /dev/urandom > \(name)")
        let reader = try FileReader(path: folder.path + "/" + name)
        return StoredFile(
            byteCount: Int64(byteCount), sha256: String(try shell("sha256sum \(name)").prefix(64)),
            content: ReaderContent(reader))
    }

    /// Writes an overlay out beside its base.
    private func write(_ overlay: Overlay, to name: String) throws {
        _ = try shell("cp --sparse=always base \(name)")
        let file = try OpenFile(path: folder.path + "/" + name, flags: 2)
        try overlay.patch.forEachGranule(in: 0..<overlay.byteCount) { (offset, bytes) throws(BlockError) in
            try bytes.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: offset) }
        }
    }

    private static let metadata = FileNode.Metadata(mode: 0o640, owner: 3, group: 4, modified: 1_700_000_000)

    @Test("ext4 keeps the bytes where they are, and what is written is whole", arguments: [1024, 4096])
    func ext4(blockSize: Int) throws {
        _ = try shell("mke2fs -q -t ext4 -b \(blockSize) base 48M")
        let overlay = Overlay(over: try FileReader(path: folder.path + "/base"))
        let volume = try Ext4Volume(device: overlay, now: 1_700_000_000)
        let sizes = [4_000_001, 1_500_000, 2_345_678, 70_000]
        for (index, size) in sizes.enumerated() {
            let file = try stored("file\(index)", byteCount: size)
            try volume.put(FileNode(content: .stored(file), metadata: Self.metadata), at: "/large")
            #expect(try volume.status(at: "/large")?.byteCount == Int64(size))
            let content = try #require(try volume.content(at: "/large"))
            #expect(try file.holds(content))
        }
        let last = try stored("last", byteCount: 3_000_000)
        try volume.put(FileNode(content: .stored(last), metadata: Self.metadata), at: "/other")
        // The same again changes nothing.
        try volume.put(FileNode(content: .stored(last), metadata: Self.metadata), at: "/other")
        try volume.close()
        #expect(try overlay.patch.heldByteCount < 1 << 20)
        try write(overlay, to: "image")
        _ = try shell("e2fsck -fn image")
        for (path, name) in [("/large", "file3"), ("/other", "last")] {
            _ = try shell("debugfs -R 'dump \(path) copy' image && cmp copy \(name)")
        }
    }

    @Test("FAT does the same") func fat() throws {
        _ = try shell("mkfs.fat -C base 49152")
        let overlay = Overlay(over: try FileReader(path: folder.path + "/base"))
        let volume = try FATVolume(overlay)
        for (index, size) in [2_000_001, 700_000, 3_000_000].enumerated() {
            let file = try stored("file\(index)", byteCount: size)
            try volume.put(FileNode(content: .stored(file), metadata: .init(mode: 0o755)), at: "/large.bin")
            let content = try #require(try volume.content(at: "/large.bin"))
            #expect(try file.holds(content))
        }
        try volume.close()
        #expect(try overlay.patch.heldByteCount < 1 << 20)
        try write(overlay, to: "image")
        _ = try shell("fsck.fat -n image && mcopy -i image ::large.bin copy && cmp copy file2")
        #expect(throws: VolumeError.noSpace("/more")) {
            let volume = try FATVolume(overlay)
            let file = try stored("more", byteCount: 48_000_000)
            try volume.put(FileNode(content: .stored(file), metadata: .init(mode: 0o755)), at: "/more")
        }
    }

    @Test("an overlay reads placed bytes, and forgets them where it is written to") func overlay() throws {
        _ = try shell("head -c 40000 /dev/urandom > base; head -c 30000 /dev/urandom > other")
        let base = try Array(Data(contentsOf: URL(fileURLWithPath: folder.path + "/base")))
        let other = try Array(Data(contentsOf: URL(fileURLWithPath: folder.path + "/other")))
        let overlay = Overlay(over: try FileReader(path: folder.path + "/base"))
        let reader = try FileReader(path: folder.path + "/other")
        var expected = base
        for (start, count, offset) in [(0, 20_000, 1000), (777, 12_288, 8192), (5, 10, 30_000), (100, 8192, 4096)] {
            try overlay.place(reader, from: Int64(start), count: Int64(count), at: Int64(offset))
            expected.replaceSubrange(offset..<offset + count, with: other[start..<start + count])
            #expect(try overlay.bytes(at: 0, count: base.count) == expected)
        }
        try overlay.write([1, 2, 3], at: 9000)
        expected.replaceSubrange(9000..<9003, with: [1, 2, 3])
        try overlay.write([UInt8](repeating: 0, count: 4096), at: 12_288)
        expected.replaceSubrange(12_288..<16_384, with: [UInt8](repeating: 0, count: 4096))
        #expect(try overlay.bytes(at: 0, count: base.count) == expected)
        var patched = base
        try patched.withUnsafeMutableBytes { bytes in
            var span = bytes.mutableBytes
            try overlay.patch.apply(to: &span, at: 0)
        }
        #expect(patched == expected)
        #expect(throws: BlockError.outOfBounds(offset: 29_999, count: 2, size: 30_000)) {
            try overlay.place(reader, from: 29_999, count: 2, at: 0)
        }
    }
}
