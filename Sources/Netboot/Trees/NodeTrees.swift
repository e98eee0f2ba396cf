package import Plans
package import Trees

/// The trees of several nodes in one, as `p1`, `p2` and so on: what a controller has below /var/lib/clusterctrl/nfs.
package final class NodeTrees: TreeSource {
    private let nodes: [(folder: VolumePath, edits: TreeEdits)]
    private let base: any TreeSource
    /// When the folder that holds them was modified, in seconds since 1970-01-01 UTC.
    private let modified: Int64

    package init(_ nodes: [(slot: Slot, edits: TreeEdits)], of base: any TreeSource, modified: Int64) {
        self.nodes = nodes.compactMap { node in
            VolumePath.root.appending(node.slot.name).map { ($0, node.edits) }
        }.sorted { $0.folder < $1.folder }
        self.base = base
        self.modified = modified
    }

    package func treeReader() -> any TreeReader { Reader(self) }

    private final class Reader: TreeReader {
        private let trees: NodeTrees
        private var isStarted = false
        private var current: (any TreeReader)?
        /// The index of the node that is read; those before it are done.
        private var index = 0

        init(_ trees: NodeTrees) { self.trees = trees }

        func next() throws(VolumeError) -> TreeEntry? {
            guard isStarted else {
                isStarted = true
                return TreeEntry(
                    path: .root, content: .directory, metadata: .init(mode: 0o755, modified: trees.modified))
            }
            while index < trees.nodes.count {
                let node = trees.nodes[index]
                if current == nil { current = EditedTreeReader(try trees.base.treeReader(), edits: node.edits) }
                if var entry = try current?.next() {
                    entry.path = entry.path.below(node.folder)
                    // No file of one node is a name of another node's. A base counts its files with less than 40 bits.
                    entry.identity = entry.identity.map { $0 | UInt64(index + 1) << 40 }
                    return entry
                }
                current = nil
                index += 1
            }
            return nil
        }
    }
}
