/// A volume with edits in memory over another one, which is never changed.
///
/// The volume below may be one that folds case (`matchesAnyCase`): then an edit goes by the name that is stored.
package final class LayeredVolume: Volume {
    private let base: any ReadableVolume
    private let matchesAnyCase: Bool
    /// All that was put and removed.
    package private(set) var edits = TreeEdits()

    package init(over base: any ReadableVolume, matchesAnyCase: Bool = false) {
        self.base = base
        self.matchesAnyCase = matchesAnyCase
    }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        let path = try stored(path)
        let hides = try isHidden(path)
        guard let edit = edits[path] else { return hides ? nil : try base.status(at: path) }
        return edit.map(FileStatus.init)
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        let path = try stored(path)
        let hides = try isHidden(path)
        guard let edit = edits[path] else { return hides ? nil : try base.node(at: path) }
        return edit
    }

    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        let path = try stored(path)
        let hides = try isHidden(path)
        guard let edit = edits[path] else { return hides ? nil : try base.content(at: path) }
        return edit?.content.fileContent
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        let path = try stored(directory)
        guard let status = try status(at: path) else { throw .notFound(directory) }
        guard status.kind == .directory else { throw .notADirectory(directory) }
        var names: Set<FileName> = []
        if try !isHidden(path), try base.status(at: path)?.kind == .directory {
            names = Set(try base.entries(in: path).map(FileName.init))
        }
        for (other, node) in edits.nodes where !other.isRoot && other.parent == path {
            guard let name = other.name else { continue }
            if node == nil { names.remove(FileName(name)) } else { names.insert(FileName(name)) }
        }
        return names.sortedTexts()
    }

    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        let path = try stored(path)
        guard let parent = try status(at: path.parent) else { throw .notFound(path.parent) }
        guard path.isRoot || parent.kind == .directory else { throw .notADirectory(path.parent) }
        var node = node
        if let old = try status(at: path) {
            if old.kind == .directory, node.kind != .directory { throw .isADirectory(path) }
            if old.kind != .directory, node.kind == .directory { throw .notADirectory(path) }
            if old.kind == node.kind, node.metadata.device == nil { node.metadata.device = old.metadata.device }
        }
        edits[path] = .some(node)
    }

    package func remove(_ path: VolumePath) throws(VolumeError) {
        let path = try stored(path)
        guard let status = try status(at: path) else { throw .notFound(path) }
        if status.kind == .directory, try !entries(in: path).isEmpty { throw .directoryNotEmpty(path) }
        edits[path] = .some(nil)
    }

    /// The edits stay readable.
    package func close() throws(VolumeError) {}

    /// Whether something put above `path` keeps the base's from being seen; throws `notADirectory` when that is none.
    private func isHidden(_ path: VolumePath) throws(VolumeError) -> Bool {
        var isHidden = false
        for folder in path.ancestors {
            guard let edit = edits[folder] else { continue }
            guard let node = edit else { return true }
            guard node.kind == .directory else { throw .notADirectory(folder) }
            // A folder put over a folder keeps its entries; one put where something else was has none below.
            if !isHidden { isHidden = try base.status(at: folder)?.kind != .directory }
        }
        return isHidden
    }

    /// The path by the names that are stored, where those fold case.
    private func stored(_ path: VolumePath) throws(VolumeError) -> VolumePath {
        guard matchesAnyCase else { return path }
        var place = VolumePath.root
        for name in path.components {
            guard let literal = place.appending(name) else { throw .invalidName(name, reason: "in \(path)") }
            let isThere = edits[literal] != nil
            let folded = FileName(name.lowercased())
            let match = isThere ? nil : try storedNames(in: place).first { FileName($0.lowercased()) == folded }
            place = match.flatMap { place.appending($0) } ?? literal
        }
        return place
    }

    private func storedNames(in folder: VolumePath) throws(VolumeError) -> [String] {
        let own = edits.nodes.keys.filter { !$0.isRoot && $0.parent == folder }.compactMap(\.name)
        guard try base.status(at: folder)?.kind == .directory else { return own }
        return try own + base.entries(in: folder)
    }
}

extension LayeredVolume: TreeSource {
    /// Throws `unsupported` when the volume below cannot give its tree.
    package func treeReader() throws(VolumeError) -> any TreeReader {
        guard let source = base as? any TreeSource else {
            throw .unsupported(feature: "exporting this volume", remedy: "use an image or a tar archive")
        }
        return EditedTreeReader(try source.treeReader(), edits: edits)
    }
}

/// A pass over a tree with edits applied.
package final class EditedTreeReader: TreeReader {
    private let base: any TreeReader
    private var cursor: TreeEdits.Cursor
    /// In reverse order: the last one is next.
    private var pending: [TreeEntry] = []
    private var isAtEnd = false

    package init(_ base: any TreeReader, edits: TreeEdits) {
        self.base = base
        cursor = edits.cursor()
    }

    package func next() throws(VolumeError) -> TreeEntry? {
        while pending.isEmpty, !isAtEnd {
            let entry = try base.next()
            isAtEnd = entry == nil
            let (edited, isKept) = cursor.step(to: entry)
            pending = edited
            if isKept, let entry { pending.append(entry) }
            pending.reverse()
        }
        return pending.popLast()
    }
}

extension FileStatus {
    /// What is known of a node that is in memory.
    package init(_ node: FileNode) {
        let byteCount: Int64 =
            switch node.content {
            case .file(let bytes): Int64(bytes.count)
            case .stored(let file): file.byteCount
            case .symlink(let text): Int64(text.utf8.count)
            case .directory, .special: 0
            }
        self.init(kind: node.kind, byteCount: byteCount, metadata: node.metadata)
    }
}
