import Blocks
import TestSupport
import Testing
import Trees
@testable import Volumes

/// Every byte of the headers may be anything, and any read or write may fail.
@Suite(.needs("mkfs.fat"))
struct FATHeaderTests {
    static let formats: [FATImage.Format] = [
        .init(kind: 12, kibibytes: 512, sectorsPerCluster: 1), .init(kind: 16, kibibytes: 2592, sectorsPerCluster: 1),
        .init(kind: 32, kibibytes: 1024, sectorsPerCluster: 1),
    ]

    @Test(
        "any byte of boot sector, FSInfo, table and root folder flipped: a typed error or work done", arguments: formats
    )
    func flips(_ format: FATImage.Format) throws {
        let healthy = try filled(format)
        let boot = try BootSector(healthy.span, deviceByteCount: Int64(healthy.count))
        let root = format.kind == 32 ? boot.offset(ofCluster: boot.rootCluster) : boot.rootOffset
        let table = Int(boot.tableOffset(0))
        var places = Array(0..<512) + Array(table..<table + 64) + Array(Int(root)..<Int(root) + 256)
        if let info = boot.infoOffset { places += (0..<4).map { Int(info) + $0 } + (484..<512).map { Int(info) + $0 } }
        var refused = 0
        let device = MemoryDevice(healthy)
        for place in places {
            for flip: UInt8 in [0xFF, 0x01, 0x80] {
                device.bytes[place] ^= flip
                let before = device.writes
                do {
                    try workOut(device)
                } catch is VolumeError {
                    refused += 1
                }
                if device.writes > before { device.bytes = healthy } else { device.bytes[place] = healthy[place] }
            }
        }
        #expect(refused > 60 && refused < places.count * 2, "\(refused) of \(places.count * 3)")
    }

    @Test("a cut device is refused", arguments: formats)
    func truncation(_ format: FATImage.Format) throws {
        let healthy = try filled(format)
        for count in [0, 1, 511] {
            let refusal = VolumeError.corrupt("\(count) bytes are too few for a FAT volume")
            #expect(throws: refusal) { try FATVolume(MemoryDevice(Array(healthy.prefix(count)))) }
        }
        for count in [512, 513, healthy.count / 2, healthy.count - 1] {
            let sectors = healthy.count / 512
            let refusal = VolumeError.corrupt(
                "the boot sector says \(sectors) sectors of 512 bytes, the device has \(count)")
            #expect(throws: refusal) { try FATVolume(MemoryDevice(Array(healthy.prefix(count)))) }
        }
    }

    @Test("any read or write that fails is told", arguments: formats)
    func faults(_ format: FATImage.Format) throws {
        let healthy = try filled(format)
        let counter = FaultyDevice(over: MemoryDevice(healthy))
        try workOut(counter)
        #expect(counter.reads > 6 && counter.writes > 8)
        for number in 1...counter.reads {
            let device = FaultyDevice(over: MemoryDevice(healthy), failingRead: number)
            expectDeviceError("could not read") { try workOut(device) }
        }
        for number in 1...counter.writes {
            let device = FaultyDevice(over: MemoryDevice(healthy), failingWrite: number)
            expectDeviceError("could not write") { try workOut(device) }
        }
    }

    @Test("a volume that was not unmounted is read, not edited", arguments: formats)
    func dirty(_ format: FATImage.Format) throws {
        let healthy = try filled(format)
        let boot = try BootSector(healthy.span, deviceByteCount: Int64(healthy.count))
        let table = Int(boot.tableOffset(0))
        let unclean = VolumeError.unsupported(
            feature: "dirty FAT volume: not cleanly unmounted", remedy: Features.repair)
        let failed = VolumeError.unsupported(
            feature: "dirty FAT volume: read or write errors recorded", remedy: Features.repair)
        var cases: [(Int, UInt8, VolumeError)] = [(format.kind == 32 ? 0x41 : 0x25, 0x01, unclean)]
        if format.kind == 16 { cases += [(table + 3, 0x80, unclean), (table + 3, 0x40, failed)] }
        if format.kind == 32 { cases += [(table + 7, 0x08, unclean), (table + 7, 0x04, failed)] }
        for (place, flip, error) in cases {
            let device = MemoryDevice(healthy)
            device.bytes[place] ^= flip
            #expect(throws: error) { try FATVolume(device) }
            #expect(try FATVolume(device, access: .readOnly).entries(in: .root) == ["a long name.text", "d", "file"])
        }
    }

