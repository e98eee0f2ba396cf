import Blocks
import Foundation
import TestSupport
import Testing
import Trees
import Volumes

extension VolumeSubject {
    /// PIFORGE_VOLUMES names those alone that have it in their names: Tests/System/test-vm is slow and tries "mounted".
    static let all: [VolumeSubject] = {
        let part = ProcessInfo.processInfo.environment["PIFORGE_VOLUMES"]
        return (sources + mounted).filter { part.map($0.name.contains) ?? true }
    }()

    /// Those that can be read whole, as a `TreeSource`.
    static let sources: [VolumeSubject] = [memory, layered, fat12, fat16, fat32, ext4, ext4Small, ext2]

    private static let mounted: [VolumeSubject] = [
        mountedExt4, mountedExt4Small, mountedExt2, mountedFAT16, mountedFAT32,
    ]

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

    static let mountedExt4 = mounted(ext4, .ext4)
    static let mountedExt4Small = mounted(ext4Small, .ext4)
    static let mountedExt2 = mounted(ext2, .ext4)
    static let mountedFAT16 = mounted(fat16, .vfat)
    static let mountedFAT32 = mounted(fat32, .vfat)

    /// The same medium through the kernel's driver.
    private static func mounted(_ subject: VolumeSubject, _ type: MountedVolume.FileSystem) -> VolumeSubject {
        var mounted = subject
        mounted.name += ", mounted"
        mounted.make = {
            try MountedMedium.require(type)
            return try MountedMedium(subject.make(), type)
        }
        return mounted
    }

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

/// A medium in a file, opened by the kernel.
final class MountedMedium: VolumeMedium {
    private let medium: any VolumeMedium
    private let path: String
    private let type: MountedVolume.FileSystem

    init(_ medium: any VolumeMedium, _ type: MountedVolume.FileSystem) throws {
        self.medium = medium
        self.type = type
        path = try #require((medium as? Ext4Image)?.path ?? (medium as? FATImage)?.path)
    }

    func open() throws -> any Volume {
        let file = try OpenFile(path: path, flags: O_RDWR)
        return try MountedVolume(
            type, of: file.descriptor, range: 0..<file.measuredByteCount(), sectorSize: 512)
    }

    func check() throws { try medium.check() }

    /// Cancels the test where the kernel cannot mount that, or this process may not.
    static func require(_ type: MountedVolume.FileSystem) throws {
        var obstacle: MountError?
        do throws(MountError) { try MountedVolume.check(type) } catch { obstacle = error }
        // Tests/System/test-vm has a kernel with all drivers.
        var need = ToolsTrait.Need.tools
        if case .unavailable? = obstacle { need = .machine }
        try ToolsTrait.require(
            obstacle == nil, of: need, "\(type.rawValue) cannot be mounted here: \(obstacle.map { "\($0)" } ?? "")")
    }
}
