import TestSupport
import Testing
import Trees

@testable import Volumes

/// Full volumes, full folders, and how much is read and written.
@Suite(.needs("mkfs.fat", "fsck.fat", "mcopy"))
struct FATLimitTests {
    @Test("a full volume refuses and stays as it is", arguments: [12, 16, 32])
    func fullVolume(_ kind: Int) throws {
        let size = [12: 1440, 16: 4096, 32: 34816][kind] ?? 0
        let image = try FATImage(.init(kind: kind, kibibytes: size, sectorsPerCluster: 1))
        var expected: [UInt8] = []
        try image.edit { volume in
            try volume.put(.folder(), at: "/d")
            let free = try freeClusters(of: volume)
            let all = [UInt8](repeating: 1, count: (free - 3) * 512)
            try volume.put(.file(all), at: "/most")
            #expect(throws: VolumeError.noSpace("/four")) {
                try volume.put(.file(String(repeating: "4", count: 2000)), at: "/four")
            }
            #expect(throws: VolumeError.noSpace("/most")) {
                try volume.put(.file([UInt8](repeating: 2, count: all.count + 4 * 512)), at: "/most")
            }
            expected = [UInt8](repeating: 3, count: all.count + 3 * 512)
            try volume.put(.file(expected), at: "/most")
            #expect(try freeClusters(of: volume) == 0)
            #expect(throws: VolumeError.noSpace("/d/e")) { try volume.put(.folder(), at: "/d/e") }
            try volume.put(.file(""), at: "/d/empty")
        }
        try image.check()
        #expect(try image.mread("/most") == expected)
        try image.edit { volume in
            #expect(try volume.tree(below: .root).count == 3)
            try volume.put(.file("x"), at: "/most")
            #expect(try freeClusters(of: volume) == clusterCount(expected) - 1)
        }
        try image.check()
    }

    @Test("the root folder of FAT16 has its size", arguments: [12, 16])
    func fullRoot(_ kind: Int) throws {
        let image = try FATImage(
            .init(kind: kind, kibibytes: 4096, sectorsPerCluster: kind == 12 ? 4 : 1, rootEntries: 32))
        try image.edit { volume in
            // The label takes one of the 32 slots.
            for index in 0..<31 { try volume.put(.file(""), at: try #require(VolumePath("/f\(index)"))) }
            #expect(throws: VolumeError.noSpace(.root)) { try volume.put(.file("x"), at: "/f31") }
            #expect(throws: VolumeError.noSpace(.root)) { try volume.put(.folder(), at: "/d") }
            try volume.remove("/f5")
            #expect(throws: VolumeError.noSpace(.root)) { try volume.put(.file("x"), at: "/a long name") }
            try volume.remove("/f6")
            try volume.put(.file("x"), at: "/a long name")
        }
        try image.check()
        #expect(try image.mread("/a long name") == Array("x".utf8))
    }

    @Test("five small edits touch few blocks of a large volume")
    func counts() throws {
        let image = try FATImage(.init(kind: 32, kibibytes: 131_072, sectorsPerCluster: 1))
        for name in ["cmdline.txt", "config.txt"] { try image.mcopy(Array("console=tty1\n".utf8), to: "/" + name) }
        let device = MemoryDevice(try image.bytes)
        let volume = try FATVolume(device)
        #expect(device.reads == 3 && device.bytesRead == 512 + 512 + 4096)
        try volume.put(.file("console=tty1 cgroup_enable=memory\n"), at: "/cmdline.txt")
        try volume.put(.file("gpu_mem=16\n"), at: "/config.txt")
        try volume.put(.file(""), at: "/ssh")
        try volume.put(.file("pi:$6$salt$hash\n"), at: "/userconf.txt")
        try volume.put(.file("country=DE\n"), at: "/wpa_supplicant.conf")
        #expect(device.bytesRead < 16384, "\(device.bytesRead)")
        try volume.close()
        #expect(device.writes < 20, "\(device.writes)")
        #expect(device.bytesWritten < 8192, "\(device.bytesWritten)")
        #expect(device.bytesRead < 16384, "\(device.bytesRead)")
    }

    @Test("looking at a file does not read it")
    func statusReadsNothing() throws {
        let image = try FATImage(.init(kind: 16, kibibytes: 8192, sectorsPerCluster: 1))
        try image.mcopy([UInt8](repeating: 7, count: 1_000_000), to: "/big")
        let device = MemoryDevice(try image.bytes)
        let volume = try FATVolume(device)
        #expect(try volume.status(at: "/big")?.byteCount == 1_000_000)
        #expect(device.bytesRead < 32768)
    }

    @Test("a volume opened for reading is not edited")
    func readOnly() throws {
        let image = try FATImage(.init(kind: 16, kibibytes: 8192, sectorsPerCluster: 1))
        let volume = try image.open(access: .readOnly)
        let refusal = VolumeError.unsupported(
            feature: "editing a volume opened for reading", remedy: "open it for writing")
        #expect(throws: refusal) { try volume.put(.file(""), at: "/x") }
        #expect(throws: refusal) { try volume.remove("/x") }
    }

    private func freeClusters(of volume: FATVolume) throws -> Int {
        var free = 0
        for cluster in volume.boot.clusters where try volume.table.entry(cluster) == .free { free += 1 }
        if let recorded = volume.info?.freeCount { #expect(recorded == free) }
        return free
    }

    private func clusterCount(_ bytes: [UInt8]) -> Int { bytes.count / 512 }
}
