import Blocks
import Reports
import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    static var root: UInt32 { UInt32(EXT2_ROOT_INO) }

    /// Reads an inode that a folder names, and refuses what no folder may name.
    func inode(_ number: UInt32, at path: VolumePath) throws(VolumeError) -> Inode {
        let isOwn = number == superblock.journalInode || number == superblock.orphanFileInode
        guard number == Self.root || (number >= superblock.firstInode && number <= superblock.inodeCount && !isOwn)
        else { throw .corrupt("\(path): the folder entry points at inode \(number)") }
        let inode = try rawInode(number, at: path)
        guard inode.links > 0, inode.deletionTime == 0 else { throw .corrupt("\(path): inode \(number) is not in use") }
        guard inode.kind != nil else {
            throw .corrupt("\(path): inode \(number) has mode 0\(String(inode.mode, radix: 8))")
        }
        // No map reaches further (kernel: fs/ext4/super.c, ext4_max_size); up to here no sum of sizes overflows.
        guard inode.size <= UInt64(superblock.blockSize) << 32 else {
            throw .corrupt("\(path): inode \(number) has a size of \(inode.size) bytes")
        }
        if let refused = Inode.Flag.refused.first(where: { inode.flags & $0.bit != 0 }) {
            throw .unsupported(feature: "\(refused.name) of \(path)", remedy: "use an image without such files")
        }
        return inode
    }

    func rawInode(_ number: UInt32, at path: VolumePath) throws(VolumeError) -> Inode {
        var inode = Inode(number: number, bytes: [UInt8](repeating: 0, count: Int(superblock.inodeSize)))
        let code = inode.withPointer { ext2fs_read_inode_full(fs, number, $0, CInt($1)) }
        try check(code, at: path, "read_inode")
        return inode
    }

    func write(_ inode: Inode, at path: VolumePath) throws(VolumeError) {
        var copy = inode
        markChanged()
        try check(copy.withPointer { ext2fs_write_inode_full(fs, inode.number, $0, CInt($1)) }, at: path, "write_inode")
    }

    /// The blocks of a file, folder or long link.
    func map(of inode: Inode, at path: VolumePath) throws(VolumeError) -> InodeBlockMap {
        try InodeBlockMap(of: inode, in: superblock, at: path) { (block) throws(VolumeError) -> [UInt8] in
            let bytes = try readBlock(block, at: path)
            return inode.usesExtents ? try checkExtentBlock(bytes, of: inode, at: path) : bytes
        }
    }

    func readBlock(_ number: UInt64, at path: VolumePath) throws(VolumeError) -> [UInt8] {
        try readBlocks(number, count: 1, at: path)
    }

    /// `count` blocks that were found inside the volume.
    func readBlocks(_ number: UInt64, count: UInt64, at path: VolumePath) throws(VolumeError) -> [UInt8] {
        guard number < superblock.blockCount, count <= superblock.blockCount - number else {
            throw .corrupt("\(path): block \(number) of \(superblock.blockCount)")
        }
        let size = superblock.blockSize
        return try wrapping(
            session.device.bytes(at: Int64(number) * Int64(size), count: Int(count) * size), as: { VolumeError($0) })
    }

    func writeBlocks(_ number: UInt64, _ bytes: ArraySlice<UInt8>, at path: VolumePath) throws(VolumeError) {
        let offset = Int64(number) * Int64(superblock.blockSize)
        markChanged()
        try check(bytes.withUnsafeBytes { session.write($0, at: offset) }, at: path, "write")
    }

    /// The tail's checksum, which lies after the header's `max` entries, so the header is verified first.
    private func checkExtentBlock(_ bytes: [UInt8], of inode: Inode, at path: VolumePath) throws(VolumeError) -> [UInt8]
    {
        var copy = bytes
        let isGood = copy.withUnsafeMutableBytes { buffer -> Bool in
            guard let start = buffer.baseAddress,
                ext2fs_extent_header_verify(start, CInt(buffer.count)) == 0
            else { return false }
            return ext2fs_extent_block_csum_verify(
                fs, inode.number, start.assumingMemoryBound(to: ext3_extent_header.self)) != 0
        }
        if let failure = session.takeFailure() { throw VolumeError(failure) }
        guard isGood else { throw .corrupt("\(path): an extent block's header or checksum is wrong") }
        return bytes
    }
}

extension Inode {
    /// Lends the bytes to C as its `ext2_inode`, with their count.
    mutating func withPointer<R>(_ body: (UnsafeMutablePointer<ext2_inode>?, Int) -> R) -> R {
        bytes.withUnsafeMutableBytes { buffer in
            body(buffer.baseAddress?.assumingMemoryBound(to: ext2_inode.self), buffer.count)
        }
    }
}
