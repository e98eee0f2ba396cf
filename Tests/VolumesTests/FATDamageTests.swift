import TestSupport
import Testing
import Trees

@testable import Volumes

/// Chains and folders that the specification rules out end in a typed error that names the file.
@Suite(.needs("mkfs.fat", "mcopy", "mmd"))
struct FATDamageTests {
    /// A FAT16 volume in memory, 8167 clusters of 512 bytes: /file of three clusters, /folder with /folder/inner.
    private let device: MemoryDevice
    private let boot: BootSector
    private let first: Int
    private let folder: Int

    init() throws {
        let image = try FATImage(.init(kind: 16, kibibytes: 4096, sectorsPerCluster: 1))
        try image.mcopy([UInt8](repeating: 1, count: 1200), to: "/file")
        try image.mtool("mmd", ["::/folder"])
        try image.mcopy([2], to: "/folder/inner")
        device = MemoryDevice(try image.bytes)
        let volume = try FATVolume(device)
        boot = volume.boot
        guard case .entry(_, let file) = try volume.find("/file"),
            case .entry(_, let directory) = try volume.find("/folder")
        else { throw VolumeError.notFound("/file") }
        first = file.entry.cluster(.fat16)
        folder = directory.entry.cluster(.fat16)
    }

    @Test("a file's chain must be as long as its size and lead nowhere else")
    func fileChains() throws {
        let last = boot.clusterCount + 1
        let cases: [([Int: UInt16], String)] = [
            ([2: UInt16(first)], "/file: the cluster chain is longer than 3, or runs in a circle"),
            ([0: UInt16(first)], "/file: the cluster chain is longer than 3, or runs in a circle"),
            ([1: 0xFFFF], "/file: the cluster chain has 2 clusters, the size takes 3"),
            ([2: UInt16(first + 9)], "/file: the cluster chain is longer than 3, or runs in a circle"),
            ([1: 0], "/file: the cluster chain leads to the free cluster \(first + 1)"),
            ([2: 0xFFF7], "/file: the cluster chain leads to the bad cluster \(first + 2)"),
            ([0: 1], "/file: after cluster \(first) comes 1, outside 2...\(last)"),
            ([0: UInt16(last + 1)], "/file: after cluster \(first) comes \(last + 1), outside 2...\(last)"),
            ([1: 0xFFF6], "/file: after cluster \(first + 1) comes 65526, outside 2...\(last)"),
        ]
        let healthy = device.bytes
        for (changes, message) in cases {
            for (distance, value) in changes { setEntry(first + distance, to: value) }
            try expectCorrupt("/file", message)
            device.bytes = healthy
        }
    }

    @Test("a file's entry must fit the volume")
    func fileEntries() throws {
        let last = boot.clusterCount + 1
        let cases: [(Int?, UInt32?, String)] = [
            (0, nil, "/file: its first cluster 0 is outside 2...\(last)"),
            (last + 1, nil, "/file: its first cluster \(last + 1) is outside 2...\(last)"),
            (nil, 0, "/file: an empty file has a cluster chain"),
            (nil, 1024, "/file: the cluster chain is longer than 2, or runs in a circle"),
            (nil, 1537, "/file: the cluster chain has 3 clusters, the size takes 4"),
            (nil, .max, "/file: 4294967295 bytes are more than the volume holds"),
        ]
        let healthy = device.bytes
        for (cluster, size, message) in cases {
            try patchEntry("/file") { entry in
                if let cluster { entry.setCluster(cluster, .fat16) }
                if let size { entry.size = size }
            }
            try expectCorrupt("/file", message)
            device.bytes = healthy
        }
    }

    @Test("a folder's chain must end, and no folder lies in itself")
    func folders() throws {
        let healthy = device.bytes
        setEntry(folder, to: UInt16(folder))
        try expectCorrupt("/folder/inner", "/folder: the cluster chain is longer than 4096, or runs in a circle")
        device.bytes = healthy
        setEntry(folder, to: 0)
        try expectCorrupt("/folder/inner", "/folder: the cluster chain leads to the free cluster \(folder)")
        device.bytes = healthy
        try patchEntry("/folder") { $0.setCluster(0, .fat16) }
        try expectCorrupt("/folder", "/folder: the folder lies in itself")
        device.bytes = healthy
        let folder = folder
        try FATVolume(device).put(.folder(), at: "/folder/deeper")
        try patchEntry("/folder/deeper") { $0.setCluster(folder, .fat16) }
        try expectCorrupt("/folder/deeper/deeper/inner", "/folder/deeper: the folder lies in itself")
    }

