import Glibc
package import Reports
import Tables
import Volumes

extension SystemImage {
    /// The image in a file of its own, edited there without the kernel.
    package convenience init(in copy: WorkingCopy, now: Int64?) throws(ForgeError) {
        try self.init(on: copy.device(), table: copy.reader(), now: now)
    }

    /// The image in a file of its own, both partitions mounted by the kernel.
    ///
    /// Our own drivers look at it before, so that both engines refuse the same images, and for the same reasons.
    package convenience init(mounting copy: WorkingCopy) throws(ForgeError) {
        let own = try SystemImage(in: copy, now: nil)
        let file = try copy.device()
        func mount(_ type: MountedVolume.FileSystem, _ partition: Partition) throws(ForgeError) -> MountedVolume {
            do throws(MountError) {
                return try MountedVolume(
                    type, of: file.descriptor, range: partition.range, sectorSize: own.partitions.sectorSize)
            } catch {
                throw ForgeError(error)
            }
        }
        let boot = try mount(.vfat, own.system.boot)
        let root = try mount(.ext4, own.system.root)
        self.init(
            partitions: own.partitions, system: own.system, boot: boot, root: root, lastWritten: own.lastWritten,
            usedByteCount: own.usedByteCount)
    }
}

extension WorkingCopy {
    /// Detaches loop devices that a killed run left over this file, whose lock this object holds; returns their paths.
    package func detachLeftovers() throws(ForgeError) -> [String] {
        let file = try reader()
        do throws(MountError) { return try LoopDevice.detachAll(of: file.descriptor) } catch { throw ForgeError(error) }
    }
}
