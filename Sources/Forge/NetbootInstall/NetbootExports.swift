import Plans
import Trees

/// Where a controller keeps the trees of its nodes, and how it exports them.
///
/// 8086's images list all 252 nodes (`/etc/exports`, one line each); other images may have lines of their own, which
/// stay.
enum NetbootExports {
    static let file: VolumePath = "/etc/exports"

    static let folder: VolumePath = "/var/lib/clusterctrl/nfs"

    /// `/var/lib/clusterctrl/nfs/pN`.
    static func folder(of slot: Slot) -> VolumePath { folder.appending(slot.name) ?? folder }

    /// The line for a node, nil for a controller.
    private static func line(for slot: Slot) -> String? {
        guard case .node(let number) = slot else { return nil }
        return "\(folder(of: slot)) 172.19.180.\(number)(rw,sync,no_subtree_check,no_root_squash)"
    }

    /// The file with exactly one line for each slot's folder, and for the shared root if there is one: a present one is replaced in its place when it differs, all
    /// others stay as they are, byte for byte.
    static func bytes(_ old: [UInt8], with slots: [Slot], isShared: Bool = false) -> [UInt8] {
        var lines = old.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        if lines.last == [] { lines.removeLast() }
        for wanted in slots.compactMap(line) + (isShared ? [SharedLayout.exportLine] : []) {
            let path = Array(wanted.utf8.prefix { $0 != 0x20 })
            let places = lines.indices.filter { place in
                lines[place].split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).first.map(Array.init) == path
            }
            guard let first = places.first else {
                lines.append(Array(wanted.utf8))
                continue
            }
            lines[first] = Array(wanted.utf8)
            for place in places.dropFirst().reversed() { lines.remove(at: place) }
        }
        return Array(lines.map { $0 + [0x0A] }.joined())
    }

    /// Writes the file where it differs; a new one is root's, 0644.
    static func ensure(
        for slots: [Slot], isShared: Bool, on volume: any Volume, modified: Int64
    ) throws(VolumeError) {
        let old = try volume.node(at: file)
        var bytes: [UInt8] = []
        if let old {
            guard case .file(let found) = old.content else {
                throw .notStorable(file, what: "lines, for it is no file")
            }
            bytes = found
        }
        let wanted = self.bytes(bytes, with: slots, isShared: isShared)
        guard wanted != bytes else { return }
        var node = Node(content: .file(wanted), metadata: old?.metadata ?? .init(mode: 0o644))
        node.metadata.modified = modified
        try volume.put(node, at: file)
    }

    /// Makes the folder and those above it, all root's, 0755; what is there stays.
    static func makeFolder(_ folder: VolumePath, on volume: any Volume, modified: Int64) throws(VolumeError) {
        for path in folder.ancestors + [folder] where try volume.status(at: path) == nil {
            try volume.put(Node(content: .directory, metadata: .init(mode: 0o755, modified: modified)), at: path)
        }
    }
}
