import Glibc
import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// Makes the file system as large as `growth` says; only `close` may follow, for `superblock` is the old one.
    ///
    /// What libext2fs has no call for is done here in the order in which it reads what was done: counts, descriptors,
    /// bitmaps, tables, and the inode that lists the reserved blocks.
    func grow(by growth: Ext4Growth, isZeroBehindEnd: Bool) throws(VolumeError) {
        try loadBitmaps(at: .root)
        markChanged()
        // The copies of superblock and descriptors must say the same, or nothing could be repaired from them.
        fs.pointee.flags &= ~EXT2_FLAG_MASTER_SB_ONLY
        fs.pointee.flags |= EXT2_FLAG_BB_DIRTY | EXT2_FLAG_IB_DIRTY
        // Tables on holes stay holes.
        session.skipsUnchanged = true
        setCounts(growth)
        try resizeBitmaps()
        try resizeDescriptors(growth)
        let new = growth.oldGroupCount..<growth.groupCount
        for group in new { startGroup(group) }
        // A table goes where nothing else will be: all that has a fixed place is marked first.
        for group in 0..<growth.groupCount { ext2fs_reserve_super_and_bgd(fs, group, fs.pointee.block_map) }
        for group in new {
            try check(ext2fs_allocate_group_table(fs, group, nil), at: nil, "allocate_group_table")
            try clearTable(of: group, growth: growth, isZeroBehindEnd: isZeroBehindEnd)
        }
        try countFreeBlocks()
        try rebuildResizeInode()
    }

    private func setCounts(_ growth: Ext4Growth) {
        let reserved = ext2fs_r_blocks_count(fs.pointee.super)
        // The same share as before; below 2^48 each, and never more than all blocks.
        let product = UInt64(reserved).multipliedFullWidth(by: growth.blockCount)
        ext2fs_r_blocks_count_set(fs.pointee.super, growth.oldBlockCount.dividingFullWidth(product).quotient)
        ext2fs_blocks_count_set(fs.pointee.super, growth.blockCount)
        let added = growth.groupCount - growth.oldGroupCount
        fs.pointee.super.pointee.s_inodes_count = growth.inodeCount
        fs.pointee.super.pointee.s_free_inodes_count += added * superblock.inodesPerGroup
        fs.pointee.super.pointee.s_reserved_gdt_blocks = growth.reservedDescriptorBlocks
        // 0 has the kernel compute it (fs/ext4/super.c, ext4_calculate_overhead).
        fs.pointee.super.pointee.s_overhead_clusters = 0
    }

    /// New bits are 0. `real_end` is where the last group would end if it were whole.
    private func resizeBitmaps() throws(VolumeError) {
        let inodes = UInt64(fs.pointee.super.pointee.s_inodes_count)
        try check(ext2fs_resize_inode_bitmap2(inodes, inodes, fs.pointee.inode_map), at: nil, "resize_inode_bitmap")
        let blocks = ext2fs_blocks_count(fs.pointee.super)
        let first = UInt64(superblock.firstDataBlock)
        let perGroup = UInt64(superblock.blocksPerGroup)
        let end = first + ((blocks - first - 1) / perGroup + 1) * perGroup
        try check(
            ext2fs_resize_block_bitmap2(blocks - 1, end - 1, fs.pointee.block_map), at: nil, "resize_block_bitmap")
    }

    private func resizeDescriptors(_ growth: Ext4Growth) throws(VolumeError) {
        let old = Int(fs.pointee.desc_blocks) * superblock.blockSize
        let new = Int(growth.descriptorBlocks) * superblock.blockSize
        if new > old {
            guard let table = realloc(UnsafeMutableRawPointer(fs.pointee.group_desc), new) else {
                throw .device("out of memory")
            }
            memset(table + old, 0, new - old)
            fs.pointee.group_desc = OpaquePointer(table)
        }
        fs.pointee.desc_blocks = UInt(growth.descriptorBlocks)
        fs.pointee.group_desc_count = growth.groupCount
    }

    /// An empty group. With checksums it is marked as never used: its bitmaps are then not read, nor its inode table.
    ///
    /// The last group is written out in any case, as mke2fs does: its bitmap ends before its block does.
    private func startGroup(_ group: UInt32) {
        ext2fs_bg_flags_zap(fs, group)
        if hasDescriptorChecksums {
            ext2fs_bg_flags_set(fs, group, UInt16(EXT2_BG_INODE_UNINIT))
            if group < fs.pointee.group_desc_count - 1 {
                ext2fs_bg_flags_set(fs, group, UInt16(EXT2_BG_BLOCK_UNINIT))
            }
            ext2fs_bg_itable_unused_set(fs, group, superblock.inodesPerGroup)
        }
        ext2fs_bg_free_inodes_count_set(fs, group, superblock.inodesPerGroup)
        ext2fs_bg_used_dirs_count_set(fs, group, 0)
    }

    private var hasDescriptorChecksums: Bool {
        superblock.features.has(.metadataChecksum) || superblock.features.has(.descriptorChecksum)
    }

    /// Zeros a new group's inode table where it is read before it is written, or says that it is zero.
    private func clearTable(
        of group: UInt32, growth: Ext4Growth, isZeroBehindEnd: Bool
    ) throws(VolumeError) {
        let start = ext2fs_inode_table_loc(fs, group)
        // A table may lie before the old end: in what the last flexible group had left.
        let isZero = isZeroBehindEnd && start >= growth.oldBlockCount
        if hasDescriptorChecksums {
            if isZero { ext2fs_bg_flags_set(fs, group, UInt16(EXT2_BG_INODE_ZEROED)) }
        } else if !isZero {
            let count = Int64(fs.pointee.inode_blocks_per_group) * Int64(superblock.blockSize)
            session.writeZeros(at: Int64(clamping: start) * Int64(superblock.blockSize), count: count)
            try check(0, at: nil, "zero_blocks")
        }
    }

    /// Sets the counts of free blocks, of groups and all, to what the bitmap says.
    private func countFreeBlocks() throws(VolumeError) {
        let perGroup = UInt64(superblock.blocksPerGroup)
        let end = ext2fs_blocks_count(fs.pointee.super)
        var start = UInt64(superblock.firstDataBlock)
        var total: UInt64 = 0
        for group in 0..<fs.pointee.group_desc_count {
            let count = min(perGroup, end - start)
            let used = try usedBlocks(from: start, count: count)
            ext2fs_bg_free_blocks_count_set(fs, group, UInt32(count - used))
            ext2fs_group_desc_csum_set(fs, group)
            total += count - used
            start += count
        }
        ext2fs_free_blocks_count_set(fs.pointee.super, total)
    }

    /// Lists the reserved descriptor blocks of all groups anew, in the one inode that is there for it.
    ///
    /// It is a file whose double indirect block names the reserved blocks of group 0, each of which names its copies
    /// (e2fsprogs: lib/ext2fs/res_gdt.c); the list is emptied and built again.
    private func rebuildResizeInode() throws(VolumeError) {
        guard superblock.features.has(.resizeInode) else { return }
        let number = UInt32(EXT2_RESIZE_INO)
        var inode = try rawInode(number, at: .root)
        let list = UInt64(inode.u32(0x5C))  // i_block[EXT2_DIND_BLOCK]
        guard list > UInt64(superblock.firstDataBlock), list < superblock.blockCount else {
            throw .corrupt("the inode of reserved descriptor blocks lists block \(list)")
        }
        try writeBlocks(list, [UInt8](repeating: 0, count: superblock.blockSize)[...], at: .root)
        inode.set32(0x1C, UInt32(superblock.blockSize / 512))
        try write(inode, at: .root)
        try check(ext2fs_create_resize_inode(fs), at: nil, "create_resize_inode")
    }
}
