import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// Gives an inode without blocks those for the ranges of a file, the first free ones from `next` on, and its map.
    ///
    /// The inode is changed in memory; whoever calls writes it.
    func place(
        _ ranges: [Range<UInt64>], in inode: inout Inode, next: inout UInt64, at path: VolumePath
    ) throws(VolumeError) -> [InodeBlockMap.Run] {
        guard superblock.features.has(.extents) else {
            return try placeIndirect(ranges, in: &inode, at: path)
        }
        var runs: [InodeBlockMap.Run] = []
        for range in ranges {
            var logical = range.lowerBound
            while logical < range.upperBound {
                let (start, count) = try takeBlocks(range.upperBound - logical, from: &next, at: path)
                runs.append(.init(logical: logical, physical: start, count: count, isWritten: true))
                logical += count
            }
        }
        inode.flags |= Inode.Flag.extents
        // No entries of 4, and no depth (kernel: fs/ext4/ext4_extents.h).
        inode.map = [0x0A, 0xF3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0] + [UInt8](repeating: 0, count: 48)
        let units = runs.reduce(0) { $0 + $1.count } * UInt64(superblock.blockSize / 512)
        guard units <= UInt64(UInt32.max) else {
            throw .fileTooLarge(path, byteCount: Int64(clamping: inode.size), limit: Int64(UInt32.max) * 512)
        }
        inode.set32(0x1C, UInt32(units))
        if runs.count > 4 { try insertExtents(runs, in: &inode, at: path) } else { inode.setExtents(runs) }
        return runs
    }

    /// Up to `wanted` free blocks that follow each other, the first ones from `next` on; the search begins anew at the
    /// start when there are none after. An extent holds 32768.
    private func takeBlocks(
        _ wanted: UInt64, from next: inout UInt64, at path: VolumePath
    ) throws(VolumeError) -> (start: UInt64, count: UInt64) {
        let last = superblock.blockCount - 1
        let map = fs.pointee.block_map
        var start: UInt64 = 0
        if next > last || ext2fs_find_first_zero_block_bitmap2(map, next, last, &start) != 0 {
            let first = UInt64(superblock.firstDataBlock)
            guard ext2fs_find_first_zero_block_bitmap2(map, first, last, &start) == 0 else { throw .noSpace(path) }
        }
        let end = min(start + min(wanted, 32768) - 1, last)
        var used: UInt64 = 0
        let count = ext2fs_find_first_set_block_bitmap2(map, start, end, &used) == 0 ? used - start : end - start + 1
        markChanged()
        ext2fs_block_alloc_stats_range(fs, start, UInt32(count), 1)
        try check(0, at: path, "block_alloc_stats_range")
        next = start + count
        return (start, count)
    }

    /// More extents than the inode has room for: libext2fs makes the tree, and takes blocks for it.
    private func insertExtents(
        _ runs: [InodeBlockMap.Run], in inode: inout Inode, at path: VolumePath
    ) throws(VolumeError) {
        // The tree's blocks have a checksum that is made with what the inode on the device says.
        try write(inode, at: path)
        let number = inode.number
        let code = inode.withPointer { pointer, _ -> errcode_t in
            var handle: ext2_extent_handle_t?
            var code = ext2fs_extent_open2(fs, number, pointer, &handle)
            defer { ext2fs_extent_free(handle) }
            for run in runs where code == 0 {
                var extent = ext2fs_extent(
                    e_pblk: run.physical, e_lblk: run.logical, e_len: UInt32(run.count), e_flags: 0)
                code = ext2fs_extent_insert(handle, EXT2_EXTENT_INSERT_AFTER, &extent)
                if code == 0 { code = ext2fs_extent_fix_parents(handle) }
            }
            return code
        }
        try check(code, at: path, "extent_insert")
    }

    /// The classic map, made by libext2fs block by block.
    private func placeIndirect(
        _ ranges: [Range<UInt64>], in inode: inout Inode, at path: VolumePath
    ) throws(VolumeError) -> [InodeBlockMap.Run] {
        try write(inode, at: path)
        for range in ranges {
            try allocate(&inode, from: range.lowerBound, count: range.upperBound - range.lowerBound, at: path)
        }
        return try map(of: inode, at: path).runs
    }
}

extension Inode {
    /// Up to four extents, in the inode itself (kernel: fs/ext4/ext4_extents.h).
    fileprivate mutating func setExtents(_ runs: [InodeBlockMap.Run]) {
        set16(0x2A, UInt16(runs.count))
        for (index, run) in runs.prefix(4).enumerated() {
            let offset = 0x34 + 12 * index
            set32(offset, UInt32(truncatingIfNeeded: run.logical))
            set16(offset + 4, UInt16(truncatingIfNeeded: run.count))
            set16(offset + 6, UInt16(truncatingIfNeeded: run.physical >> 32))
            set32(offset + 8, UInt32(truncatingIfNeeded: run.physical))
        }
    }
}
