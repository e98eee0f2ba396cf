package import Blocks
import Plans
package import Reports
import Tables
import Trees
import Volumes

extension BlockSet {
    /// The blocks of a system image that anything may read: all except those that the boot or the root file system
    /// calls free, and those after the end of a file system in its partition.
    ///
    /// Partition tables, gaps, other partitions and a file system that cannot be judged are in use as a whole.
    package static func inUse(of overlay: Overlay) throws(ForgeError) -> BlockSet {
        let system = try PartitionTableError.wrapping(SystemPartitions(of: overlay.base))
        let (boot, root) = (system.boot.range, system.root.range)
        var used: [Range<Int64>] = []
        var end: Int64 = 0
        for range in [boot, root].sorted(by: { $0.lowerBound < $1.lowerBound }) {
            used.append(end..<range.lowerBound)
            end = range.upperBound
        }
        used.append(end..<overlay.byteCount)
        used += try usedRanges(in: boot, .boot) { () throws(VolumeError) in
            try system.boot.openFAT(on: overlay, access: .readOnly).usedRanges()
        }
        used += try usedRanges(in: root, .root) { () throws(VolumeError) in
            try system.root.openExt4(on: overlay, now: nil).usedRanges()
        }
        return BlockSet(touching: used)
    }

    private static func usedRanges(
        in partition: Range<Int64>, _ name: Target.Partition, _ ranges: () throws(VolumeError) -> [Range<Int64>]
    ) throws(ForgeError) -> [Range<Int64>] {
        do throws(VolumeError) {
            return try ranges().map { range in
                let absolute = partition.lowerBound + range.lowerBound..<partition.lowerBound + range.upperBound
                return absolute.clamped(to: partition)
            }
        } catch {
            if case .device = error { throw ForgeError(error, on: name) }
            return [partition]
        }
    }
}
