import Blocks
import Foundation
import TestSupport
import Testing
import Trees
@testable import Volumes

/// How much is read and written, when nothing is, that the same comes out twice, and what failures leave behind.
@Suite(.needs("mke2fs", "e2fsck"))
struct Ext4BehaviourTests {
    /// Edits of every kind, the same each time.
    static func edit(_ volume: any Volume) throws {
        var random = SeededGenerator(seed: 5)
        try volume.put(.folder(), at: "/a")
        for index in 0..<30 {
            try volume.put(.file(random.bytes(index * 700)), at: try #require(VolumePath("/a/file \(index)")))
        }
        for index in stride(from: 0, to: 30, by: 3) {
            try volume.remove(try #require(VolumePath("/a/file \(index)")))
        }
        var tagged = FileNode.file(random.bytes(100_000))
        tagged.metadata.extendedAttributes = ["user.a": random.bytes(10), "user.b": random.bytes(400)]
        try volume.put(tagged, at: "/a/file 1")
        try volume.put(.link("file 1"), at: "/a/link")
        try volume.put(.link(String(repeating: "x", count: 100)), at: "/a/link")
    }

    @Test("opening, reading and putting what is there already writes nothing", arguments: Ext4Image.Format.all)
    func unchanged(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        try image.edit(Self.edit)
        try image.check()
        let device = MemoryDevice(try image.bytes)
        let before = device.bytes
        let volume = try Ext4Volume(device: device, now: 2_000_000_000)
        for (path, node) in try volume.tree(below: "/a") { try volume.put(node, at: path) }
        try volume.put(try #require(try volume.node(at: .root)), at: .root)
        #expect(throws: VolumeError.notFound("/none")) { try volume.remove("/none") }
        try volume.close()
        #expect(device.writes == 0)
        #expect(device.bytes == before)
    }

    @Test("a volume that is opened to be read shows the same, and refuses to be changed")
    func readOnly() throws {
        let image = try Ext4Image(.all[0])
        try image.edit(Self.edit)
        let device = MemoryDevice(try image.bytes)
        let volume = try Ext4Volume(device: device, now: nil)
        #expect(try volume.tree(below: "/a") == image.volume().tree(below: "/a"))
        #expect(try volume.usedRanges() == image.volume().usedRanges())
        let refusal = VolumeError.unsupported(
            feature: "editing a volume opened for reading", remedy: "open it for writing")
        #expect(throws: refusal) { try volume.put(.folder(), at: "/new") }
        #expect(throws: refusal) { try volume.remove("/a/link") }
        #expect(try volume.node(at: "/a/link") != nil)
        try volume.close()
        #expect(device.writes == 0)
    }

    @Test("the same edits make the same bytes", arguments: Ext4Image.Format.all)
    func reproducible(_ format: Ext4Image.Format) throws {
        let base = try Ext4Image(format).bytes
        var results: [[UInt8]] = []
        for _ in 0..<2 {
            let device = MemoryDevice(base)
            let volume = try Ext4Volume(device: device, now: Ext4Image.now)
            try Self.edit(volume)
            try volume.close()
            results.append(device.bytes)
        }
        #expect(results[0] == results[1])
        #expect(results[0] != base)
        #expect(try Superblock(of: MemoryDevice(results[0])).lastWriteTime == Ext4Image.now)
    }

    @Test("many volumes are edited at the same time")
    func parallel() async throws {
        let base = try Ext4Image(.trixie).bytes
        let results = try await withThrowingTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<6 {
                group.addTask {
                    let device = MemoryDevice(base)
                    let volume = try Ext4Volume(device: device, now: Ext4Image.now)
                    try Self.edit(volume)
                    try volume.close()
                    return device.bytes
                }
            }
            return try await group.reduce(into: [[UInt8]]()) { $0.append($1) }
        }
        #expect(results.count == 6)
        #expect(results.allSatisfy { $0 == results[0] })
    }

    @Test("one small file in 2 GB costs a few blocks")
    func cost() throws {
        let image = try Ext4Image(
            .init(name: "2 GB", features: ["^64bit", "^huge_file", "metadata_csum"], kibibytes: 2_097_152))
        let device = CountingDevice(try ImageFile(image.path))
        let volume = try Ext4Volume(device: device, now: Ext4Image.now)
        #expect(device.bytesRead < 16 << 10)
        try volume.put(.file("hello"), at: "/hello")
        try volume.close()
        #expect(device.dirty.count * 4096 < 64 << 10, "\(device.dirty.count) granules")
        #expect(device.bytesRead < 512 << 10, "\(device.bytesRead) bytes")
        try image.check()
    }

    @Test(
        "a full file system refuses, stays correct and keeps what it had", arguments: [Ext4Image.Format.debian, .ext2])
    func full(_ format: Ext4Image.Format) throws {
        var small = format
        small.kibibytes = 4096
        small.features.append("^has_journal")
        let image = try Ext4Image(small)
        var random = SeededGenerator(seed: 8)
        var kept: [VolumePath: FileNode] = [:]
        try image.edit { volume in
            try volume.put(.folder(), at: "/f")
            var refusals = 0
            for index in 0..<400 {
                let path = try #require(VolumePath("/f/\(index)"))
                let node = FileNode.file(random.bytes(Int.random(in: 1...60_000, using: &random)))
                do throws(VolumeError) {
                    try volume.put(node, at: path)
                    kept[path] = node
                } catch {
                    #expect(error == .noSpace(path))
                    refusals += 1
                    // Make room now and then, growing and shrinking what is there.
                    if refusals % 3 == 0, let old = kept.keys.sorted().randomElement(using: &random) {
                        try volume.remove(old)
                        kept[old] = nil
                    } else if let old = kept.keys.sorted().randomElement(using: &random) {
                        let shorter = FileNode.file(random.bytes(100))
                        try volume.put(shorter, at: old)
                        kept[old] = shorter
                    }
                }
            }
            #expect(refusals > 20)
        }
        try image.check()
        let volume = try image.volume()
        #expect(try volume.tree(below: "/f") == kept)
        try volume.close()
    }

    @Test("no inode is left")
    func inodes() throws {
        let image = try Ext4Image(.init(name: "few inodes", kibibytes: 8192, inodes: 16))
        try image.edit { volume in
            var made = 0
            while made < 100 {
                let path = try #require(VolumePath("/\(made)"))
                do throws(VolumeError) { try volume.put(.folder(), at: path) } catch {
                    #expect(error == .noSpace(path))
                    break
                }
                made += 1
            }
            #expect((1...5000).contains(made))
        }
        try image.check()
    }

    @Test("a failing read or write is told as it was, at every place", arguments: [true, false])
    func faults(reading: Bool) throws {
        let base = try Ext4Image(.init(name: "small", features: ["^has_journal"], kibibytes: 2048)).bytes
        let expected = VolumeError.device("\(FaultyDevice.error)")
        func run(_ device: FaultyDevice) -> VolumeError? {
            do {
                let volume = try Ext4Volume(device: device, now: Ext4Image.now)
                try Self.edit(volume)
                try volume.close()
                return nil
            } catch { return error as? VolumeError ?? .corrupt("\(error)") }
        }
        let clean = FaultyDevice(over: MemoryDevice(base))
        #expect(run(clean) == nil)
        let count = reading ? clean.reads : clean.writes
        #expect(count > 40)
        for number in 1...count where number < 60 || number % 17 == 0 || number > count - 20 {
            let device = FaultyDevice(
                over: MemoryDevice(base), failingRead: reading ? number : nil, failingWrite: reading ? nil : number)
            #expect(run(device) == expected, "\(reading ? "read" : "write") \(number) of \(count)")
        }
    }

    @Test("after a failure in a change nothing more is done")
    func poisoned() throws {
        let device = FaultyDevice(over: MemoryDevice(try Ext4Image(.debian).bytes), failingWrite: 3)
        let volume = try Ext4Volume(device: device, now: Ext4Image.now)
        let expected = VolumeError.device("\(FaultyDevice.error)")
        #expect(throws: expected) { try volume.put(.file("x"), at: "/x") }
        let writes = device.writes
        #expect(throws: expected) { try volume.node(at: "/") }
        #expect(throws: expected) { try volume.close() }
        #expect(device.writes == writes)
    }
}

/// Counts bytes read and the distinct 4 KiB granules written.
private final class CountingDevice: BlockDevice {
    private let base: any BlockDevice
    private(set) var bytesRead = 0
    private(set) var dirty: Set<Int64> = []

    init(_ base: any BlockDevice) { self.base = base }

    var byteCount: Int64 { base.byteCount }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        bytesRead += buffer.byteCount
        try base.read(into: &buffer, at: offset)
    }

    func write(_ bytes: RawSpan, at offset: Int64) throws(BlockError) {
        for granule in (offset / 4096)...((offset + Int64(bytes.byteCount) - 1) / 4096) { dirty.insert(granule) }
        try base.write(bytes, at: offset)
    }
}
