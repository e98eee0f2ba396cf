package import Blocks
package import Plans
package import Trees
import Volumes

/// An image under edit: an overlay over a base, with its boot and root partitions open as volumes.
package final class CardImage {
    package let overlay: Overlay
    package let partitions: PartitionTable
    package let system: SystemPartitions
    package let boot: any Volume
    package let root: any Volume
    /// When the base's root file system was last written, in seconds since 1970-01-01 UTC: the time of changed files
    /// unless the caller knows better.
    package let lastWritten: Int64
    /// About how many bytes the files of both partitions have.
    package let usedByteCount: Int64

    /// `now`: what the volumes take for the time, nil for `lastWritten`.
    package init(_ overlay: Overlay, now: Int64?) throws(ForgeError) {
        self.overlay = overlay
        do throws(PartitionTableError) {
            // The table lies outside both partitions, so what the base says holds for every overlay.
            partitions = try PartitionTable.read(from: overlay.base)
            system = try partitions.findSystemPartitions(in: overlay.base)
        } catch {
            throw ForgeError(error)
        }
        let bootDevice = try Self.slice(of: overlay, system.boot)
        let rootDevice = try Self.slice(of: overlay, system.root)
        do throws(VolumeError) {
            boot = try FATVolume(bootDevice)
        } catch {
            throw ForgeError(error, on: .boot)
        }
        do throws(VolumeError) {
            let superblock = try Superblock(of: rootDevice)
            lastWritten = superblock.lastWriteTime
            let usedBlocks = superblock.blockCount - min(superblock.blockCount, superblock.freeBlockCount)
            usedByteCount = Int64(clamping: usedBlocks) * Int64(superblock.blockSize)
            root = try Ext4Volume(device: rootDevice, now: now ?? lastWritten)
        } catch {
            throw ForgeError(error, on: .root)
        }
    }

    private static func slice(of overlay: Overlay, _ partition: Partition) throws(ForgeError) -> Slice {
        do throws(BlockError) {
            return try Slice(of: overlay, range: partition.range)
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

    /// Writes both volumes out to the overlay; the image may not be used afterwards.
    package func close() throws(ForgeError) {
        do throws(VolumeError) { try boot.close() } catch { throw ForgeError(error, on: .boot) }
        do throws(VolumeError) { try root.close() } catch { throw ForgeError(error, on: .root) }
    }
}
