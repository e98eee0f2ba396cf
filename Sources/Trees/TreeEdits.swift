/// Nodes that replace or join those of a tree, and paths where nothing shall be, in the order of paths.
package struct TreeEdits: Sendable {
    /// Nil where nothing shall be.
    package private(set) var nodes: [VolumePath: FileNode?]

    package init(_ nodes: [VolumePath: FileNode?] = [:]) { self.nodes = nodes }

    package subscript(path: VolumePath) -> FileNode?? {
        get { nodes[path] }
        set { nodes[path] = newValue }
    }

    /// The same edits of a tree that holds this one at `folder`.
    package func below(_ folder: VolumePath) -> TreeEdits {
        TreeEdits(Dictionary(uniqueKeysWithValues: nodes.map { ($0.key.below(folder), $0.value) }))
    }

    package func merging(_ other: TreeEdits) -> TreeEdits { TreeEdits(nodes.merging(other.nodes) { $1 }) }

    package var isEmpty: Bool { nodes.isEmpty }

    /// A pass over the edits beside one over the tree.
    package func cursor() -> Cursor { Cursor(self) }

    /// Applies the edits to a tree's entries as they come.
    package struct Cursor {
        private let edits: TreeEdits
        /// In reverse order: the last one is next.
        private var paths: [VolumePath]

        fileprivate init(_ edits: TreeEdits) {
            self.edits = edits
            paths = edits.nodes.keys.sorted(by: >)
        }

        /// What comes in the place of `entry`: new entries that sort before it, or stand in its place, and whether it
        /// stays itself behind them. With nil: what is left behind the tree's last entry.
        ///
        /// An entry that is edited is a file of its own, without the identity that it had.
        package mutating func step(to entry: TreeEntry?) -> (edited: [TreeEntry], isKept: Bool) {
            var edited: [TreeEntry] = []
            var isKept = entry != nil
            while let path = paths.last, entry.map({ path <= $0.path }) ?? true {
                paths.removeLast()
                if path == entry?.path { isKept = false }
                if case .some(.some(let node)) = edits.nodes[path] { edited.append(TreeEntry(path: path, node)) }
            }
            return (edited, isKept)
        }
    }
}
