import Blocks
import Plans
package import Reports
import Tables
package import Trees
package import Volumes

/// A raw image in a file of its own, whose root partition and file system can be made larger.
package struct GrowingImage {
    package let superblock: Superblock
    private let copy: WorkingCopy
    private let table: PartitionTable
    private let root: Partition
    /// Where the root partition lies now.
    private var rootRange: Range<Int64>

    /// Images end on whole multiples of this, as those of Raspberry Pi OS do.
    private static let alignment: Int64 = 4 << 20
    /// More than a GPT's copy after the last partition takes.
    private static let tableRoom: Int64 = 1 << 20

    package init(_ copy: WorkingCopy) throws(ForgeError) {
        self.copy = copy
        let reader = try copy.reader()
        let table = try PartitionTableError.wrapping(PartitionTable.read(from: reader))
        self.table = table
        root = try PartitionTableError.wrapping(table.findSystem(in: reader).root)
        rootRange = root.range
        let slice = try Self.slice(of: copy, root.range)
        superblock = try wrapping(on: .root, Superblock(of: slice))
    }

    /// Grows file, partition and file system, as far as they must be, so that `size` fits and `spare` blocks are left.
    ///
    /// `willGrow` gets the image's new size in bytes before anything is written.
    package mutating func makeRoom(
        for size: TreeSize, spare: UInt64, now: Int64, willGrow: (Int64) -> Void
    ) throws(ForgeError) {
        let needed = Ext4Growth.byteCount(of: superblock, addingRoomFor: size, spare: spare)
        guard needed > root.byteCount else { return willGrow(try copy.byteCount) }
        let used = Int64(clamping: superblock.blockCount).times(superblock.blockSize)
        let hasZeroTail = try root.range.lowerBound + used + Int64(superblock.blockSize) > copy.byteCount
        let end = root.range.lowerBound + needed + Self.tableRoom
        let byteCount = (end + Self.alignment - 1) / Self.alignment * Self.alignment
        willGrow(byteCount)
        try copy.grow(to: byteCount)
        let device = try copy.device()
        let growth = try PartitionTableError.wrapping(PartitionGrowth(of: root.number, in: table, on: device))
        try PartitionTableError.wrapping(growth.write(to: device))
        rootRange = growth.new
        let slice = try Self.slice(of: copy, rootRange)
        _ = try wrapping(on: .root, Ext4Growth.fill(slice, now: now, isZeroBehindEnd: hasZeroTail))
    }

    /// The root file system, to be edited in the file.
    package func openRoot(now: Int64) throws(ForgeError) -> Ext4Volume {
        let slice = try Self.slice(of: copy, rootRange)
        return try wrapping(on: .root, Ext4Volume(device: slice, now: now))
    }

    private static func slice(of copy: WorkingCopy, _ range: Range<Int64>) throws(ForgeError) -> Slice {
        let device = try copy.device()
        return try BlockError.wrapping(Slice(of: device, range: range))
    }
}
