package import Blocks
import Inspect
package import Plans
package import Reports

/// One slot's way from the base to changes, and from changes to an overlay that holds them.
package struct ImageEditor {
    let base: any BlockReader
    var request: SlotRequest
    let label: CardLabelSource

    package init(base: any BlockReader, _ request: SlotRequest, label: CardLabelSource) {
        self.base = base
        self.request = request
        self.label = label
    }

    /// What an image lacks to be what the settings ask for.
    package struct Decision {
        package var plan: EditPlan
        package var changes: [Change]
    }

    /// Reads the image and decides; nothing is changed.
    package func decide(on image: SystemImage) throws(ForgeError) -> Decision {
        let (plan, changes) = try request.decide(
            boot: image.boot, root: image.root, diskID: UInt32(image.partitions.diskIdentifier, radix: 16),
            modified: image.lastWritten, medium: .card, isFinished: label.base == nil,
            label: { (plan) throws(ForgeError) in
                try label.edit(for: request.slot, epoch: plan.modified, on: image.boot)
            })
        return Decision(plan: plan, changes: changes)
    }

    /// Decides, makes the changes in a new overlay, and proves by reading it anew that nothing is left to change and that
    /// the settings will have an effect; what merely looks wrong is added to the plan's warnings.
    package func edit() throws(ForgeError) -> (overlay: Overlay, decision: Decision) {
        let overlay = Overlay(over: base)
        var decision = try edit(SystemImage(overlay, now: request.epoch))
        let image = try SystemImage(overlay, now: request.epoch)
        try checkSettled(image)
        decision.plan.warnings = try warnings(of: image, madeBy: decision.plan)
        return (overlay, decision)
    }

    private func warnings(of image: SystemImage, madeBy plan: EditPlan) throws(ForgeError) -> [String] {
        let subject = EffectJudge.Subject(
            boot: image.boot, root: image.root, table: image.partitions, bootPartition: image.system.boot,
            rootPartition: image.system.root, rootNames: image.rootNames, freeByteCount: image.freeByteCount)
        return try request.warnings(of: subject, madeBy: plan, at: plan.modified)
    }

    /// The same in a file of its own, by the kernel's drivers; what they have made is judged by ours. Then, while the
    /// image is still mounted, `run` is called.
    package func edit(
        _ copy: WorkingCopy, run: (SystemImage, Decision) throws(ForgeError) -> Void
    ) throws(ForgeError) -> Decision {
        let decision = try edit(SystemImage(mounting: copy), run: run)
        // The kernel has dated the file system by its own clock.
        var judge = self
        judge.request.epoch = decision.plan.modified
        let image = try SystemImage(in: copy, now: judge.request.epoch)
        try judge.checkSettled(image)
        // Programs of the profile may have undone what its settings did.
        _ = try warnings(of: image, madeBy: decision.plan)
        return decision
    }

    private func edit(
        _ image: SystemImage, run: (SystemImage, Decision) throws(ForgeError) -> Void = { (_, _) in }
    ) throws(ForgeError) -> Decision {
        let decision = try decide(on: image)
        for change in decision.changes {
            try Interruption.check()
            try wrapping(image.apply(change), as: { (error: ForgeError) in error.about(slot: request.slot) })
        }
        try run(image, decision)
        try image.close()
        return decision
    }

    private func checkSettled(_ image: SystemImage) throws(ForgeError) {
        try request.checkSettled(decide(on: image).changes, "image")
    }
}
