import Blocks
import Trees

extension Ext2Handle {
    /// The inode at `path`, no link followed: nil when nothing is there, `notADirectory` when something else than a
    /// folder is on the way.
    func find(_ path: VolumePath) throws(VolumeError) -> Inode? {
        var inode = try self.inode(Self.root, at: .root)
        guard inode.kind == .directory else { throw .corrupt("the root of the file system is no folder") }
        var place = VolumePath.root
        for name in path.components {
            guard inode.kind == .directory else { throw .notADirectory(place) }
            guard let number = try number(of: name, in: inode, at: place) else { return nil }
            place = place.appending(name) ?? place
            inode = try self.inode(number, at: place)
        }
        return inode
    }

    /// The inode that a folder's entry of this name leads to; each folder is decoded once.
    private func number(of name: String, in folder: Inode, at path: VolumePath) throws(VolumeError) -> UInt32? {
        if let known = folders.numbers(in: folder.number) { return known[ByteKey(name.utf8)] }
        var numbers: [ByteKey: UInt32] = [:]
        try scan(folder, at: path) { (_, _, entries) throws(VolumeError) in
            for entry in entries.entries {
                let key = ByteKey(entry.name)
                if numbers[key] == nil { numbers[key] = entry.inode }
            }
            return true
        }
        folders.keep(numbers, of: folder.number)
        return numbers[ByteKey(name.utf8)]
    }

    func status(of inode: Inode, at path: VolumePath) throws(VolumeError) -> FileStatus {
        guard let kind = inode.kind else { throw .corrupt("\(path): an inode without a type") }
        let byteCount: Int64 = kind == .file || kind == .symlink ? Int64(clamping: inode.size) : 0
        return FileStatus(kind: kind, byteCount: byteCount, metadata: try metadata(of: inode, at: path))
    }

    func node(of inode: Inode, at path: VolumePath) throws(VolumeError) -> FileNode {
        guard let kind = inode.kind else { throw .corrupt("\(path): an inode without a type") }
        let content: FileNode.Content =
            switch kind {
            case .file: .file(try self.content(of: inode, at: path))
            case .directory: .directory
            case .symlink: .symlink(try linkText(of: inode, at: path))
            case .characterDevice, .blockDevice, .fifo, .socket: .special(kind)
            }
        return FileNode(content: content, metadata: try metadata(of: inode, at: path))
    }

    func metadata(of inode: Inode, at path: VolumePath) throws(VolumeError) -> FileNode.Metadata {
        FileNode.Metadata(
            mode: inode.mode & 0o7777, owner: inode.owner, group: inode.group, modified: inode.time(.modification),
            extendedAttributes: try attributes(of: inode, at: path), device: inode.device)
    }
}
