package import Blocks
import Reports
package import Tables
package import Trees

extension Partition {
    /// The partition's bytes as a device of their own.
    package func slice(of device: any BlockDevice) throws(VolumeError) -> Slice {
        try wrapping(Slice(of: device, range: range), as: { VolumeError($0) })
    }

    /// The FAT file system in the partition.
    package func openFAT(
        on device: any BlockDevice, access: FATVolume.Access = .readWrite
    ) throws(VolumeError) -> FATVolume {
        try FATVolume(slice(of: device), access: access)
    }

    /// The ext4 file system in the partition; `now` nil opens it to be read.
    package func openExt4(on device: any BlockDevice, now: Int64?) throws(VolumeError) -> Ext4Volume {
        try Ext4Volume(device: slice(of: device), now: now)
    }
}

extension SystemPartitions {
    /// Those of an image.
    package init(of reader: any BlockReader) throws(PartitionTableError) {
        self = try PartitionTable.read(from: reader).findSystem(in: reader)
    }
}
