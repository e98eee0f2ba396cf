import Glibc
package import Trees

@preconcurrency internal import CExt2FS

extension Ext4Volume {
    /// The bytes of the volume that the file system uses, metadata included, in order and in whole blocks: all but the
    /// blocks that its bitmaps call free and what lies behind its last block.
    ///
    /// Throws `corrupt` when a bitmap's checksum is wrong. A group whose bitmap was never written
    /// (`EXT4_BG_BLOCK_UNINIT`) uses its own metadata alone, which libext2fs works out.
    package func usedRanges() throws(VolumeError) -> [Range<Int64>] {
        try withHandle { (handle) throws(VolumeError) in try handle.usedRanges() }
    }
}

extension Ext2Handle {
    fileprivate func usedRanges() throws(VolumeError) -> [Range<Int64>] {
        if fs.pointee.block_map == nil { try check(ext2fs_read_block_bitmap(fs), at: nil, "read_block_bitmap") }
        let map = fs.pointee.block_map
        let size = UInt64(superblock.blockSize)
        let end = superblock.blockCount
        var ranges: [Range<Int64>] = []
        var block = UInt64(superblock.firstDataBlock)
        while let first = try next(block, below: end, in: map, ext2fs_find_first_set_block_bitmap2) {
            block = try next(first, below: end, in: map, ext2fs_find_first_zero_block_bitmap2) ?? end
            // With blocks of 1 KiB the first one, for a boot loader, is in no bitmap; the superblock behind it is.
            let start = first == UInt64(superblock.firstDataBlock) ? 0 : first * size
            ranges.append(Int64(start)..<Int64(block * size))
        }
        return ranges
    }

    private typealias Search = (
        ext2fs_block_bitmap?, UInt64, UInt64, UnsafeMutablePointer<UInt64>?
    ) -> errcode_t

    /// The first block at or after `start` that `search` finds; nil when there is none.
    private func next(
        _ start: UInt64, below end: UInt64, in map: ext2fs_block_bitmap?, _ search: Search
    ) throws(VolumeError) -> UInt64? {
        guard start < end else { return nil }
        var found: UInt64 = 0
        let code = search(map, start, end - 1, &found)
        if code == errcode_t(ENOENT) { return nil }
        try check(code, at: nil, "find_first")
        return found
    }
}
