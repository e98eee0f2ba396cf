package import Blocks
package import Plans
package import Reports
package import Tables
package import Trees
import Volumes

/// An image under edit, with its boot and root partitions open as volumes.
package final class SystemImage {
    package let partitions: PartitionTable
    package let system: SystemPartitions
    package let boot: any Volume
    package let root: any Volume
    /// When the base's root file system was last written, in seconds since 1970-01-01 UTC: the time of changed files
    /// unless the caller knows better.
    package let lastWritten: Int64
    /// About how many bytes the files of both partitions have.
    package let usedByteCount: Int64
    /// What the root file system is called.
    let rootNames: FileSystemNames

    /// An overlay over a base. `now`: what the volumes take for the time, nil for `lastWritten`.
    package convenience init(_ overlay: Overlay, now: Int64?) throws(ForgeError) {
        // The table lies outside both partitions, so what the base says holds for every overlay.
        try self.init(on: overlay, table: overlay.base, now: now)
    }

    init(
        partitions: PartitionTable, system: SystemPartitions, boot: any Volume, root: any Volume, lastWritten: Int64,
        usedByteCount: Int64, rootNames: FileSystemNames
    ) {
        self.rootNames = rootNames
        self.partitions = partitions
        self.system = system
        self.boot = boot
        self.root = root
        self.lastWritten = lastWritten
        self.usedByteCount = usedByteCount
    }

    /// What lies on `device`, where the partitions are as the table of `reader` says.
    convenience init(on device: any BlockDevice, table reader: any BlockReader, now: Int64?) throws(ForgeError) {
        let partitions = try PartitionTableError.wrapping(PartitionTable.read(from: reader))
        let system = try PartitionTableError.wrapping(partitions.findSystem(in: reader))
        let boot = try wrapping(on: .boot, system.boot.openFAT(on: device))
        let superblock = try wrapping(on: .root, Superblock(of: system.root.slice(of: device)))
        let root = try wrapping(
            on: .root, system.root.openExt4(on: device, now: now ?? superblock.lastWriteTime))
        let usedBlocks = superblock.blockCount - min(superblock.blockCount, superblock.freeBlockCount)
        self.init(
            partitions: partitions, system: system, boot: boot, root: root, lastWritten: superblock.lastWriteTime,
            usedByteCount: Int64(clamping: usedBlocks).times(superblock.blockSize),
            rootNames: FileSystemNames(superblock))
    }

    /// About how many bytes the root file system has left.
    package var freeByteCount: Int64 { max(0, system.root.byteCount - usedByteCount) }

    package func volume(_ partition: Target.Partition) -> any Volume {
        switch partition {
        case .boot: boot
        case .root: root
        }
    }

    /// Makes one change; the planner has already checked that it can be made.
    package func apply(_ change: Change) throws(ForgeError) {
        try change.apply(boot: boot, root: root)
    }

    /// Writes both volumes out; the image may not be used afterwards.
    package func close() throws(ForgeError) {
        try wrapping(on: .boot, boot.close())
        try wrapping(on: .root, root.close())
    }
}
