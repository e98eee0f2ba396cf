package import Inspect
package import Plans
package import Reports
package import Trees

/// What one slot shall be, for whoever edits its image or its tree.
package struct SlotRequest: Sendable {
    package var slot: Slot
    package var settings: Settings
    /// Seconds since 1970-01-01 UTC for changed files; nil for the time the base was last written.
    package var epoch: Int64?
    /// What it may be made with although it keeps a setting from working.
    package var allowed: Set<FindingID>
    /// Whether it may not be made with a warning.
    package var isStrict: Bool
    /// Who knows the files of `packages`; nil where programs of the image install them.
    package var packages: (any PackageSource)?

    package init(
        slot: Slot, settings: Settings, epoch: Int64? = nil, allowed: Set<FindingID> = [], isStrict: Bool = false,
        packages: (any PackageSource)? = nil
    ) {
        self.packages = packages
        self.slot = slot
        self.settings = settings
        self.epoch = epoch
        self.allowed = allowed
        self.isStrict = isStrict
    }

    /// Reads two volumes with a system on them and decides; nothing is changed. `label` gives one more edit, which
    /// depends on the plan.
    package func decide(
        boot: any ReadableVolume, root: any ReadableVolume, diskID: UInt32?, modified: Int64, medium: Planner.Medium,
        isFinished: Bool = false, label: (EditPlan) throws(ForgeError) -> Edit? = { _ in nil }
    ) throws(ForgeError) -> (plan: EditPlan, changes: [Change]) {
        func aboutSlot(_ error: PlanError) -> ForgeError { ForgeError(error).about(slot: slot) }
        let settings = try resolvedSettings(in: root)
        let facts = try wrapping(
            ImageFacts.read(boot: boot, root: root, for: settings, diskID: diskID), as: aboutSlot)
        var plan = try wrapping(
            Planner.plan(
                slot: slot, settings: settings, facts: facts, modified: epoch ?? modified, medium: medium,
                isFinished: isFinished),
            as: aboutSlot)
        if packages != nil, !settings.packages.isEmpty {
            plan.warnings.append("what `packages` brings is not known: piforge packages fetch finds it")
        }
        if let edit = try label(plan) { try wrapping(plan.add(edit), as: aboutSlot) }
        let decided = plan
        return (decided, try wrapping(decided.changes(boot: boot, root: root), as: { aboutSlot(.edit($0)) }))
    }

    /// Whether the first boot has something to do that is meant to last.
    package var doesSomethingOnce: Bool {
        !settings.debs.isEmpty || !settings.packages.isEmpty || !settings.firstBoot.isEmpty
    }

    /// Throws when something is left to change after all changes were made.
    package func checkSettled(_ rest: [Change], _ what: String) throws(ForgeError) {
        guard !rest.isEmpty else { return }
        let paths = rest.map(\.edit.target.description).joined(separator: ", ")
        if packages == nil, settings.runsPrograms {
            throw ForgeError(
                .badInput,
                "slot \(slot.name): could not finish the \(what): the packages or commands of the profile changed "
                    + "\(paths), which the profile wants otherwise",
                hint: "leave these to the profile's other settings")
        }
        throw ForgeError(
            .bug, "slot \(slot.name): could not settle the \(what): \(paths) would change again",
            hint: "this is a bug in piforge; please report it with the profile and the name of the base image")
    }

    /// What is to be said of an image or a tree that is made by `plan`, as warnings, the plan's own first; throws what it
    /// must not be made with.
    package func warnings(
        of subject: EffectJudge.Subject, madeBy plan: EditPlan, at now: Int64
    ) throws(ForgeError) -> [String] {
        if isStrict, let first = plan.warnings.first {
            let count = plan.warnings.count
            throw ForgeError(
                .badInput,
                count == 1
                    ? "slot \(slot): \(first)"
                    : "slot \(slot): \(count) warnings\n" + plan.warnings.map { "  " + $0 }.joined(separator: "\n"),
                hint: "mend what it warns of, or leave out --strict")
        }
        let settings = try resolvedSettings(in: subject.root)
        let findings = try wrapping(
            EffectJudge.findings(in: subject, of: slot, with: settings, at: now),
            as: { (error: VolumeError) in ForgeError(inspecting: error) })
        return try plan.warnings + findings.warnings(of: slot, allowing: allowed, isStrict: isStrict)
    }
}
