import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// What an entry of a folder needs to be found again.
    struct Slot {
        let entry: DirectoryBlock.Entry
        /// Number of the entry's block in the volume, and the bytes of that block.
        let block: UInt64
        let bytes: [UInt8]
    }

    /// Bytes of a folder's blocks at most: its names are in memory at once.
    private static var folderLimit: UInt64 { 16 << 20 }

    /// Visits every block of a folder until `visit` returns false.
    ///
    /// A folder has no holes: `corrupt` when one is found, as when a checksum or an entry is wrong.
    func scan(
        _ folder: Inode, at path: VolumePath,
        _ visit: (_ block: UInt64, _ bytes: [UInt8], _ entries: DirectoryBlock) throws(VolumeError) -> Bool
    ) throws(VolumeError) {
        let blockSize = UInt64(superblock.blockSize)
        guard folder.size <= Self.folderLimit else {
            throw .unsupported(
                feature: "a folder of more than \(Self.folderLimit >> 20) MiB, \(path)",
                remedy: "use an image without such folders")
        }
        let map = try map(of: folder, at: path)
        guard let count = map.denseCount, folder.size == count * blockSize, count <= superblock.blockCount else {
            throw .corrupt("\(path): a folder of \(folder.size) bytes with holes or missing blocks")
        }
        for run in map.runs {
            for block in run.physical..<(run.physical + run.count) {
                let bytes = try readFolderBlock(block, of: folder, at: path)
                guard let entries = DirectoryBlock(bytes) else {
                    throw .corrupt("\(path): the folder's block \(block) is damaged")
                }
                guard try visit(block, bytes, entries) else { return }
            }
        }
    }

    private func readFolderBlock(_ block: UInt64, of folder: Inode, at path: VolumePath) throws(VolumeError) -> [UInt8]
    {
        var bytes = [UInt8](repeating: 0, count: superblock.blockSize)
        let code = bytes.withUnsafeMutableBytes {
            ext2fs_read_dir_block4(fs, block, $0.baseAddress, 0, folder.number)
        }
        try check(code, at: path, "read_dir_block")
        return bytes
    }

    /// The entry of that name, compared byte by byte.
    func slot(of name: String, in folder: Inode, at path: VolumePath) throws(VolumeError) -> Slot? {
        let wanted = Array(name.utf8)
        var found: Slot?
        try scan(folder, at: path) { (block, bytes, entries) throws(VolumeError) in
            if let entry = entries.entries.first(where: { $0.name == wanted }) {
                found = Slot(entry: entry, block: block, bytes: bytes)
            }
            return found == nil
        }
        return found
    }

    /// All names but `.` and `..`, as stored.
    func names(in folder: Inode, at path: VolumePath) throws(VolumeError) -> [[UInt8]] {
        var names: [[UInt8]] = []
        try scan(folder, at: path) { (_, _, entries) throws(VolumeError) in
            names += entries.entries.filter { !$0.isSelfOrParent }.map(\.name)
            return true
        }
        return names
    }

    /// Adds an entry, growing the folder when it is full; there is none of that name yet.
    ///
    /// In a hashed folder libext2fs keeps the index (lib/ext2fs/link.c, dx_link), splitting nodes as needed.
    func link(_ inode: Inode, as name: String, in folder: UInt32, at path: VolumePath) throws(VolumeError) {
        markChanged()
        let type = CInt(fileType(of: inode.kind))
        let code = ext2fs_link(fs, folder, name, inode.number, type)
        guard code == errcode_t(EXT2_ET_DIR_NO_SPACE) else { return try check(code, at: path, "link") }
        guard try self.inode(folder, at: path.parent).flags & Inode.Flag.hashedDirectory == 0 else {
            throw .noSpace(path)
        }
        try check(ext2fs_expand_dir(fs, folder), at: path, "expand_dir")
        try check(ext2fs_link(fs, folder, name, inode.number, type), at: path, "link")
    }

    /// Makes an existing entry point at another inode.
    func relink(_ slot: Slot, to inode: Inode, in folder: UInt32, at path: VolumePath) throws(VolumeError) {
        var bytes = slot.bytes
        for shift in 0..<4 { bytes[slot.entry.offset + shift] = UInt8(truncatingIfNeeded: inode.number >> (8 * shift)) }
        if superblock.features.has(.fileTypes) { bytes[slot.entry.offset + 7] = fileType(of: inode.kind) }
        try writeFolderBlock(slot.block, bytes, of: folder, at: path)
    }

    /// Frees the entry; the space goes to the one before it.
    func unlink(_ name: String, inode: UInt32, in folder: UInt32, at path: VolumePath) throws(VolumeError) {
        markChanged()
        try check(ext2fs_unlink(fs, folder, name, inode, 0), at: path, "unlink")
    }

    /// Fills the one block of a new folder with `.` and `..`.
    func writeFirstBlock(_ block: UInt64, of folder: Inode, parent: UInt32, at path: VolumePath) throws(VolumeError) {
        var buffer: UnsafeMutablePointer<CChar>?
        try check(ext2fs_new_dir_block(fs, folder.number, parent, &buffer), at: path, "new_dir_block")
        guard let buffer else { throw .device("out of memory") }
        defer { free(buffer) }
        let bytes = Array(UnsafeRawBufferPointer(start: buffer, count: superblock.blockSize))
        try writeFolderBlock(block, bytes, of: folder.number, at: path)
    }

    func writeFolderBlock(
        _ block: UInt64, _ bytes: [UInt8], of folder: UInt32, at path: VolumePath
    ) throws(VolumeError) {
        var bytes = bytes
        markChanged()
        let code = bytes.withUnsafeMutableBytes { ext2fs_write_dir_block4(fs, block, $0.baseAddress, 0, folder) }
        try check(code, at: path, "write_dir_block")
    }

    /// The entry's type byte (`EXT4_FT_*`).
    func fileType(of kind: FileNode.Kind?) -> UInt8 {
        switch kind {
        case .file: 1
        case .directory: 2
        case .characterDevice: 3
        case .blockDevice: 4
        case .fifo: 5
        case .socket: 6
        case .symlink: 7
        case nil: 0
        }
    }
}
