import Trees

/// A change that was found possible and is not made yet: all that can be refused was refused before.
struct Ext4Change {
    enum Step {
        /// A new inode under a new name.
        case create(FileNode)
        /// A new inode under the name of another one, which loses a link.
        case replace(Ext2Handle.Slot, old: Inode, FileNode)
        /// The same inode with other bytes (nil: the same) and other metadata.
        case update(Inode, content: (any FileContent)?, FileNode.Metadata)
        case remove(Inode)
    }

    let step: Step
    let path: VolumePath
    let name: String
    /// The folder that holds the name; for the root itself, the root.
    let parent: Inode
}

extension Ext2Handle {
    /// What must be done so that `path` is `node`; nil when it is already.
    func change(toPut node: FileNode, at path: VolumePath) throws(VolumeError) -> Ext4Change? {
        try checkStorable(node, at: path)
        var node = node
        guard let parent = try find(path.parent) else { throw .notFound(path.parent) }
        guard parent.kind == .directory else { throw .notADirectory(path.parent) }
        guard let name = path.name else { return try update(parent, to: node, path: path, name: "", parent: parent) }
        guard name.utf8.count <= 255 else {
            throw .invalidName(name, reason: "\(name.utf8.count) bytes are more than the 255 of a name")
        }
        guard let slot = try slot(of: name, in: parent, at: path.parent) else {
            try checkSpace(for: node, addsEntry: true, at: path)
            if node.kind == .directory { try checkSubfolders(of: parent, at: path) }
            return Ext4Change(step: .create(node), path: path, name: name, parent: parent)
        }
        let old = try inode(slot.entry.inode, at: path)
        if old.kind == .directory, node.kind != .directory { throw .isADirectory(path) }
        if old.kind != .directory, node.kind == .directory { throw .notADirectory(path) }
        if old.kind == node.kind, node.metadata.device == nil { node.metadata.device = old.device }
        if old.kind == node.kind, node.kind != .symlink {
            if old.kind == .directory || old.links == 1 {
                return try update(old, to: node, path: path, name: name, parent: parent)
            }
        }
        guard try !isSame(old, node, at: path) else { return nil }
        try checkSpace(for: node, addsEntry: false, at: path)
        if old.links == 1 { try checkFreeable(old, at: path) }
        return Ext4Change(step: .replace(slot, old: old, node), path: path, name: name, parent: parent)
    }

    func change(toRemove path: VolumePath) throws(VolumeError) -> Ext4Change {
        guard let old = try find(path), let parent = try find(path.parent) else { throw .notFound(path) }
        if old.kind == .directory, try !names(in: old, at: path).isEmpty { throw .directoryNotEmpty(path) }
        guard let name = path.name else { throw .notStorable(path, what: "a volume without a root folder") }
        if old.kind == .directory || old.links == 1 { try checkFreeable(old, at: path) }
        return Ext4Change(step: .remove(old), path: path, name: name, parent: parent)
    }

    /// A change of an inode in place, nil when it is `node` already.
    private func update(
        _ old: Inode, to node: FileNode, path: VolumePath, name: String, parent: Inode
    ) throws(VolumeError) -> Ext4Change? {
        if node.kind != old.kind { throw .isADirectory(path) }
        var content: (any FileContent)?
        if let wanted = node.content.fileContent, try !holds(old, node.content, at: path) { content = wanted }
        let status = try status(of: old, at: path)
        if content == nil, status.metadata == node.metadata { return nil }
        guard old.canStore(node.metadata.modified) else { throw unstorableTime(node.metadata.modified, at: path) }
        var blocks: UInt64 = 0
        if status.metadata.extendedAttributes != node.metadata.extendedAttributes {
            let extra = old.u16(0x80) == 0 ? superblock.wantedExtraSize : old.u16(0x80)
            let attributes = node.metadata.extendedAttributes
            try checkKernelTakes(attributes, of: node.kind, at: path)
            if try checkAttributes(attributes, extraSize: max(extra, 4), at: path) { blocks += 1 }
        }
        if let content {
            let map = try map(of: old, at: path)
            let wanted = blockCount(of: content.byteCount)
            let kept = min(map.mappedCount, wanted)
            blocks += wanted - kept + (wanted > kept || map.denseCount == nil ? mapBlocks(for: wanted) : 0)
        }
        try checkFree(blocks: blocks, inodes: 0, at: path)
        return Ext4Change(step: .update(old, content: content, node.metadata), path: path, name: name, parent: parent)
    }

