import Trees

/// How far the import of one tree into an ext4 file system has come.
struct TreeImport {
    /// A folder whose entries are being collected; it is written when the tree's order leaves it.
    struct Folder {
        let path: VolumePath
        let inode: Inode
        let parent: UInt32
        let metadata: FileNode.Metadata
        var nanoseconds: UInt32 = 0
        var entries: [FolderBlocks.Entry] = []
        var subfolders = 0
    }

    /// A file with several names: its inode, and how many names were met.
    struct Links {
        let inode: UInt32
        let kind: FileNode.Kind
        let path: VolumePath
        var count: UInt16 = 1
    }

    /// The folders from the tree's root to where it is, the innermost last.
    var folders: [Folder] = []
    var links: [UInt64: Links] = [:]
    /// Where the search for the next free inode and block begins: everything lies one after the other.
    var nextInode: UInt32
    var nextBlock: UInt64
    /// The path before, for the order is what makes a stack of folders enough.
    var last: VolumePath?
}
