import TestSupport
import Trees
import Volumes

extension VolumeSubject {
    static let all: [VolumeSubject] = [memory, layered, fat12, fat16, fat32, ext4, ext4Small, ext2]

    static let memory = VolumeSubject(
        name: "MemoryVolume",
        abilities: [.owners, .modes, .links, .specials, .attributes, .caseSensitive],
        timeStep: 1, tools: []
    ) { MemoryMedium() }

    static let layered = VolumeSubject(
        name: "LayeredVolume", abilities: memory.abilities, timeStep: 1, tools: []
    ) { LayeredMedium() }

    static let fat12 = fat("FAT12", FATImage.Format(kind: 12, kibibytes: 2048))
    static let fat16 = fat("FAT16", FATImage.Format(kind: 16, kibibytes: 8192, sectorsPerCluster: 2))
    static let fat32 = fat("FAT32", FATImage.Format(kind: 32, kibibytes: 34816, sectorsPerCluster: 1))

    static let ext4 = ext("ext4", .debian)
    static let ext4Small = ext("ext4 with 1 KiB blocks and all checksums", .checksummed)
    static let ext2 = ext("ext2", .ext2)

    private static func ext(_ name: String, _ format: Ext4Image.Format) -> VolumeSubject {
        VolumeSubject(
            name: name, abilities: [.owners, .modes, .links, .specials, .attributes, .caseSensitive], timeStep: 1,
            tools: ["mke2fs", "e2fsck"]
        ) { try Ext4Image(format) }
    }

    private static func fat(_ name: String, _ format: FATImage.Format) -> VolumeSubject {
        VolumeSubject(name: name, abilities: [], timeStep: 2, tools: ["mkfs.fat", "fsck.fat"]) {
            try FATImage(format)
        }
    }
}

private final class MemoryMedium: VolumeMedium {
    private let volume = MemoryVolume()

    func open() -> any Volume { volume }
    func check() {}
}

private final class LayeredMedium: VolumeMedium {
    private let volume = LayeredVolume(over: MemoryVolume())

    func open() -> any Volume { volume }
    func check() {}
}

extension FATImage: VolumeMedium {
    func open() throws -> any Volume { try open(access: .readWrite) }
}

extension Ext4Image: VolumeMedium {
    func open() throws -> any Volume { try volume() }
}
