/// Two trees as one, the second laid over a folder of the first as a mount does it: what lies below that folder is
/// hidden, the folder itself stays the first tree's where it has one.
package final class TreeUnion: TreeSource {
    private let lower: any TreeSource
    private let upper: any TreeSource
    private let mount: VolumePath

    package init(_ lower: any TreeSource, mounting upper: any TreeSource, at mount: VolumePath) {
        self.lower = lower
        self.upper = upper
        self.mount = mount
    }

    package func treeReader() throws(VolumeError) -> any TreeReader {
        try Reader(lower: lower.treeReader(), upper: upper.treeReader(), mount: mount)
    }

    private final class Reader: TreeReader {
        private let lower: any TreeReader
        private let upper: any TreeReader
        private let mount: VolumePath
        /// The lower tree's next entry, already taken from it.
        private var pending: TreeEntry?
        private var isMounted = false
        private var hasUpper = true

        init(lower: any TreeReader, upper: any TreeReader, mount: VolumePath) throws(VolumeError) {
            self.lower = lower
            self.upper = upper
            self.mount = mount
            pending = try lower.next()
        }

        func next() throws(VolumeError) -> TreeEntry? {
            if !isMounted {
                if let entry = pending, entry.path <= mount {
                    if entry.path == mount { isMounted = try mountUpper(over: entry) }
                    pending = try lower.next()
                    return entry
                }
                throw .notFound(mount)
            }
            if hasUpper {
                if var entry = try upper.next() {
                    entry.path = entry.path.below(mount)
                    // Identities count within one tree only, and the lower one is where hard links are.
                    entry.identity = nil
                    return entry
                }
                hasUpper = false
            }
            while let entry = pending {
                pending = try lower.next()
                if !entry.path.isBelow(mount) { return entry }
            }
            return nil
        }

        /// Takes the upper tree's root, in whose place the lower one's folder stands.
        private func mountUpper(over entry: TreeEntry) throws(VolumeError) -> Bool {
            guard entry.kind == .directory else { throw .notADirectory(mount) }
            _ = try upper.next()
            return true
        }
    }
}

extension VolumePath {
    /// The same path seen from the root of a tree that holds this one at `folder`.
    package func below(_ folder: VolumePath) -> VolumePath {
        components.reduce(folder) { $0.appending($1) ?? $0 }
    }
}
