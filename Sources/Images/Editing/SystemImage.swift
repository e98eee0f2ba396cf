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
    init(on device: any BlockDevice, table reader: any BlockReader, now: Int64?) throws(ForgeError) {
        do throws(PartitionTableError) {
            partitions = try PartitionTable.read(from: reader)
            system = try partitions.findSystem(in: reader)
        } catch {
            throw ForgeError(error)
        }
        let bootDevice = try Self.slice(of: device, system.boot)
        let rootDevice = try Self.slice(of: device, system.root)
        do throws(VolumeError) {
            boot = try FATVolume(bootDevice)
        } catch {
            throw ForgeError(error, on: .boot)
        }
        do throws(VolumeError) {
            let superblock = try Superblock(of: rootDevice)
            rootNames = FileSystemNames(superblock)
            lastWritten = superblock.lastWriteTime
            let usedBlocks = superblock.blockCount - min(superblock.blockCount, superblock.freeBlockCount)
            usedByteCount = Int64(clamping: usedBlocks).times(superblock.blockSize)
            root = try Ext4Volume(device: rootDevice, now: now ?? lastWritten)
        } catch {
            throw ForgeError(error, on: .root)
        }
    }

    private static func slice(of device: any BlockDevice, _ partition: Partition) throws(ForgeError) -> Slice {
        do throws(BlockError) {
            return try Slice(of: device, range: partition.range)
        } catch {
            throw ForgeError(error)
        }
    }

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
        do throws(VolumeError) { try boot.close() } catch { throw ForgeError(error, on: .boot) }
        do throws(VolumeError) { try root.close() } catch { throw ForgeError(error, on: .root) }
    }
}