    @Test("parts of a lost long name stay, and what follows the end is overwritten")
    func leftovers() throws {
        let volume = try FATVolume(device)
        try volume.put(.file("x"), at: "/a name of two slots.text")
        let record = try #require(try entry("/a name of two slots.text", in: volume))
        let slots = record.firstSlot..<record.slot
        #expect(slots.count == 2)
        // The short entry is given up by a driver that knows no long names; garbage lies behind the end.
        device.bytes[offset(ofSlot: record.slot)] = DirectoryEntry.deletedMark
        for slot in record.slot + 1..<record.slot + 40 {
            for index in 1..<32 where slot > record.slot + 1 { device.bytes[offset(ofSlot: slot) + index] = 0x41 }
            if slot > record.slot + 1 { device.bytes[offset(ofSlot: slot)] = 0x41 }
        }
        let orphans = Array(device.bytes[offset(ofSlot: slots.lowerBound)..<offset(ofSlot: slots.upperBound)])

        let again = try FATVolume(device)
        #expect(try again.entries(in: .root) == ["file", "folder"])
        try again.put(.file("1"), at: "/new")
        try again.put(.file("2"), at: "/another name of many slots, forty letters")
        try again.close()
        let third = try FATVolume(device)
        #expect(try third.entries(in: .root) == ["another name of many slots, forty letters", "file", "folder", "new"])
        #expect(Array(device.bytes[offset(ofSlot: slots.lowerBound)..<offset(ofSlot: slots.upperBound)]) == orphans)
    }

    @Test("the label is no file and is kept")
    func label() throws {
        let volume = try FATVolume(device)
        #expect(try volume.node(at: "/BOOTFS") == nil)
        try volume.put(.file("x"), at: "/BOOTFS")
        try volume.close()
        #expect(try FATVolume(device).node(at: "/bootfs") == .file(Array("x".utf8)))
        #expect(Array(device.bytes[offset(ofSlot: 0)..<offset(ofSlot: 0) + 12]) == Array("BOOTFS     \u{8}".utf8))
    }

    @Test("the high half of a cluster number counts on FAT32 only, and is kept")
    func highHalf() throws {
        let place = offset(ofSlot: 1) + 0x14
        device.bytes.set(UInt16(0x1234), at: place)
        let volume = try FATVolume(device)
        #expect(try volume.node(at: "/file")?.content == .file([UInt8](repeating: 1, count: 1200)))
        try volume.put(.file(""), at: "/file")
        try volume.put(.file("again"), at: "/file")
        #expect(try volume.node(at: "/file") == .file("again"))
        #expect(Array(device.bytes[place..<place + 2]) == [0x34, 0x12])
    }

    // MARK: Tools

    /// Reading, overwriting and removing must all fail so, and write nothing.
    private func expectCorrupt(_ path: VolumePath, _ message: String) throws {
        let volume = try FATVolume(device)
        let before = device.bytes
        let error = VolumeError.corrupt(message)
        #expect(throws: error) { try volume.node(at: path) }
        #expect(throws: error) { try volume.put(.file("new"), at: path) }
        #expect(throws: error) { try volume.remove(path) }
        try volume.close()
        #expect(device.bytes == before)
    }

    private func setEntry(_ cluster: Int, to value: UInt16) {
        for copy in 0..<boot.tableCount { device.bytes.set(value, at: Int(boot.tableOffset(copy)) + cluster * 2) }
    }

    private func entry(_ path: VolumePath, in volume: FATVolume) throws -> Directory.Record? {
        guard case .entry(_, let record) = try volume.find(path) else { return nil }
        return record
    }

    private func patchEntry(_ path: VolumePath, _ change: (inout DirectoryEntry) -> Void) throws {
        let volume = try FATVolume(device)
        guard case .entry(let directory, let record) = try volume.find(path) else { throw VolumeError.notFound(path) }
        var entry = record.entry
        change(&entry)
        let start =
            directory.clusters.first.map { Int(boot.offset(ofCluster: $0)) + record.slot * 32 }
            ?? offset(ofSlot: record.slot)
        device.bytes.replaceSubrange(start..<start + 32, with: entry.bytes)
    }

    private func offset(ofSlot slot: Int) -> Int { Int(boot.rootOffset) + slot * 32 }
}
