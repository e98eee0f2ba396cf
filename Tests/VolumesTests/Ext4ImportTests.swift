import Foundation
import TestSupport
import Testing
import Trees
@testable import Volumes

/// Whole trees put into a file system, judged by e2fsck, read again by us and by the kernel.
@Suite(.serialized, .needs("mke2fs", "e2fsck", "debugfs", "mount", "umount", "tar"))
struct Ext4ImportTests {
    private static let formats: [Ext4Image.Format] = [.debian, .trixie, .checksummed, .wide, .uninit, .ext3, .ext2]

    /// A file system with everything that a tree can hold.
    private static func source() throws -> Ext4Image {
        let folder = try TemporaryFolder()
        let script = """
            set -e
            cd "$0"
            mkdir -p many deep/a/b/c empty 'name with blanks' $'deep/\\xcc\\x81mark'
            echo one > $'deep/caf\\xc3\\xa9'; echo two > $'deep/cafe\\xcc\\x81'
            for n in $(seq 1 700); do echo $n > "many/a name of some length so that blocks fill, number $n"; done
            for n in $(seq 1 40); do mkdir "deep/folder $n"; done
            head -c 700001 /dev/urandom > deep/a/random
            for n in 0 1 2 3 4 5 6 7; do dd if=deep/a/random of=sparse bs=4096 count=2 seek=$((n * 9)) conv=notrunc 2>/dev/null; done
            truncate -s 3000001 sparse
            truncate -s 100000 hole
            : > empty-file
            ln deep/a/random deep/a/b/second-name
            ln deep/a/random third-name
            ln -s short deep/short
            ln -s "$(printf 'l%.0s' $(seq 1 300))" deep/long
            chmod 4755 deep/a/random; chmod 1777 empty
            touch -d '2020-02-03 04:05:06.789012345 UTC' deep/a/b/c many; touch -h -d '2021-02-03 04:05:06.5 UTC' deep/long
            """
        let made = try Shell.run("bash", ["-c", script, folder.path])
        try #require(made.status == 0, "\(made.error)")
        var format = Ext4Image.Format.trixie
        format.kibibytes = 65536
        let image = try Ext4Image(format, contents: folder.path)
        for command in [
            "mknod device c 5 1", "mknod disk b 259 7000", "mknod pipe p", "ea_set third-name user.note text",
            "ea_set many user.folder yes", "ea_set deep/a/b/c user.big \(String(repeating: "x", count: 900))",
            "set_inode_field sparse uid 70001",
        ] {
            try image.debugfs(command, writing: true)
        }
        try image.check()
        return image
    }

    /// Every entry of a tree, in words.
    private static func list(_ tree: any TreeReader) throws -> [String] {
        var names: [UInt64: VolumePath] = [:]
        var lines: [String] = []
        while let entry = try tree.next() {
            var line = "\(entry.path) \(entry.kind) \(entry.metadata) \(entry.nanoseconds)"
            switch entry.content {
            case .file(let content):
                line += " \(content.byteCount) \(try content.dataRanges())"
                for range in try content.dataRanges() {
                    line += " \(digest(try content.bytes(at: range.lowerBound, count: range.count)))"
                }
            case .symlink(let text): line += " -> \(text)"
            case .directory, .special: break
            }
            if let identity = entry.identity {
                if let first = names[identity] { line += " = \(first)" } else { names[identity] = entry.path }
            }
            lines.append(line)
        }
        return lines
    }

