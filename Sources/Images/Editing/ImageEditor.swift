package import Blocks
package import Inspect
package import Plans
package import Reports
package import Trees

/// One slot's way from the base to changes, and from changes to an overlay that holds them.
package struct ImageEditor {
    let base: any BlockReader
    let slot: Slot
    let settings: Settings
    /// Seconds since 1970-01-01 UTC for changed files; nil for the time the base was last written.
    var epoch: Int64?
    let label: CardLabelSource
    /// What the image may be made with although it keeps a setting from working.
    let allowed: Set<FindingID>

    package init(
        base: any BlockReader, slot: Slot, settings: Settings, epoch: Int64? = nil, label: CardLabelSource,
        allowed: Set<FindingID> = []
    ) {
        self.allowed = allowed
        self.base = base
        self.slot = slot
        self.settings = settings
        self.epoch = epoch
        self.label = label
    }

    /// What an image lacks to be what the settings ask for.
    package struct Decision {
        package var plan: EditPlan
        package var changes: [Change]
    }

    /// Reads the image and decides; nothing is changed.
    package func decide(on image: SystemImage) throws(ForgeError) -> Decision {
        let (plan, changes) = try Self.decide(
            slot: slot, settings: settings, boot: image.boot, root: image.root,
            diskID: UInt32(image.partitions.diskIdentifier, radix: 16), modified: epoch ?? image.lastWritten,
            medium: .card, isFinished: label.base == nil,
            label: { (plan) throws(ForgeError) in
                try label.edit(for: slot, epoch: plan.modified, on: image.boot)
            })
        return Decision(plan: plan, changes: changes)
    }

    /// The same for any two volumes with a system on them; `label` gives one more edit, which depends on the plan.
    package static func decide(
        slot: Slot, settings: Settings, boot: any Volume, root: any Volume, diskID: UInt32?, modified: Int64,
        medium: Planner.Medium, isFinished: Bool = false,
        label: (EditPlan) throws(ForgeError) -> Edit? = { _ in nil }
    ) throws(ForgeError) -> (plan: EditPlan, changes: [Change]) {
        var plan: EditPlan
        do throws(PlanError) {
            let facts = try ImageFacts.read(boot: boot, root: root, for: settings, diskID: diskID)
            plan = try Planner.plan(
                slot: slot, settings: settings, facts: facts, modified: modified, medium: medium,
                isFinished: isFinished)
        } catch {
            throw ForgeError(error).about(slot: slot)
        }
        if let edit = try label(plan) {
            do throws(PlanError) { try plan.add(edit) } catch { throw ForgeError(error).about(slot: slot) }
        }
        do throws(EditError) {
            return (plan, try plan.changes(boot: boot, root: root))
        } catch {
            throw ForgeError(.edit(error)).about(slot: slot)
        }
    }

    /// Decides, makes the changes in a new overlay, and proves by reading it anew that nothing is left to change and that
    /// the settings will have an effect; what merely looks wrong is added to the plan's warnings.
    package func edit() throws(ForgeError) -> (overlay: Overlay, decision: Decision) {
        let overlay = Overlay(over: base)
        var decision = try edit(SystemImage(overlay, now: epoch))
        let image = try SystemImage(overlay, now: epoch)
        try checkSettled(image)
        decision.plan.warnings += try warnings(of: image, at: decision.plan.modified)
        return (overlay, decision)
    }

    private func warnings(of image: SystemImage, at now: Int64) throws(ForgeError) -> [String] {
        let subject = EffectJudge.Subject(
            boot: image.boot, root: image.root, table: image.partitions, bootPartition: image.system.boot,
            rootPartition: image.system.root, rootNames: image.rootNames)
        return try Self.warnings(of: subject, slot: slot, settings: settings, at: now, allowing: allowed)
    }

    /// The same of any two volumes with a system on them.
    package static func warnings(
        of subject: EffectJudge.Subject, slot: Slot, settings: Settings, at now: Int64, allowing allowed: Set<FindingID>
    ) throws(ForgeError) -> [String] {
        let findings: [Inspection.Finding]
        do throws(VolumeError) {
            findings = try EffectJudge.findings(in: subject, of: slot, with: settings, at: now)
        } catch {
            throw ForgeError(inspecting: error)
        }
        return try findings.warnings(of: slot, allowing: allowed)
    }

    /// The same in a file of its own, by the kernel's drivers; what they have made is judged by ours. Then, while the
    /// image is still mounted, `run` is called.
    package func edit(
        _ copy: WorkingCopy, run: (SystemImage, Decision) throws(ForgeError) -> Void
    ) throws(ForgeError) -> Decision {
        let decision = try edit(SystemImage(mounting: copy), run: run)
        // The kernel has dated the file system by its own clock.
        var judge = self
        judge.epoch = decision.plan.modified
        let image = try SystemImage(in: copy, now: judge.epoch)
        try judge.checkSettled(image)
        // Programs of the profile may have undone what its settings did.
        _ = try warnings(of: image, at: decision.plan.modified)
        return decision
    }

    private func edit(
        _ image: SystemImage, run: (SystemImage, Decision) throws(ForgeError) -> Void = { (_, _) in }
    ) throws(ForgeError) -> Decision {
        let decision = try decide(on: image)
        for change in decision.changes {
            try Interruption.check()
            do throws(ForgeError) { try image.apply(change) } catch { throw error.about(slot: slot) }
        }
        try run(image, decision)
        try image.close()
        return decision
    }

    private func checkSettled(_ image: SystemImage) throws(ForgeError) {
        let rest = try decide(on: image).changes
        guard rest.isEmpty else {
            let paths = rest.map(\.edit.target.description).joined(separator: ", ")
            if settings.runsPrograms {
                throw ForgeError(
                    .badInput,
                    "slot \(slot.name): could not finish the image: the packages or commands of the profile changed "
                        + "\(paths), which the profile wants otherwise",
                    hint: "leave these to the profile's other settings")
            }
            throw ForgeError(
                .bug, "slot \(slot.name): could not settle the image: \(paths) would change again",
                hint: "this is a bug in piforge; please report it with the profile and the name of the base image")
        }
    }
}
