package import Trees

extension Ext4Growth {
    /// The size in bytes, no less than the present one, that a file system needs for `size` more and `spare` blocks.
    package static func byteCount(
        of superblock: Superblock, addingRoomFor size: TreeSize, spare: UInt64
    ) -> Int64 {
        let perGroup = UInt64(superblock.blocksPerGroup)
        let tables = 2 + UInt64(superblock.inodeTableBlocks)
        let descriptors = 1 + UInt64(superblock.reservedDescriptorBlocks) + superblock.groupCount / 8
        // Copies lie in powers of 3, 5 and 7: there are at most 20 of them below 2^31 for each.
        let copies = superblock.features.has(.sparseBackups) ? 3 * descriptors : 0
        let overhead = superblock.features.has(.sparseBackups) ? tables : tables + descriptors
        let blocks = size.blockCount + spare + copies
        let missing = blocks > superblock.freeBlockCount ? blocks - superblock.freeBlockCount : 0
        let missingInodes =
            size.inodes > UInt64(superblock.freeInodeCount) ? size.inodes - UInt64(superblock.freeInodeCount) : 0
        let usable = perGroup > overhead ? perGroup - overhead : 1
        let forBlocks = (missing + usable - 1) / usable
        let forInodes = (missingInodes + UInt64(superblock.inodesPerGroup) - 1) / UInt64(superblock.inodesPerGroup)
        let groups = superblock.groupCount + max(forBlocks, forInodes)
        let wanted =
            forBlocks + forInodes == 0
            ? superblock.blockCount : UInt64(superblock.firstDataBlock) + groups * perGroup
        return Int64(clamping: max(wanted, superblock.blockCount)) * Int64(superblock.blockSize)
    }
}