    @Test("other file systems are named")
    func foreign() throws {
        let healthy = try filled(Self.formats[1])
        for (name, shown) in [("EXFAT   ", "exFAT"), ("NTFS    ", "NTFS")] {
            let device = MemoryDevice(healthy)
            device.bytes.replaceSubrange(3..<11, with: Array(name.utf8))
            let remedy = "use a boot partition formatted as FAT16 or FAT32"
            #expect(throws: VolumeError.unsupported(feature: shown, remedy: remedy)) { try FATVolume(device) }
        }
        let refusal = VolumeError.corrupt("the boot sector does not end in 55 AA: this is no FAT volume")
        #expect(throws: refusal) { try FATVolume(MemoryDevice(byteCount: 4096)) }
    }

    @Test(
        "geometry that cannot be is refused, and says why",
        arguments: [
            (0x0B, [0, 1], "the boot sector says 256 bytes a sector, not 512, 1024, 2048 or 4096"),
            (0x0D, [3], "the boot sector says 3 sectors a cluster, not a power of two up to 128"),
            (0x0D, [0], "the boot sector says 0 sectors a cluster, not a power of two up to 128"),
            (0x0E, [0, 0], "the boot sector says 0 reserved sectors"),
            (0x10, [3], "the boot sector says 3 FATs, not 1 or 2"),
            (0x11, [1, 0], "the boot sector says 1 root entries"), (0x15, [1], "the boot sector's media byte is 1"),
            (0x2C, [1, 0, 0, 0], "the root folder's cluster 1 is outside 2...1985"),
            (0x30, [99, 0], "FSInfo's sector 99 is not one of the 32 reserved sectors"),
            (0x28, [0x82, 0], "the boot sector makes FAT 2 the active one of 2"),
            (0x24, [1, 0, 0, 0], "a FAT of 1 sectors is too small for 2014 clusters"),
            (0x24, [0, 0, 0, 0], "the boot sector says 0 sectors a FAT"),
            (0x24, [0xFF, 0xFF, 0xFF, 0xFF], "the boot sector leaves no room for data in 2048 sectors"),
        ])
    func geometry(place: Int, bytes: [UInt8], message: String) throws {
        let device = MemoryDevice(try filled(Self.formats[2]))
        device.bytes.replaceSubrange(place..<place + bytes.count, with: bytes)
        #expect(throws: VolumeError.corrupt(message)) { try FATVolume(device) }
    }

    @Test("only the active table is written when mirroring is off, and the upper four bits stay")
    func activeTable() throws {
        let device = MemoryDevice(try filled(Self.formats[2]))
        device.bytes[0x28] = 0x81
        let boot = try BootSector(device.bytes.span, deviceByteCount: device.byteCount)
        let free = try #require(try FATVolume(device).table.freeClusters(1, from: 2)?.first)
        let tables = (0..<2).map { Int(boot.tableOffset($0)) }
        device.bytes[tables[1] + free * 4 + 3] = 0xA0
        let before = device.bytes
        let volume = try FATVolume(device)
        volume.lastAllocated = 2
        try volume.put(.file("x"), at: "/new")
        try volume.close()
        #expect(Array(device.bytes[tables[1] + free * 4..<tables[1] + free * 4 + 4]) == [0xFF, 0xFF, 0xFF, 0xAF])
        #expect(Array(device.bytes[tables[0]..<tables[1]]) == Array(before[tables[0]..<tables[1]]))
    }

    // MARK: Tools

    private func filled(_ format: FATImage.Format) throws -> [UInt8] {
        let image = try FATImage(format)
        try image.edit { volume in
            try volume.put(.file([UInt8](repeating: 1, count: 1200)), at: "/file")
            try volume.put(.file([2]), at: "/a long name.text")
            try volume.put(.folder(), at: "/d")
            try volume.put(.file([3]), at: "/d/inner")
        }
        return try image.bytes
    }

    /// Reads everything and edits a little.
    private func workOut(_ device: any BlockDevice) throws {
        let volume = try FATVolume(device)
        try walk(volume, .root, depth: 0)
        try volume.put(.file([UInt8](repeating: 9, count: 2000)), at: "/file")
        try volume.put(.file("new"), at: "/d/a new long name.text")
        try volume.put(.folder(), at: "/d/e")
        try volume.remove("/d/inner")
        try volume.close()
    }

    private func walk(_ volume: FATVolume, _ folder: VolumePath, depth: Int) throws {
        for name in try volume.entries(in: folder) where depth < 8 {
            guard let path = folder.appending(name), let node = try volume.node(at: path) else { continue }
            if node.kind == .directory { try walk(volume, path, depth: depth + 1) }
        }
    }

    private func expectDeviceError(_ start: String, _ body: () throws -> Void) {
        let error = #expect(throws: VolumeError.self, performing: body)
        guard case .device(let text)? = error, text.hasPrefix(start), text.hasSuffix("\(FaultyDevice.error)") else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
