import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// Makes a change. An error leaves the file system half changed, and it must not be written out.
    func apply(_ change: Ext4Change) throws(VolumeError) {
        try loadBitmaps(at: change.path)
        let path = change.path
        switch change.step {
        case .create(let node):
            let inode = try create(node, replacing: nil, in: change.parent.number, at: path)
            try link(inode, as: change.name, in: change.parent.number, at: path)
            try touch(change.parent.number, subfolders: node.kind == .directory ? 1 : 0, at: path.parent)
        case .replace(let slot, let old, let node):
            let inode = try create(node, replacing: old, in: change.parent.number, at: path)
            try relink(slot, to: inode, in: change.parent.number, at: path)
            try dropLink(of: old, at: path)
            try touch(change.parent.number, subfolders: 0, at: path.parent)
        case .update(let old, let content, let metadata):
            try update(old, content: content, metadata: metadata, at: path)
        case .remove(let old):
            try unlink(change.name, inode: old.number, in: change.parent.number, at: path)
            try dropLink(of: old, at: path)
            try touch(change.parent.number, subfolders: old.kind == .directory ? -1 : 0, at: path.parent)
        }
    }

    /// An inode as `create` begins it, without a number of its own when `number` is 0.
    func newInode(_ number: UInt32, for node: FileNode) -> Inode {
        let extra = superblock.wantedExtraSize == 0 ? min(32, superblock.inodeSize - 128) : superblock.wantedExtraSize
        var inode = Inode(number: number, size: Int(superblock.inodeSize), extraSize: extra, now: now)
        inode.mode = Inode.typeBits(node.kind) | node.metadata.mode
        inode.owner = node.metadata.owner
        inode.group = node.metadata.group
        inode.setTime(.modification, node.metadata.modified)
        inode.links = node.kind == .directory ? 2 : 1
        return inode
    }

    /// A new inode near the folder `parent` that is `node`; no name leads to it yet.
    private func create(
        _ node: FileNode, replacing old: Inode?, in parent: UInt32, at path: VolumePath
    ) throws(VolumeError) -> Inode {
        var number: ext2_ino_t = 0
        let type = Inode.typeBits(node.kind)
        try check(ext2fs_new_inode(fs, parent, CInt(type), nil, &number), at: path, "new_inode")
        try checkUnused(number, at: path)
        var inode = newInode(number, for: node)
        if let old { inode.flags = old.flags & Inode.userFlags }
        inode.device = node.metadata.device
        let text: [UInt8]? = if case .symlink(let text) = node.content { Array(text.utf8) } else { nil }
        let hasMap = node.kind == .file || node.kind == .directory || (text?.count ?? 0) >= 60
        if hasMap, superblock.features.has(.extents) {
            inode.flags |= Inode.Flag.extents
            inode.map = [0x0A, 0xF3, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0]  // no entries of 4
        }
        ext2fs_inode_alloc_stats2(fs, number, 1, node.kind == .directory ? 1 : 0)
        try write(inode, at: path)
        switch node.content {
        case .file, .stored:
            try replaceContent(of: &inode, by: node.content.fileContent ?? BytesContent([]), at: path)
        case .symlink(let text) where hasMap:
            try replaceContent(of: &inode, by: BytesContent(Array(text.utf8)), at: path)
        case .symlink(let text):
            inode.size = UInt64(text.utf8.count)
            inode.map = Array(text.utf8)
        case .directory:
            inode.size = UInt64(superblock.blockSize)
            try allocate(&inode, from: 0, count: 1, at: path)
            guard let block = try map(of: inode, at: path).runs.first?.physical else { throw .noSpace(path) }
            try writeFirstBlock(block, of: inode, parent: parent, at: path)
        case .special: break
        }
        try write(inode, at: path)
        try setAttributes(of: inode, to: node.metadata.extendedAttributes, replacing: [:], at: path)
        return inode
    }

    private func update(
        _ old: Inode, content: (any FileContent)?, metadata: FileNode.Metadata, at path: VolumePath
    ) throws(VolumeError) {
        let attributes = try attributes(of: old, at: path)
        try setAttributes(of: old, to: metadata.extendedAttributes, replacing: attributes, at: path)
        var inode = try self.inode(old.number, at: path)
        if let content { try replaceContent(of: &inode, by: content, at: path) }
        inode.mode = inode.mode & 0o170000 | metadata.mode
        inode.owner = metadata.owner
        inode.group = metadata.group
        inode.device = metadata.device
        inode.setTime(.modification, metadata.modified)
        inode.setTime(.change, now)
        try write(inode, at: path)
    }

    /// Takes a name's link from an inode whose entry is gone, and frees it when that was the last.
    private func dropLink(of inode: Inode, at path: VolumePath) throws(VolumeError) {
        var inode = inode
        inode.setTime(.change, now)
        guard inode.kind == .directory || inode.links == 1 else {
            inode.links -= 1
            return try write(inode, at: path)
        }
        let number = inode.number
        let code = inode.withPointer { pointer, _ in
            pointer?.withMemoryRebound(to: ext2_inode_large.self, capacity: 1) {
                ext2fs_free_ext_attr(fs, number, $0)
            } ?? 0
        }
        try check(code, at: path, "free_ext_attr")
        if hasMap(inode) { try freeBlocks(of: &inode, from: 0, at: path) }
        inode.links = 0
        inode.size = 0
        // A time below the number of inodes would look like a link of the orphan list (e2fsck/pass1.c, low dtime).
        inode.deletionTime = max(UInt32(truncatingIfNeeded: now), superblock.inodeCount)
        try write(inode, at: path)
        ext2fs_inode_alloc_stats2(fs, inode.number, -1, inode.kind == .directory ? 1 : 0)
        try check(0, at: path, "inode_alloc_stats")
    }

    /// Sets a folder's change time after a change of its entries, and counts the folders in it.
    ///
    /// Its modification time stays: that is metadata a folder is given by `put`, and what was put must be found again.
    /// With dir_nlink a count of 1 means "too many to count" (kernel: fs/ext4/namei.c, ext4_inc_count).
    private func touch(_ folder: UInt32, subfolders: Int, at path: VolumePath) throws(VolumeError) {
        var inode = try self.inode(folder, at: path)
        if subfolders > 0, inode.links > 1 { inode.links = inode.links >= 65000 ? 1 : inode.links + 1 }
        if subfolders < 0, inode.links > 2 { inode.links -= 1 }
        inode.setTime(.change, now)
        try write(inode, at: path)
    }
}
