/// A pass over a whole tree, in the order of paths: the root first, each folder before what is in it.
///
/// The order is `VolumePath`'s, so names sort by their bytes inside a folder, as in `tar --sort=name`.
package protocol TreeReader: AnyObject {
    /// The next entry; nil after the last one.
    func next() throws(VolumeError) -> TreeEntry?
}

/// What can give its whole tree; the tree must not be changed during a pass.
package protocol TreeSource: AnyObject {
    /// A new pass, which begins at the root.
    func treeReader() throws(VolumeError) -> any TreeReader
}

/// A pass over any volume by its own verbs: one lookup an entry, so for volumes where that is cheap.
package final class VolumeTreeReader: TreeReader {
    private let volume: any ReadableVolume
    private let content: ((VolumePath) throws(VolumeError) -> any FileContent)?
    private var levels: [Level] = []
    private var isStarted = false

    private struct Level {
        let folder: VolumePath
        /// In reverse order: the last one is next.
        var names: [String]
    }

    /// `content` gives a file's bytes; without it they are read as a whole when the entry is.
    package init(_ volume: any ReadableVolume, content: ((VolumePath) throws(VolumeError) -> any FileContent)? = nil) {
        self.volume = volume
        self.content = content
    }

    package func next() throws(VolumeError) -> TreeEntry? {
        guard isStarted else {
            isStarted = true
            return try enter(.root)
        }
        while let level = levels.last {
            guard let name = level.names.last else {
                levels.removeLast()
                continue
            }
            levels[levels.count - 1].names.removeLast()
            guard let path = level.folder.appending(name) else {
                throw .invalidName(name, reason: "\(level.folder) holds it")
            }
            return try enter(path)
        }
        return nil
    }

    private func enter(_ path: VolumePath) throws(VolumeError) -> TreeEntry {
        guard let status = try volume.status(at: path) else { throw .notFound(path) }
        let body: TreeEntry.Content
        switch status.kind {
        case .file: body = .file(try bytes(of: path))
        case .directory:
            body = .directory
            levels.append(Level(folder: path, names: try volume.entries(in: path).reversed()))
        case .symlink:
            guard case .symlink(let text)? = try volume.node(at: path)?.content else { throw .notFound(path) }
            body = .symlink(text)
        case .characterDevice, .blockDevice, .fifo, .socket: body = .special(status.kind)
        }
        return TreeEntry(path: path, content: body, metadata: status.metadata)
    }
}

extension VolumeTreeReader {
    private func bytes(of path: VolumePath) throws(VolumeError) -> any FileContent {
        if let content { return try content(path) }
        guard case .file(let bytes)? = try volume.node(at: path)?.content else { throw .notFound(path) }
        return BytesContent(bytes)
    }
}

extension MemoryVolume: TreeSource {
    package func treeReader() -> any TreeReader { VolumeTreeReader(self) }
}
