/// A volume in a dictionary: for the planner's tests, and the reference for what every volume must do.
package final class MemoryVolume: Volume {
    private var nodes: [VolumePath: FileNode]

    package init(_ nodes: [VolumePath: FileNode] = [:]) {
        self.nodes = nodes
        self.nodes[.root] = nodes[.root] ?? FileNode(content: .directory, metadata: .init(mode: 0o755))
    }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        try node(at: path).map(FileStatus.init)
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        try checkAncestors(of: path)
        return nodes[path]
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        guard let node = try node(at: directory) else { throw .notFound(directory) }
        guard node.kind == .directory else { throw .notADirectory(directory) }
        return nodes.keys.filter { !$0.isRoot && $0.parent == directory }.sorted().compactMap(\.name)
    }

    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        try checkAncestors(of: path)
        guard nodes[path.parent] != nil else { throw .notFound(path.parent) }
        if let old = nodes[path] {
            if old.kind == .directory, node.kind != .directory { throw .isADirectory(path) }
            if old.kind != .directory, node.kind == .directory { throw .notADirectory(path) }
        }
        nodes[path] = node
    }

    package func remove(_ path: VolumePath) throws(VolumeError) {
        guard let node = try node(at: path) else { throw .notFound(path) }
        if node.kind == .directory, try !entries(in: path).isEmpty { throw .directoryNotEmpty(path) }
        nodes[path] = nil
    }

    package func close() throws(VolumeError) {}

    private func checkAncestors(of path: VolumePath) throws(VolumeError) {
        for folder in path.ancestors {
            guard let node = nodes[folder] else { return }
            guard node.kind == .directory else { throw .notADirectory(folder) }
        }
    }
}
