import Images
package import Inspect
package import Plans
package import Reports
package import Trees

/// One slot's way from a base to the edits that make its netboot tree.
package struct TreeEditor {
    let base: NetbootBase
    let slot: Slot
    let settings: Settings
    /// Seconds since 1970-01-01 UTC for changed files; nil for the time the base was last written.
    let epoch: Int64?
    /// What the base lacks, already made.
    let supplement: [(target: Target, node: FileNode)]
    /// What the tree may be made with although it keeps a setting from working.
    let allowed: Set<FindingID>

    package init(
        base: NetbootBase, slot: Slot, settings: Settings, epoch: Int64?,
        supplement: [(target: Target, node: FileNode)],
        allowed: Set<FindingID> = []
    ) {
        self.allowed = allowed
        self.base = base
        self.slot = slot
        self.settings = settings
        self.epoch = epoch
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
        let rest = try decide(on: layers).changes
        guard rest.isEmpty else {
            let paths = rest.map(\.edit.target.description).joined(separator: ", ")
            throw ForgeError(
                .bug, "slot \(slot.name): could not settle the tree: \(paths) would change again",
                hint: "this is a bug in piforge; please report it with the profile and the name of the base")
        }
        plan.warnings += try ImageEditor.warnings(
            of: EffectJudge.Subject(boot: layers.boot, root: layers.root), slot: slot, settings: settings,
            at: plan.modified, allowing: allowed)
        return Outcome(plan: plan, changes: changes, edits: layers.edits)
    }

    private func decide(on layers: NetbootBase.Layers) throws(ForgeError) -> (plan: EditPlan, changes: [Change]) {
        try ImageEditor.decide(
            slot: slot, settings: settings, boot: layers.boot, root: layers.root, diskID: nil,
            modified: epoch ?? base.lastWritten, medium: .netboot)
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
            let old: FileNode?
            do throws(VolumeError) {
                old = try (target.partition == .boot ? layers.boot : layers.root).node(at: target.path)
            } catch {
                throw ForgeError(error, on: target.partition)
            }
            let edit = Edit(target, .put(node), reason: "a node needs it to find its root")
            if old != node { changes.append(Change(edit: edit, old: old, wanted: node)) }
        }
        return changes
    }
}
