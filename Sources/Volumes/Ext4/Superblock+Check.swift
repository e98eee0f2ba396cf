package import Trees

extension Superblock {
    /// Throws unless the file system is clean and uses only features that this code keeps correct.
    ///
    /// States as in Documentation/filesystems/ext4/super.rst, `s_state`.
    package func checkState() throws(VolumeError) {
        let replay = Features.repair
        guard revision == 1 else {
            throw .unsupported(feature: "file system revision \(revision)", remedy: "make the image with mke2fs -r 1")
        }
        try features.check()
        if state & 1 == 0 { throw .unsupported(feature: "a file system not cleanly unmounted", remedy: replay) }
        if state & 2 != 0 { throw .unsupported(feature: "a file system with recorded errors", remedy: replay) }
        if lastOrphan != 0 { throw .unsupported(feature: "a list of orphaned inodes", remedy: replay) }
    }

    /// Throws `corrupt` unless all sizes and counts fit each other and a device of `deviceByteCount` bytes.
    ///
    /// These are the numbers libext2fs computes and allocates with, so nothing it does with them can overflow.
    package func checkGeometry(deviceByteCount: Int64) throws(VolumeError) {
        try checkSizes()
        try checkGroups()
        let (byteCount, overflow) = blockCount.multipliedReportingOverflow(by: UInt64(blockSize))
        guard !overflow, byteCount <= UInt64(max(0, deviceByteCount)) else {
            throw .corrupt(
                "the superblock counts \(blockCount) blocks of \(blockSize) bytes but the volume has \(deviceByteCount) bytes"
            )
        }
    }

    private func checkSizes() throws(VolumeError) {
        guard logBlockSize <= 5 else { throw .corrupt("impossible block size: 1024 << \(logBlockSize)") }
        guard logClusterSize == logBlockSize, clustersPerGroup == blocksPerGroup else {
            throw .corrupt("clusters differ from blocks without bigalloc")
        }
        let size = Int(inodeSize)
        guard size >= 128, size <= blockSize, size & (size - 1) == 0 else {
            throw .corrupt("impossible inode size \(inodeSize)")
        }
        for extra in [minimumExtraSize, wantedExtraSize] {
            guard extra % 4 == 0, Int(extra) <= size - 128 else {
                throw .corrupt("\(extra) extra bytes do not fit into an inode of \(inodeSize)")
            }
        }
        guard features.has(.sixtyFourBit) ? descriptorSize == 64 : descriptorSize == 32 else {
            throw .corrupt("impossible group descriptor size \(descriptorSize)")
        }
        guard Int(reservedDescriptorBlocks) <= blockSize / 4 else {
            throw .corrupt("\(reservedDescriptorBlocks) reserved descriptor blocks are more than one block can list")
        }
        guard logGroupsPerFlex < 31 else { throw .corrupt("impossible flex group size: 1 << \(logGroupsPerFlex)") }
        guard !features.has(.metadataChecksum) || checksumType == 1 else {
            throw .corrupt("unknown checksum type \(checksumType)")
        }
    }

    private func checkGroups() throws(VolumeError) {
        guard firstDataBlock == (blockSize == 1024 ? 1 : 0), blockCount > UInt64(firstDataBlock), blockCount >> 48 == 0
        else { throw .corrupt("\(blockCount) blocks, the first of them \(firstDataBlock)") }
        let bitsPerBlock = UInt32(blockSize) * 8
        guard blocksPerGroup >= 256, blocksPerGroup <= min(bitsPerBlock, 65528), blocksPerGroup % 8 == 0 else {
            throw .corrupt("impossible group size: \(blocksPerGroup) blocks")
        }
        guard inodesPerGroup >= 8, inodesPerGroup <= bitsPerBlock, inodesPerGroup % 8 == 0,
            inodeTableBlocks < blocksPerGroup
        else { throw .corrupt("impossible group size: \(inodesPerGroup) inodes") }
        guard groupCount <= UInt64(UInt32.max), groupCount * UInt64(inodesPerGroup) == UInt64(inodeCount) else {
            throw .corrupt("\(inodeCount) inodes in \(groupCount) groups of \(inodesPerGroup)")
        }
        guard firstInode >= 11, firstInode <= inodeCount, firstInode <= inodesPerGroup else {
            throw .corrupt("the first inode is \(firstInode) of \(inodeCount)")
        }
        let descriptorsPerBlock = UInt64(blockSize / Int(descriptorSize))
        let descriptorBlocks = (groupCount + descriptorsPerBlock - 1) / descriptorsPerBlock
        guard UInt64(firstMetaGroup) <= descriptorBlocks else {
            throw .corrupt("the first meta block group is \(firstMetaGroup) of \(descriptorBlocks)")
        }
        guard features.has(.metaGroups) || descriptorBlocks < UInt64(blocksPerGroup) else {
            throw .corrupt("\(descriptorBlocks) blocks of group descriptors are more than a group holds")
        }
        guard freeBlockCount <= blockCount, freeInodeCount <= inodeCount else {
            throw .corrupt(
                "\(freeBlockCount) of \(blockCount) blocks, \(freeInodeCount) of \(inodeCount) inodes are free")
        }
    }

    /// Block groups, the last one maybe short; only meaningful after `blocksPerGroup` was checked.
    package var groupCount: UInt64 {
        guard blocksPerGroup > 0, blockCount > UInt64(firstDataBlock) else { return 0 }
        return (blockCount - UInt64(firstDataBlock) - 1) / UInt64(blocksPerGroup) + 1
    }

    /// Blocks of one group's inode table.
    var inodeTableBlocks: UInt32 {
        let (bytes, overflow) = inodesPerGroup.multipliedReportingOverflow(by: UInt32(inodeSize))
        return overflow ? .max : (bytes - 1) / UInt32(blockSize) + 1
    }
}
