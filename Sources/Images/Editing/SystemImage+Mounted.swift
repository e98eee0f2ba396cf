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
            try MountError.wrapping(
                MountedVolume(
                    type, of: file.descriptor, range: partition.range, sectorSize: own.partitions.sectorSize))
        }
        let boot = try mount(.vfat, own.system.boot)
        let root = try mount(.ext4, own.system.root)
        self.init(
            partitions: own.partitions, system: own.system, boot: boot, root: root, lastWritten: own.lastWritten,
            usedByteCount: own.usedByteCount, rootNames: own.rootNames)
    }
}

extension WorkingCopy {
    /// Detaches the loop devices over the partial file that a killed run has left for `path`; returns what there is to
    /// be cleaned up, devices and file. The file goes when the copy is made.
    ///
    /// A device that cannot be detached keeps the old file, which is nothing to the new one.
    package static func detachLeftovers(of path: String) -> [String] {
        var found: [String] = []
        let isLeft = try? OutputFile.withLeftover(of: path) { (leftover) throws(ForgeError) in
            found = (try? LoopDevice.detachAll(of: leftover)) ?? []
        }
        return isLeft == true ? found + [path + ".partial"] : []
    }
}
