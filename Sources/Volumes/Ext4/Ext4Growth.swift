package import Blocks
package import Trees

/// What a file system becomes on a larger device: how many blocks and groups, and where their descriptors go.
///
/// The first groups keep their places. New descriptors take the blocks that mke2fs reserved after the present ones,
/// in every copy of the table; there are no others to take, so these set the limit:
///
/// ```
///   group 0   | superblock | descriptors | reserved ......... | bitmaps, inode tables | ...
///   grown     | superblock | descriptors ...... | reserved .. | bitmaps, inode tables | ...
/// ```
package struct Ext4Growth: Equatable, Sendable {
    /// Blocks afterwards; less than the device holds when its last group would be too small to be of use.
    package let blockCount: UInt64
    package let oldBlockCount: UInt64
    /// Block groups before and afterwards.
    package let oldGroupCount: UInt32
    package let groupCount: UInt32
    let inodeCount: UInt32
    /// Blocks of one copy of the group descriptors.
    let descriptorBlocks: UInt32
    let reservedDescriptorBlocks: UInt16
    package let blockSize: Int

    /// Whether there is anything to do.
    package var isEmpty: Bool { blockCount == oldBlockCount }

    /// Decides for a device of `byteCount` bytes. A file system that fills it already keeps its size.
    ///
    /// Throws `unsupported`, with the limit in bytes, when the new groups' descriptors have no place.
    package init(of superblock: Superblock, on byteCount: Int64) throws(VolumeError) {
        blockSize = superblock.blockSize
        oldBlockCount = superblock.blockCount
        oldGroupCount = UInt32(clamping: superblock.groupCount)
        let wanted = max(UInt64(max(byteCount, 0)) / UInt64(blockSize), oldBlockCount)
        let layout = Layout(superblock)
        let blockCount = layout.usableBlocks(of: wanted)
        guard blockCount <= layout.blockLimit else {
            let limit = layout.blockLimit.multipliedReportingOverflow(by: UInt64(blockSize)).partialValue
            throw .unsupported(
                feature: """
                    the file system can grow to \(limit) bytes and not to \(byteCount), for mke2fs reserved no more \
                    room for group descriptors
                    """,
                remedy: "grow it to at most \(limit) bytes, or make the image with mke2fs -E resize=\(wanted)")
        }
        // `blockLimit` keeps the counts below within 32 bits.
        let groupCount = layout.groupCount(of: blockCount)
        self.blockCount = blockCount
        self.groupCount = UInt32(clamping: groupCount)
        inodeCount = UInt32(clamping: groupCount * UInt64(superblock.inodesPerGroup))
        let blocks = layout.descriptorBlocks(ofGroups: groupCount)
        descriptorBlocks = UInt32(clamping: blocks)
        let added = blocks - layout.descriptorBlocks(ofGroups: superblock.groupCount)
        let reserved = UInt64(superblock.reservedDescriptorBlocks)
        reservedDescriptorBlocks = UInt16(clamping: layout.usesMetaGroups ? reserved : reserved - min(added, reserved))
    }

    /// Makes the file system on `device` fill it; `now` is the time, in seconds since 1970, for all that is changed.
    ///
    /// Without checksums of group descriptors the new inode tables must be zero: `isZeroBehindEnd` says that the device
    /// reads as zeros after the present end, and then nothing is written there. With checksums, new groups are marked
    /// as never used, so that little is written, and the kernel clears what is not known to be zero in its own time.
    ///
    /// Throws as opening an `Ext4Volume` does, and `unsupported` when it cannot grow that far.
    package static func fill(
        _ device: any BlockDevice, now: Int64, isZeroBehindEnd: Bool
    ) throws(VolumeError) -> Ext4Growth {
        let handle = try Ext2Handle.open(device, now: now)
        let growth = try Ext4Growth(of: handle.superblock, on: device.byteCount)
        if !growth.isEmpty { try handle.grow(by: growth, isZeroBehindEnd: isZeroBehindEnd) }
        try handle.close()
        return growth
    }
}

/// The arithmetic of groups of one file system.
private struct Layout {
    let superblock: Superblock
    let usesMetaGroups: Bool

    init(_ superblock: Superblock) {
        self.superblock = superblock
        usesMetaGroups = superblock.features.has(.metaGroups)
    }

    private var blocksPerGroup: UInt64 { UInt64(superblock.blocksPerGroup) }
    private var firstBlock: UInt64 { UInt64(superblock.firstDataBlock) }
    private var descriptorsPerBlock: UInt64 { UInt64(superblock.blockSize / Int(superblock.descriptorSize)) }

    func groupCount(of blockCount: UInt64) -> UInt64 { (blockCount - firstBlock - 1) / blocksPerGroup + 1 }

    func descriptorBlocks(ofGroups count: UInt64) -> UInt64 { (count - 1) / descriptorsPerBlock + 1 }

    /// The blocks that the superblock can count, its descriptors can describe and whose inodes have numbers.
    var blockLimit: UInt64 {
        var groups = UInt64(UInt32.max) / UInt64(superblock.inodesPerGroup)
        if !usesMetaGroups {
            let present = descriptorBlocks(ofGroups: superblock.groupCount)
            groups = min(groups, (present + UInt64(superblock.reservedDescriptorBlocks)) * descriptorsPerBlock)
        }
        let countable: UInt64 = superblock.features.has(.sixtyFourBit) ? (1 << 48) - 1 : UInt64(UInt32.max)
        return min(groups * blocksPerGroup + firstBlock, countable)
    }

    /// All of `blockCount` blocks, or those without the last group where that has no room for its own tables and 50
    /// blocks more, which is where mke2fs and resize2fs draw the line (resize2fs.c, adjust_fs_info).
    func usableBlocks(of blockCount: UInt64) -> UInt64 {
        let rest = (blockCount - firstBlock) % blocksPerGroup
        let groups = groupCount(of: blockCount)
        guard rest > 0, groups > superblock.groupCount else { return blockCount }
        var overhead = 2 + UInt64(superblock.inodeTableBlocks)
        if hasBackup(group: groups - 1) {
            let present = descriptorBlocks(ofGroups: superblock.groupCount)
            overhead +=
                1 + max(present + UInt64(superblock.reservedDescriptorBlocks), descriptorBlocks(ofGroups: groups))
        }
        return rest < overhead + 50 ? blockCount - rest : blockCount
    }

    /// Whether a group holds a copy of the superblock and the descriptors: all do, or with sparse_super the first two
    /// and the powers of 3, 5 and 7.
    private func hasBackup(group: UInt64) -> Bool {
        guard superblock.features.has(.sparseBackups), group > 1 else { return true }
        return [UInt64(3), 5, 7].contains { base in
            var power = base
            while power < group { power *= base }
            return power == group
        }
    }
}
