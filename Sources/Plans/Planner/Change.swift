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
    package func changes(boot: any Volume, root: any Volume) throws(EditError) -> [Change] {
        var result: [Change] = []
        for edit in edits {
            let old: FileNode?
            do throws(VolumeError) {
                old = try (edit.target.partition == .boot ? boot : root).node(at: edit.target.path)
            } catch {
                throw .unreadable(edit.target, error)
            }
            let wanted = try edit.wanted(old, modified: modified)
            if wanted != old { result.append(Change(edit: edit, old: old, wanted: wanted)) }
        }
        return result
    }
}