    private static func digest(_ bytes: [UInt8]) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }

    /// An empty image with room for the source's tree, and the source.
    private static func imageAndSource(_ format: Ext4Image.Format) throws -> (Ext4Image, Ext4Image) {
        var format = format
        format.kibibytes = 65536
        return (try Ext4Image(format), try source())
    }

    @Test("a tree arrives whole", arguments: formats)
    func whole(_ format: Ext4Image.Format) throws {
        let (image, source) = try Self.imageAndSource(format)
        let from = try source.volume()
        try image.edit { volume in
            for name in ["p1", "p2"] {
                let path = try #require(VolumePath("/" + name))
                try volume.put(.folder(), at: path)
                try volume.addTree(from.treeReader(), at: path)
            }
            try volume.put(.file("after"), at: "/p1/many/after")
            try volume.remove("/p1/many/after")
        }
        try image.check()
        var expected = try Self.list(from.treeReader())
        // A file system of another block size keeps other holes.
        if format.blockSize != 4096 { expected = expected.filter { !$0.hasPrefix("/sparse") } }
        if format.inodeSize == 128 { expected = expected.map { $0.replacing("789012345", with: "0") } }
        let volume = try image.volume()
        for name in ["p1", "p2"] {
            let tree = SubtreeReader(try volume.treeReader(), at: try #require(VolumePath("/" + name)))
            var found = try Self.list(tree)
            if format.blockSize != 4096 { found = found.filter { !$0.hasPrefix("/sparse") } }
            // The change after the import may have moved the folder's time; nothing else.
            #expect(found.count == expected.count)
            for (a, b) in zip(found, expected) { #expect(a == b) }
        }
        #expect(try volume.status(at: "/p1/sparse")?.byteCount == 3_000_001)
        let hashed = try image.debugfs("stat /p1/many")
        #expect(
            hashed.contains("Flags: 0x")
                && hashed.contains("1000") == volume.superblock.features.has(.hashedDirectories))
    }

    @Test("the kernel sees the same, and goes on from there", arguments: [Ext4Image.Format.trixie, .uninit, .ext2])
    func kernel(_ format: Ext4Image.Format) throws {
        let (image, source) = try Self.imageAndSource(format)
        let from = try source.volume()
        try image.edit { volume in
            try volume.put(.folder(), at: "/p1")
            try volume.addTree(from.treeReader(), at: "/p1")
        }
        let folder = try TemporaryFolder()
        let script = """
            set -e
            cd "$0"; mkdir a b
            mount -o loop,ro -t ext4 "$1" a; trap 'umount a' EXIT
            mount -o loop -t ext4 "$2" b; trap 'umount a b' EXIT
            sum() { tar -C "$1" --sort=name --numeric-owner --xattrs --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --exclude=./lost+found -cf - . | sha256sum; }
            [ "$3" = seconds ] || [ "$(sum a)" = "$(sum b/p1)" ]
            diff -r --no-dereference --exclude=device --exclude=disk --exclude=pipe --exclude=lost+found a b/p1
            for n in $(seq 1 300); do
                test "$(cat "b/p1/many/a name of some length so that blocks fill, number $n")" = $n
                echo $n > "b/p1/many/from the kernel, and long enough to split leaves, $n"
            done
            rm "b/p1/many/a name of some length so that blocks fill, number 7" b/p1/third-name
            """
        let precision = format.inodeSize == 128 ? "seconds" : "all"
        let result = try Shell.run(
            "unshare", ["--mount", "bash", "-c", script, folder.path, source.path, image.path, precision])
        try ToolsTrait.require(!result.error.contains("mount:"), "the kernel cannot mount here: \(result.error)")
        #expect(result.status == 0, "\(result.output)\(result.error)")
        try image.check()
    }

    @Test("an index of two levels")
    func twoLevels() throws {
        var format = Ext4Image.Format.checksummed
        format.kibibytes = 262_144
        let image = try Ext4Image(format)
        var nodes: [VolumePath: FileNode] = [:]
        let names = (0..<9000).map { "\(String(repeating: "n", count: 60))\($0)" }
        for name in names { nodes[try #require(VolumePath("/" + name))] = .file("") }
        let tree = MemoryVolume(nodes)
        try image.edit { volume in
            try volume.put(.folder(), at: "/many")
            let reader: any TreeReader = tree.treeReader()
            try volume.addTree(reader, at: "/many")
            try volume.put(.file("x"), at: "/many/one more")
        }
        try image.check()
        #expect(try image.debugfs("htree_dump /many").contains("Indirect levels: 1"))
        #expect(try image.debugfs("stat /many/\(names[8999])").contains("Type: regular"))
    }

    @Test("a full file system and a tree out of order are errors")
    func refusals() throws {
        let image = try Ext4Image(.debian)
        let volume = try image.volume()
        let large = MemoryVolume(["/large": .file([UInt8](repeating: 1, count: 40 << 20))])
        try volume.put(.folder(), at: "/p1")
        try volume.put(.folder(), at: "/p1/sub")
        #expect(throws: VolumeError.directoryNotEmpty("/p1")) { try volume.addTree(large.treeReader(), at: "/p1") }
        #expect(throws: VolumeError.notFound("/p2")) { try volume.addTree(large.treeReader(), at: "/p2") }
        #expect(throws: VolumeError.noSpace("/p1/sub/large")) { try volume.addTree(large.treeReader(), at: "/p1/sub") }
        // Nothing is written any more.
        #expect(throws: VolumeError.noSpace("/p1/sub/large")) { try volume.close() }
        let other = try Ext4Image(.debian).volume()
        let wrong = Entries([
            TreeEntry(path: .root, .folder()), TreeEntry(path: "/b", .folder()), TreeEntry(path: "/a", .folder()),
        ])
        try other.put(.folder(), at: "/p1")
        #expect(throws: VolumeError.corrupt("/a comes out of order in the tree for /p1")) {
            try other.addTree(wrong, at: "/p1")
        }
    }

    private final class Entries: TreeReader {
        private var rest: [TreeEntry]
        init(_ entries: [TreeEntry]) { rest = entries.reversed() }
        func next() -> TreeEntry? { rest.popLast() }
    }

    /// The entries below a folder, as a tree of their own.
    private final class SubtreeReader: TreeReader {
        private let base: any TreeReader
        private let folder: VolumePath
        init(_ base: any TreeReader, at folder: VolumePath) {
            self.base = base
            self.folder = folder
        }
        func next() throws(VolumeError) -> TreeEntry? {
            while var entry = try base.next() {
                guard entry.path == folder || entry.path.isBelow(folder) else { continue }
                entry.path =
                    VolumePath(components: Array(entry.path.components.dropFirst(folder.components.count))) ?? .root
                return entry
            }
            return nil
        }
    }
}
