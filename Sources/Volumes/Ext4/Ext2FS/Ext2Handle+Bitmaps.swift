import Glibc
import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// Reads the bitmaps of blocks and inodes, once, and holds them against what is known without a walk over all
    /// inodes; throws `corrupt` when they lie.
    func loadBitmaps(at path: VolumePath) throws(VolumeError) {
        guard fs.pointee.block_map == nil || fs.pointee.inode_map == nil else { return }
        try check(ext2fs_read_bitmaps(fs), at: path, "read_bitmaps")
        try checkBlockBitmap()
        try checkInodeBitmap()
    }

    /// The bitmap of blocks alone, read and checked as in `loadBitmaps`.
    func loadBlockBitmap() throws(VolumeError) {
        guard fs.pointee.block_map == nil else { return }
        try check(ext2fs_read_block_bitmap(fs), at: nil, "read_block_bitmap")
        try checkBlockBitmap()
    }

    /// Throws unless the file system's own blocks are in use and every group has as many free ones as it says.
    ///
    /// A new file would take a block that is called free, whatever else lies in it.
    private func checkBlockBitmap() throws(VolumeError) {
        try checkOwnBlocks()
        let features = superblock.features
        for (what, number, isThere) in [
            ("the journal", superblock.journalInode, features.has(.hasJournal)),
            ("the orphan file", superblock.orphanFileInode, features.has(.orphanFile)),
        ] where isThere && number != 0 {
            let inode = try rawInode(number, at: .root)
            guard hasMap(inode) else { continue }
            let map = try map(of: inode, at: .root)
            for run in map.runs { try checkUsed(run.physical..<run.physical + run.count, of: what) }
            for node in map.nodes { try checkUsed(node..<node + 1, of: what) }
        }
        var start = UInt64(superblock.firstDataBlock)
        for group in 0..<fs.pointee.group_desc_count {
            let count = min(UInt64(superblock.blocksPerGroup), ext2fs_blocks_count(fs.pointee.super) - start)
            let free = count - (try usedBlocks(from: start, count: count))
            let said = UInt64(ext2fs_bg_free_blocks_count(fs, group))
            guard free == said else {
                throw .corrupt("group \(group) has \(free) free blocks by its bitmap and \(said) by its descriptor")
            }
            start += count
        }
    }

    /// Superblocks, descriptors and those reserved for more, bitmaps and inode tables.
    private func checkOwnBlocks() throws(VolumeError) {
        var own: ext2fs_block_bitmap?
        try check(ext2fs_allocate_block_bitmap(fs, "own blocks", &own), at: nil, "allocate_block_bitmap")
        defer { ext2fs_free_block_bitmap(own) }
        for group in 0..<fs.pointee.group_desc_count {
            ext2fs_reserve_super_and_bgd(fs, group, own)
            ext2fs_mark_block_bitmap2(own, ext2fs_block_bitmap_loc(fs, group))
            ext2fs_mark_block_bitmap2(own, ext2fs_inode_bitmap_loc(fs, group))
            ext2fs_mark_block_bitmap_range2(
                own, ext2fs_inode_table_loc(fs, group), UInt32(fs.pointee.inode_blocks_per_group))
        }
        var block = UInt64(superblock.firstDataBlock)
        let end = superblock.blockCount
        while let first = try firstBlock(from: block, below: end, in: own, ext2fs_find_first_set_block_bitmap2) {
            block = try firstBlock(from: first, below: end, in: own, ext2fs_find_first_zero_block_bitmap2) ?? end
            try checkUsed(first..<block, of: "the file system's own tables")
        }
    }

    private func checkUsed(_ blocks: Range<UInt64>, of owner: String) throws(VolumeError) {
        let map = fs.pointee.block_map
        let end = blocks.upperBound
        if let free = try firstBlock(
            from: blocks.lowerBound, below: end, in: map, ext2fs_find_first_zero_block_bitmap2)
        {
            throw .corrupt("the block bitmap calls block \(free) free, which belongs to \(owner)")
        }
    }

    /// The inodes below the first for files are the file system's own, and each group must have as many free ones as it
    /// says.
    private func checkInodeBitmap() throws(VolumeError) {
        let map = fs.pointee.inode_map
        var free: ext2_ino_t = 0
        if ext2fs_find_first_zero_inode_bitmap2(map, 1, superblock.firstInode - 1, &free) == 0 {
            throw .corrupt("the inode bitmap calls inode \(free) free, which is the file system's own")
        }
        let perGroup = superblock.inodesPerGroup
        var bits = [UInt8](repeating: 0, count: Int(perGroup / 8))
        for group in 0..<fs.pointee.group_desc_count {
            let code = bits.withUnsafeMutableBytes {
                ext2fs_get_inode_bitmap_range2(map, UInt64(group) * UInt64(perGroup) + 1, Int(perGroup), $0.baseAddress)
            }
            try check(code, at: nil, "get_inode_bitmap_range")
            let count = perGroup - UInt32(bits.reduce(0) { $0 + $1.nonzeroBitCount })
            let said = ext2fs_bg_free_inodes_count(fs, group)
            guard count == said else {
                throw .corrupt("group \(group) has \(count) free inodes by its bitmap and \(said) by its descriptor")
            }
        }
    }

    /// Throws when an inode that the bitmap calls free is in use: what has never been written, in a group that says so,
    /// may hold anything.
    func checkUnused(_ number: UInt32, at path: VolumePath) throws(VolumeError) {
        let group = (number - 1) / superblock.inodesPerGroup
        let index = (number - 1) % superblock.inodesPerGroup
        let isTableUsed = ext2fs_bg_flags_test(fs, group, UInt16(EXT2_BG_INODE_UNINIT)) == 0
        guard isTableUsed, index < superblock.inodesPerGroup - UInt32(ext2fs_bg_itable_unused(fs, group)) else {
            return
        }
        let inode = try rawInode(number, at: path)
        guard inode.links == 0 || inode.deletionTime != 0 else {
            throw .corrupt("the inode bitmap calls inode \(number) free, which holds a file")
        }
    }

    /// How many of the blocks from `start` on, all of one group, the bitmap calls used.
    func usedBlocks(from start: UInt64, count: UInt64) throws(VolumeError) -> UInt64 {
        var bits = [UInt8](repeating: 0, count: Int((count + 7) / 8))
        let code = bits.withUnsafeMutableBytes {
            ext2fs_get_block_bitmap_range2(fs.pointee.block_map, start, Int(count), $0.baseAddress)
        }
        try check(code, at: nil, "get_block_bitmap_range")
        if count % 8 != 0, let last = bits.indices.last { bits[last] &= UInt8(1 << (count % 8)) - 1 }
        return bits.reduce(0) { $0 + UInt64($1.nonzeroBitCount) }
    }

    typealias BlockSearch = (ext2fs_block_bitmap?, UInt64, UInt64, UnsafeMutablePointer<UInt64>?) -> errcode_t

    /// The first block at or after `start` that `search` finds; nil when there is none.
    func firstBlock(
        from start: UInt64, below end: UInt64, in map: ext2fs_block_bitmap?, _ search: BlockSearch
    ) throws(VolumeError) -> UInt64? {
        guard start < end else { return nil }
        var found: UInt64 = 0
        let code = search(map, start, end - 1, &found)
        if code == errcode_t(ENOENT) { return nil }
        try check(code, at: nil, "find_first")
        return found
    }
}
