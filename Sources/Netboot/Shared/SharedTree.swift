package import Trees

/// The tree of a `SharedLayout`: one pass gives the nodes' parts and the shared root, in the order of paths.
package final class SharedTree: TreeSource {
    private let layout: SharedLayout
    private let root: any TreeSource
    private let boot: any TreeSource
    private let bootFolder: VolumePath
    private let ownEntries: [[TreeEntry]]
    /// When folders that are in no tree were modified, in seconds since 1970-01-01 UTC.
    private let modified: Int64
    private let otherFolders: [String]

    /// - Parameters:
    ///   - root: The base's root; what it has below `bootFolder` is left out.
    ///   - boot: The base's boot files.
    ///   - otherFolders: Names of empty folders beside the nodes' parts; a node's own is left out.
    ///   - status: What lies at a path of `root`.
    package init(
        _ layout: SharedLayout, root: any TreeSource, boot: any TreeSource, bootFolder: VolumePath, modified: Int64,
        otherFolders: [String] = [], status: (VolumePath) throws(VolumeError) -> FileStatus?
    ) throws(VolumeError) {
        self.layout = layout
        self.root = root
        self.boot = boot
        self.bootFolder = bootFolder
        self.modified = modified
        self.otherFolders = otherFolders
        var ownEntries: [[TreeEntry]] = []
        for node in layout.own {
            ownEntries.append(try Self.entries(of: node.edits, over: layout.shared, modified, status))
        }
        self.ownEntries = ownEntries
    }

    /// A node's own files, with the folders above them as they are in the root: an overlay shows the uppermost
    /// layer's owner and permissions.
    private static func entries(
        of edits: TreeEdits, over shared: TreeEdits, _ modified: Int64,
        _ status: (VolumePath) throws(VolumeError) -> FileStatus?
    ) throws(VolumeError) -> [TreeEntry] {
        var entries: [VolumePath: TreeEntry] = [:]
        for (path, node) in edits.nodes {
            if let node {
                entries[path] = TreeEntry(path: path, node)
            } else {
                var isBelow = try status(path) != nil
                if let common = shared[path] { isBelow = common != nil }
                if !isBelow { continue }
                entries[path] = whiteout(path, modified)
            }
            for folder in path.ancestors where entries[folder] == nil && edits[folder] == nil {
                var metadata = FileNode.Metadata(mode: 0o755, modified: modified)
                if case .some(.some(let node)) = shared[folder] {
                    metadata = node.metadata
                } else if let found = try status(folder) {
                    metadata = found.metadata
                }
                entries[folder] = TreeEntry(path: folder, content: .directory, metadata: metadata)
            }
        }
        return entries.sorted { $0.key < $1.key }.map(\.value)
    }

    /// What hides something of the layer below (Linux, Documentation/filesystems/overlayfs.rst).
    private static func whiteout(_ path: VolumePath, _ modified: Int64) -> TreeEntry {
        TreeEntry(
            path: path, content: .special(.characterDevice),
            metadata: .init(mode: 0, modified: modified, device: .init(major: 0, minor: 0)))
    }

    package func treeReader() throws(VolumeError) -> any TreeReader {
        // Names in the order of their bytes: p1, p10, p2, shared.
        var parts: [Part] = [.entries([folder(.root)])]
        let nodes = Dictionary(uniqueKeysWithValues: layout.boot.indices.map { (layout.boot[$0].slot.name, $0) })
        let names = Set(nodes.keys).union(otherFolders).union([layout.root.name])
        for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let top = VolumePath.root.appending(name), let files = top.appending("files") else { continue }
            guard let index = nodes[name] else {
                parts.append(name == layout.root.name ? .root : .entries([folder(top)]))
                continue
            }
            let outside = (bootFolder.ancestors).map { folder($0.below(top)) }
            parts.append(.entries([folder(top)] + outside))
            parts.append(.boot(layout.boot[index].edits, at: bootFolder.below(top)))
            parts.append(.entries([folder(files)] + ownEntries[index].map { $0.moved(below: files) }))
        }
        return Reader(self, parts)
    }

    private func folder(_ path: VolumePath) -> TreeEntry {
        TreeEntry(path: path, content: .directory, metadata: .init(mode: 0o755, modified: modified))
    }

    private enum Part {
        case entries([TreeEntry])
        case boot(TreeEdits, at: VolumePath)
        case root
    }

    private final class Reader: TreeReader {
        private let tree: SharedTree
        /// In reverse order: the last one is next.
        private var parts: [Part]
        private var current: (reader: any TreeReader, location: VolumePath, isBoot: Bool)?
        /// In reverse order: the last one is next.
        private var pending: [TreeEntry] = []
        /// What makes boot files of several nodes one file; above all that the root's file system can have.
        private var bootIdentities: [VolumePath: UInt64] = [:]

        init(_ tree: SharedTree, _ parts: [Part]) {
            self.tree = tree
            self.parts = parts.reversed()
        }

        func next() throws(VolumeError) -> TreeEntry? {
            while true {
                if let entry = pending.popLast() { return entry }
                if let current {
                    if let entry = try current.reader.next() {
                        if let moved = moved(entry, to: current.location, isBoot: current.isBoot) { return moved }
                        continue
                    }
                    self.current = nil
                }
                guard let part = parts.popLast() else { return nil }
                switch part {
                case .entries(let entries): pending = entries.reversed()
                case .boot(let edits, let location):
                    current = (EditedTreeReader(try tree.boot.treeReader(), edits: edits), location, true)
                case .root:
                    let reader = EditedTreeReader(try tree.root.treeReader(), edits: tree.layout.shared)
                    current = (reader, VolumePath.root.appending(tree.layout.root.name) ?? .root, false)
                }
            }
        }

        private func moved(_ entry: TreeEntry, to location: VolumePath, isBoot: Bool) -> TreeEntry? {
            var result = entry.moved(below: location)
            if isBoot {
                result.identity = nil
                if entry.kind == .file, tree.layout.isSharedBootFile(entry.path) {
                    let identity = bootIdentities[entry.path] ?? UInt64.max - UInt64(bootIdentities.count)
                    bootIdentities[entry.path] = identity
                    result.identity = identity
                }
            } else if entry.path.isBelow(tree.bootFolder) {
                return nil
            }
            return result
        }
    }
}

extension TreeEntry {
    fileprivate func moved(below folder: VolumePath) -> TreeEntry {
        var entry = self
        entry.path = path.below(folder)
        return entry
    }
}
