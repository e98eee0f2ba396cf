import TestSupport
import Trees
import Volumes

extension VolumeSubject {
    static let all: [VolumeSubject] = [memory, fat12, fat16, fat32]

    static let memory = VolumeSubject(
        name: "MemoryVolume",
        abilities: [.owners, .modes, .links, .specials, .attributes, .caseSensitive],
        timeStep: 1, tools: []
    ) { MemoryMedium() }

    static let fat12 = fat("FAT12", FATImage.Format(kind: 12, kibibytes: 2048))
    static let fat16 = fat("FAT16", FATImage.Format(kind: 16, kibibytes: 8192, sectorsPerCluster: 2))
    static let fat32 = fat("FAT32", FATImage.Format(kind: 32, kibibytes: 34816, sectorsPerCluster: 1))

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

extension FATImage: VolumeMedium {
    func open() throws -> any Volume { try open(access: .readWrite) }
}