    private func isSame(_ old: Inode, _ node: FileNode, at path: VolumePath) throws(VolumeError) -> Bool {
        let status = try status(of: old, at: path)
        guard status.kind == node.kind, status.metadata == node.metadata else { return false }
        switch node.content {
        case .file, .stored: return try holds(old, node.content, at: path)
        case .symlink(let text): return try Array(linkText(of: old, at: path).utf8) == Array(text.utf8)
        case .directory, .special: return true
        }
    }

    private func holds(
        _ inode: Inode, _ content: FileNode.Content, at path: VolumePath
    ) throws(VolumeError) -> Bool {
        switch content {
        case .file(let bytes):
            guard inode.size == UInt64(bytes.count) else { return false }
            return try self.content(of: inode, at: path) == bytes
        case .stored(let file):
            guard inode.size == UInt64(file.byteCount) else { return false }
            let runs = try map(of: inode, at: path).runs.filter(\.isWritten)
            var offset: Int64 = 0
            while offset < file.byteCount {
                let count = Int(min(StoredFile.pieceSize, file.byteCount - offset))
                var bytes = [UInt8](repeating: 0, count: count)
                let first = UInt64(offset / Int64(superblock.blockSize))
                let rest = runs.drop { $0.end <= first }
                var span = bytes.mutableSpan
                try span.withUnsafeMutableBytes { (buffer) throws(VolumeError) in
                    try read(rest, into: buffer, at: offset, of: path)
                }
                guard try file.content?.bytes(at: offset, count: count) == bytes else { return false }
                offset += Int64(count)
            }
            return true
        case .directory, .symlink, .special: return true
        }
    }

    private func checkStorable(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        try Ext4Volume.checkStorable(node, at: path)
        guard case .symlink(let text) = node.content else { return }
        let limit = min(superblock.blockSize, 4096) - 1
        guard text.utf8.count <= limit else {
            throw .fileTooLarge(path, byteCount: Int64(text.utf8.count), limit: Int64(limit))
        }
    }

    /// Refuses what a new inode for `node` cannot hold, and what may not fit into the free space.
    private func checkSpace(
        for node: FileNode, addsEntry: Bool, at path: VolumePath
    ) throws(VolumeError) {
        if case .special(let kind) = node.content, node.metadata.device == nil, kind != .fifo, kind != .socket {
            throw .notStorable(path, what: "a new device, whose number is not known")
        }
        let fresh = newInode(0, for: node)
        guard fresh.canStore(node.metadata.modified) else { throw unstorableTime(node.metadata.modified, at: path) }
        let byteCount = node.content.fileContent?.byteCount ?? 0
        let fileBlocks = blockCount(of: byteCount)
        var blocks: UInt64 =
            switch node.content {
            case .file, .stored: fileBlocks + mapBlocks(for: fileBlocks)
            case .directory: 1
            case .symlink(let text): text.utf8.count < 60 ? 0 : 1
            case .special: 0
            }
        try checkFileSize(byteCount, at: path)
        let attributes = node.metadata.extendedAttributes
        try checkKernelTakes(attributes, of: node.kind, at: path)
        if try checkAttributes(attributes, extraSize: fresh.u16(0x80), at: path) { blocks += 1 }
        // A full folder grows by a block; a hashed one by a leaf and up to two index nodes; its map maybe as well.
        if addsEntry { blocks += 4 }
        try checkFree(blocks: blocks, inodes: 1, at: path)
    }

    private func checkFileSize(_ byteCount: Int64, at path: VolumePath) throws(VolumeError) {
        let limit = superblock.features.has(.largeFiles) ? Self.contentLimit : Int64(Int32.max)
        guard byteCount <= limit else { throw .fileTooLarge(path, byteCount: byteCount, limit: limit) }
    }

    private func checkFree(blocks: UInt64, inodes: UInt32, at path: VolumePath) throws(VolumeError) {
        guard blocks <= freeBlocks, inodes <= freeInodes else { throw .noSpace(path) }
    }

    /// Reads all that freeing the inode will walk over, so that damage is found before anything is changed.
    private func checkFreeable(_ inode: Inode, at path: VolumePath) throws(VolumeError) {
        _ = try attributes(of: inode, at: path)
        if hasMap(inode) { _ = try map(of: inode, at: path) }
    }

    /// A folder holds 64998 folders unless their number may be unknown (kernel: fs/ext4/ext4.h, EXT4_LINK_MAX).
    private func checkSubfolders(of parent: Inode, at path: VolumePath) throws(VolumeError) {
        guard parent.links < 65000 || superblock.features.has(.manySubfolders) else { throw .noSpace(path) }
    }

    private func unstorableTime(_ seconds: Int64, at path: VolumePath) -> VolumeError {
        .notStorable(path, what: "the time \(seconds) s since 1970")
    }
}
