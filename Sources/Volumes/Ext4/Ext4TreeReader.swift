package import Trees

extension Ext4Volume: TreeSource {
    package func treeReader() throws(VolumeError) -> any TreeReader { Ext4TreeReader(self) }
}

/// A pass over all of an ext4 file system: each folder and each inode is read once, in the order of names.
final class Ext4TreeReader: TreeReader {
    private let volume: Ext4Volume
    private var levels: [Level] = []
    private var isStarted = false
    /// Folders entered so far; a second way into one would be a cycle.
    private var folders: Set<UInt32> = []

    /// No path of Linux leads deeper: it has 4096 bytes at most (PATH_MAX).
    private static let depthLimit = 2048

    private struct Level {
        let folder: VolumePath
        /// In reverse order: the last one is next.
        var entries: [(name: String, inode: UInt32)]
    }

    init(_ volume: Ext4Volume) { self.volume = volume }

    func next() throws(VolumeError) -> TreeEntry? {
        guard isStarted else {
            isStarted = true
            return try enter(Ext2Handle.root, at: .root)
        }
        while let level = levels.last {
            guard let entry = level.entries.last else {
                levels.removeLast()
                continue
            }
            levels[levels.count - 1].entries.removeLast()
            guard let path = level.folder.appending(entry.name) else {
                throw .corrupt("\(level.folder): an entry called \(entry.name)")
            }
            return try enter(entry.inode, at: path)
        }
        return nil
    }

    private func enter(_ number: UInt32, at path: VolumePath) throws(VolumeError) -> TreeEntry {
        try volume.withHandle { (handle) throws(VolumeError) in
            let inode = try handle.inode(number, at: path)
            guard let kind = inode.kind else { throw .corrupt("\(path): an inode without a type") }
            let content: TreeEntry.Content
            switch kind {
            case .file: content = .file(Ext4FileContent(volume, inode, path: path))
            case .symlink: content = .symlink(try handle.linkText(of: inode, at: path))
            case .directory:
                guard folders.insert(number).inserted else { throw .corrupt("\(path): a folder with two names") }
                guard levels.count < Self.depthLimit else {
                    throw .unsupported(
                        feature: "folders more than \(Self.depthLimit) deep", remedy: "use an image without them")
                }
                levels.append(Level(folder: path, entries: try Self.children(of: inode, at: path, handle)))
                content = .directory
            case .characterDevice, .blockDevice, .fifo, .socket: content = .special(kind)
            }
            return TreeEntry(
                path: path, content: content, metadata: try handle.metadata(of: inode, at: path),
                nanoseconds: inode.nanoseconds(.modification),
                identity: inode.links > 1 && kind != .directory ? UInt64(number) : nil)
        }
    }

    private static func children(
        of folder: Inode, at path: VolumePath, _ handle: borrowing Ext2Handle
    ) throws(VolumeError) -> [(name: String, inode: UInt32)] {
        var found: [(name: String, inode: UInt32)] = []
        try handle.scan(folder, at: path) { (_, _, block) throws(VolumeError) in
            for entry in block.entries where !entry.isSelfOrParent {
                found.append((try Ext4Volume.text(ofName: entry.name, in: path), entry.inode))
            }
            return true
        }
        found.sort { $1.name.utf8.lexicographicallyPrecedes($0.name.utf8) }
        for (later, earlier) in zip(found, found.dropFirst()) where FileName(later.name) == FileName(earlier.name) {
            throw .corrupt("\(path): two entries called \(later.name)")
        }
        return found
    }
}

/// A file of an ext4 volume; its block map is decoded when its bytes are first asked for.
final class Ext4FileContent: FileContent {
    private let volume: Ext4Volume
    private let inode: Inode
    private let path: VolumePath
    private var written: [InodeBlockMap.Run]?

    init(_ volume: Ext4Volume, _ inode: Inode, path: VolumePath) {
        self.volume = volume
        self.inode = inode
        self.path = path
    }

    var byteCount: Int64 { Int64(clamping: inode.size) }

    func nextData(from offset: Int64) throws(VolumeError) -> Range<Int64>? {
        let size = Int64(volume.superblock.blockSize)
        let start = max(0, offset)
        let runs = try runs()
        let next = Self.first(in: runs, endingAfter: UInt64(start / size))
        guard start < byteCount, next < runs.count else { return nil }
        let first = max(start, Int64(clamping: runs[next].logical) * size)
        let end = min(byteCount, Int64(clamping: runs[next].end) * size)
        return first < end ? first..<end : nil
    }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError) {
        let count = buffer.byteCount
        guard offset >= 0, Int64(count) <= byteCount, offset <= byteCount - Int64(count) else {
            throw .device("\(path): \(count) bytes at \(offset) of \(byteCount)")
        }
        let runs = try runs()
        try buffer.withUnsafeMutableBytes { (bytes) throws(VolumeError) in
            try volume.withHandle { (handle) throws(VolumeError) in
                try handle.read(
                    runs[Self.first(in: runs, endingAfter: UInt64(offset / Int64(volume.superblock.blockSize)))...],
                    into: bytes, at: offset, of: path)
            }
        }
    }

    private func runs() throws(VolumeError) -> [InodeBlockMap.Run] {
        if let written { return written }
        let all = try volume.withHandle { (handle) throws(VolumeError) in
            try handle.map(of: inode, at: path).runs.filter(\.isWritten)
        }
        written = all
        return all
    }

    /// The place of the first run that reaches beyond a block.
    private static func first(in runs: [InodeBlockMap.Run], endingAfter block: UInt64) -> Int {
        var (low, high) = (0, runs.count)
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].end > block { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
