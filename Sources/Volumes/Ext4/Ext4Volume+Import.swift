package import Trees

extension Ext4Volume {
    /// Makes the empty folder `folder` hold a whole tree: the root's metadata becomes the folder's.
    ///
    /// Files come in pieces and holes stay holes; hard links, devices, extended attributes and parts of seconds are
    /// kept. Inodes and blocks are taken in the tree's order, one after the other, and a folder is written once, when
    /// all of its entries are known. What fails half-way leaves the volume unusable, as any change does.
    package func addTree(_ tree: any TreeReader, at folder: VolumePath) throws(VolumeError) {
        try withHandle { (handle) throws(VolumeError) in
            guard let inode = try handle.find(folder) else { throw .notFound(folder) }
            guard inode.kind == .directory else { throw .notADirectory(folder) }
            guard try handle.names(in: inode, at: folder).isEmpty else { throw .directoryNotEmpty(folder) }
            let parent = try handle.find(folder.parent)?.number ?? Ext2Handle.root
            try commit { () throws(VolumeError) in
                try handle.addTree(tree, at: folder, inode: inode, parent: parent)
            }
        }
    }
}
