package import Images
import Inspect
package import Plans
package import Reports
package import Trees

/// One slot's way from a base to the edits that make its netboot tree.
package struct TreeEditor {
    let base: NetbootBase
    let request: SlotRequest
    /// What the base lacks, already made.
    let supplement: [(target: Target, node: FileNode)]

    package init(base: NetbootBase, _ request: SlotRequest, supplement: [(target: Target, node: FileNode)]) {
        self.base = base
        self.request = request
        self.supplement = supplement
    }

    package struct Outcome {
        package var plan: EditPlan
        package var changes: [Change]
        /// The edits of the whole tree.
        package var edits: TreeEdits
    }

    /// Decides and makes the changes in layers of memory, and proves by planning anew that nothing is left to change.
    package func edit() throws(ForgeError) -> Outcome {
        let layers = base.layers()
        var (plan, decided) = try decide(on: layers)
        var changes = try additions(to: layers, modified: plan.modified)
        changes += decided
        for change in changes {
            try Interruption.check()
            try Self.shielded(change).apply(boot: layers.boot, root: layers.root)
        }
        try request.checkSettled(decide(on: layers).changes, "tree")
        plan.warnings = try request.warnings(
            of: EffectJudge.Subject(boot: layers.boot, root: layers.root), madeBy: plan, at: plan.modified)
        return Outcome(plan: plan, changes: changes, edits: layers.edits)
    }

    private func decide(on layers: NetbootBase.Layers) throws(ForgeError) -> (plan: EditPlan, changes: [Change]) {
        try request.decide(
            boot: layers.boot, root: layers.root, diskID: nil, modified: base.lastWritten, medium: .netboot)
    }

    /// A secret among a tree's boot files is for root alone: here no FAT is mounted for root only.
    private static func shielded(_ change: Change) -> Change {
        guard change.edit.isSecret, change.edit.target.partition == .boot else { return change }
        var change = change
        change.wanted?.metadata.mode = 0o600
        return change
    }

    /// Files that the base lacks, as changes like those of the plan.
    private func additions(
        to layers: NetbootBase.Layers, modified: Int64
    ) throws(ForgeError) -> [Change] {
        var changes: [Change] = []
        for (target, node) in supplement {
            var node = node
            node.metadata.modified = modified
            let old = try wrapping(
                on: target.partition, (target.partition == .boot ? layers.boot : layers.root).node(at: target.path))
            let edit = Edit(target, .put(node), reason: "a node needs it to find its root")
            if old != node { changes.append(Change(edit: edit, old: old, wanted: node)) }
        }
        return changes
    }
}
