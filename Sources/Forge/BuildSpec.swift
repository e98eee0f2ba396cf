package import Bases
package import Blocks
package import Images
package import Inspect
package import Plans
package import Reports

/// A base image, a set of slots and their settings: what `build` and `plan` have in common.
package struct BuildSpec: Sendable {
    package var base: ImageSource
    package var cluster: String?
    package var jobs: [Job]
    /// Seconds since 1970-01-01 UTC for changed files (SOURCE_DATE_EPOCH); nil for the time the base was last written.
    package var epoch: Int64?
    /// What images may be made with although it keeps a setting from working.
    package var allowed: Set<FindingID> = []
    /// Whether nothing may be made of a slot with a warning.
    package var isStrict = false
    /// Whether what the cache holds of the base is held against its digest.
    package var isVerifying = false

    /// One slot and what its image shall be.
    package struct Job: Sendable {
        package var slot: Slot
        package var settings: Settings
        /// SHA-256 of `Settings.publicText`; nil when nobody asked for it.
        package var settingsDigest: SHA256Digest?
        /// Who knows the files of `packages`; nil where programs of the image install them.
        package var packages: (any PackageSource)?

        package init(slot: Slot, settings: Settings, settingsDigest: SHA256Digest? = nil) {
            self.slot = slot
            self.settings = settings
            self.settingsDigest = settingsDigest
        }
    }

    package init(base: ImageSource, cluster: String?, jobs: [Job], epoch: Int64?) {
        self.base = base
        self.cluster = cluster
        self.jobs = jobs
        self.epoch = epoch
    }

    /// The name of a slot's outputs without an ending: `sg1-p3`, or `p3` without a cluster.
    package func stem(for slot: Slot) -> String {
        cluster.map { "\($0)-\(slot.name)" } ?? slot.name
    }

    /// Opens the base, unpacking it into `cache` when it must.
    func openBase(cache: Cache, observe: @escaping Progress.Observer) throws(ForgeError) -> BaseImage {
        try BaseImage.open(base, cache: cache, isVerifying: isVerifying, observe: observe)
    }

    /// Throws for a slot whose settings ask for programs to be run inside the image.
    func checkRunsNothing(hint: String) throws(ForgeError) {
        guard let job = jobs.first(where: { !$0.settings.commands.isEmpty }) else { return }
        throw ForgeError(
            .usage, "could not make slot \(job.slot.name): its `run` needs programs of the image to be run", hint: hint)
    }

    func editor(for job: Job, base: BaseImage) throws(ForgeError) -> ImageEditor {
        let fingerprint = try BlockError.wrapping(CardLabel.fingerprint(of: base.reader))
        return ImageEditor(
            base: base.reader, request(for: job),
            label: CardLabelSource(base: fingerprint, cluster: cluster, settings: job.settingsDigest))
    }

    func request(for job: Job) -> SlotRequest {
        SlotRequest(
            slot: job.slot, settings: job.settings, epoch: epoch, allowed: allowed, isStrict: isStrict,
            packages: job.packages)
    }
}

extension BuildSpec {
    /// What a manifest says of the base; `name` is what it was called where it came from.
    func manifestBase(name: String?, format: String, sha256: SHA256Digest) -> Manifest.Base {
        Manifest.Base(file: name ?? base.path.fileName, format: format, sha256: sha256.description)
    }

    /// The manifest of a slot's output, all except what is known only of the finished file.
    func manifest(
        of job: Job, _ plan: EditPlan, _ changes: [Change], base: Manifest.Base, output: String
    ) -> Manifest {
        Manifest(
            base: base,
            changes: changes.map { Manifest.Change($0) }.sorted { ($0.partition, $0.path) < ($1.partition, $1.path) },
            cluster: cluster, identity: Manifest.Machine(job.settings.identity),
            output: .init(bytes: 0, file: output, sha256: ""), plan: plan.identity.description,
            settings: job.settingsDigest?.description, slot: job.slot.name, sourceDateEpoch: plan.modified,
            tool: .init(name: "piforge", version: version), warnings: plan.warnings)
    }

    /// What one slot's image would become.
    package struct Preview: Sendable {
        package var plan: EditPlan
        package var identity: SHA256Digest
        package var changes: [ChangeReport]
        /// What the image would be; nil when nobody asked for it.
        package var inspection: Inspection?
    }

    /// Decides for every slot and makes the changes in memory, so that whatever a build would refuse is refused here;
    /// writes nothing but the cache.
    package func preview(
        inspecting: Bool = false, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [Preview] {
        let base = try openBase(cache: cache, observe: observe)
        var previews: [Preview] = []
        for job in jobs {
            var (overlay, decision) = try wrapping(
                editor(for: job, base: base).edit(), as: { (error: ForgeError) in error.naming(image: self.base.path) })
            if !job.settings.commands.isEmpty {
                decision.plan.warnings.append("what `run` changes is not known before it is run")
            }
            previews.append(
                Preview(
                    plan: decision.plan, identity: decision.plan.identity,
                    changes: decision.changes.map(ChangeReport.init),
                    inspection: inspecting ? try Inspection.of(overlay) : nil))
        }
        try base.confirmUnchanged()
        return previews
    }

    /// What a finished image or netboot tree at `path` lacks to be what the one job of `cluster` asks for; empty when it
    /// matches.
    package static func verify(
        _ source: ImageSource, is job: Job, of cluster: String? = nil, cache: Cache,
        observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [ChangeReport] {
        let path = source.path
        if let found = try verifyTree(source, is: job, cache: cache, observe: observe) { return found }
        let base = try BaseImage.openBytes(of: source, cache: cache, isShared: true, observe: observe)
        let image = try wrapping(as: { (error: ForgeError) in error.naming(image: path) }) { () throws(ForgeError) in
            let overlay = Overlay(over: base.reader)
            if base.isMounted { try overlay.hideMounts() }
            return try SystemImage(overlay, now: nil)
        }
        // A controller's card may hold the trees of its nodes.
        if job.slot.isNode, let found = try verifyTree(in: image.root, is: job) { return found }
        let editor = ImageEditor(
            base: base.reader, SlotRequest(slot: job.slot, settings: job.settings, packages: job.packages),
            label: CardLabelSource(cluster: cluster))
        let changes =
            try editor.decide(on: image).changes.map(ChangeReport.init)
            + HostKeyCheck.differences(in: image.root, of: job.settings, path: path)
        try base.confirmUnchanged()
        return changes
    }
}
