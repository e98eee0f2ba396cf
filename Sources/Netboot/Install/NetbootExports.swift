package import Plans
import Reports
package import Trees

/// How a controller exports the trees of its nodes.
///
/// 8086's images list all 252 nodes (`/etc/exports`, one line each); other images may have lines of their own, which
/// stay.
package enum NetbootExports {
    package static let file: VolumePath = "/etc/exports"

    /// The line for a node, nil for a controller.
    private static func line(for slot: Slot) -> String? {
        guard case .node(let number) = slot else { return nil }
        return
            "\(NodeTreeFolder.of(slot)) \(ClusterNetwork.boot.address(of: number))(rw,sync,no_subtree_check,no_root_squash)"
    }

    /// The file with exactly one line for each slot's folder and each shared root: a present one is replaced in its
    /// place when it differs, all others stay as they are, byte for byte, except for those of roots that are `gone`.
    package static func bytes(
        _ old: [UInt8], with slots: [Slot], sharing roots: [SharedRoot] = [], without gone: [SharedRoot] = []
    ) -> [UInt8] {
        var lines = old.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        if lines.last == [] { lines.removeLast() }
        let gonePaths = gone.map { Array($0.path.utf8) }
        lines.removeAll { gonePaths.contains(path(in: $0)) }
        for wanted in slots.compactMap(line) + roots.map(\.exportLine) {
            let path = path(in: Array(wanted.utf8))
            let lineIndexs = lines.indices.filter { self.path(in: lines[$0]) == path }
            guard let first = lineIndexs.first else {
                lines.append(Array(wanted.utf8))
                continue
            }
            lines[first] = Array(wanted.utf8)
            for lineIndex in lineIndexs.dropFirst().reversed() { lines.remove(at: lineIndex) }
        }
        return Array(lines.map { $0 + [0x0A] }.joined())
    }

    /// The shared roots that a file has lines for.
    package static func roots(in bytes: [UInt8]) -> [SharedRoot] {
        bytes.split(separator: 0x0A).compactMap { line in
            let path = String(decoding: path(in: Array(line)), as: UTF8.self)
            let root = SharedRoot(name: path.fileName)
            return root?.path == path ? root : nil
        }
    }

    /// The first word of a line.
    private static func path(in line: [UInt8]) -> [UInt8] {
        line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).first.map(Array.init) ?? []
    }

    /// Writes the file where it differs; a new one is root's, 0644.
    package static func ensure(
        for slots: [Slot], sharing roots: [SharedRoot], on volume: any Volume, modified: Int64
    ) throws(VolumeError) {
        let old = try volume.node(at: file)
        var bytes: [UInt8] = []
        if let old {
            guard case .file(let found) = old.content else {
                throw .notStorable(file, what: "lines, for it is no file")
            }
            bytes = found
        }
        let wanted = self.bytes(bytes, with: slots, sharing: roots)
        guard wanted != bytes else { return }
        var node = FileNode(content: .file(wanted), metadata: old?.metadata ?? .init(mode: 0o644))
        node.metadata.modified = modified
        try volume.put(node, at: file)
    }

    /// Makes the folder and those above it, all root's, 0755; what is there stays.
    package static func makeFolder(_ folder: VolumePath, on volume: any Volume, modified: Int64) throws(VolumeError) {
        for path in folder.ancestors + [folder] where try volume.status(at: path) == nil {
            try volume.put(FileNode(content: .directory, metadata: .init(mode: 0o755, modified: modified)), at: path)
        }
    }
}
