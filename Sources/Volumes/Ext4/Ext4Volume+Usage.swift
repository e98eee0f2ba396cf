package import Trees

@preconcurrency internal import CExt2FS

extension Ext4Volume {
    /// The bytes of the volume that the file system uses, metadata included, in order and in whole blocks: all but the
    /// blocks that its bitmaps call free and what lies after its last block.
    ///
    /// Throws `corrupt` when a bitmap's checksum is wrong or a bitmap contradicts what is known otherwise. A group whose
    /// bitmap was never written (`EXT4_BG_BLOCK_UNINIT`) uses its own metadata alone, which libext2fs works out.
    package func usedRanges() throws(VolumeError) -> [Range<Int64>] {
        try withHandle { (handle) throws(VolumeError) in try handle.usedRanges() }
    }
}

extension Ext2Handle {
    fileprivate func usedRanges() throws(VolumeError) -> [Range<Int64>] {
        try loadBlockBitmap()
        let map = fs.pointee.block_map
        let size = UInt64(superblock.blockSize)
        let end = superblock.blockCount
        var ranges: [Range<Int64>] = []
        var block = UInt64(superblock.firstDataBlock)
        while let first = try firstBlock(from: block, below: end, in: map, ext2fs_find_first_set_block_bitmap2) {
            block = try firstBlock(from: first, below: end, in: map, ext2fs_find_first_zero_block_bitmap2) ?? end
            // With blocks of 1 KiB the first one, for a boot loader, is in no bitmap; the superblock after it is.
            let start = first == UInt64(superblock.firstDataBlock) ? 0 : first * size
            ranges.append(Int64(start)..<Int64(block * size))
        }
        return ranges
    }
}
