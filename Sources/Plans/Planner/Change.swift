import Reports
package import Trees

/// An edit with what is there and what shall be there.
package struct Change: Equatable, Sendable {
    package var edit: Edit
    package var old: FileNode?
    package var wanted: FileNode?

    package init(edit: Edit, old: FileNode?, wanted: FileNode?) {
        self.edit = edit
        self.old = old
        self.wanted = wanted
    }
}

extension EditPlan {
    /// The edits that are not satisfied yet, in the plan's order; empty when the image is as the plan wants it.
    package func changes(boot: any ReadableVolume, root: any ReadableVolume) throws(EditError) -> [Change] {
        var result: [Change] = []
        for edit in edits {
            let volume = edit.target.partition == .boot ? boot : root
            let old = try wrapping(as: { EditError.unreadable(edit.target, $0) }) { () throws(VolumeError) in
                if case .put(let node) = edit.action, case .stored(let file) = node.content {
                    return try Self.old(at: edit.target.path, of: volume, beside: file)
                }
                return try volume.node(at: edit.target.path)
            }
            let wanted = try edit.wanted(old, modified: modified)
            if wanted != old { result.append(Change(edit: edit, old: old, wanted: wanted)) }
        }
        return result
    }

    /// What lies where a large file is wanted; its bytes are compared, and not kept.
    private static func old(
        at path: VolumePath, of volume: any ReadableVolume, beside file: StoredFile
    ) throws(VolumeError) -> FileNode? {
        guard let status = try volume.status(at: path), status.kind == .file,
            status.byteCount >= StoredFile.leastByteCount
        else { return try volume.node(at: path) }
        guard status.byteCount == file.byteCount, let content = try volume.content(at: path), try file.holds(content)
        else {
            return FileNode(content: .stored(StoredFile(byteCount: status.byteCount)), metadata: status.metadata)
        }
        return FileNode(content: .stored(file), metadata: status.metadata)
    }
}
