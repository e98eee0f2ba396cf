package import Bases
import Blocks
import Cards
import Glibc
package import Images
package import Plans
package import Reports
import Synchronization

/// Writes the images of a spec's slots, each with its manifest.
package struct Build: Sendable {
    package var spec: BuildSpec
    /// Where the outputs go; made when it does not exist.
    package var folder: String
    /// Whether existing outputs may be replaced.
    package var replacing: Bool
    package var cache: Cache
    package var observe: Progress.Observer
    /// How the images are written; the loop engine writes raw ones without it.
    package var writer: any ImageWriter
    /// The devices of slots that are written to cards instead of files; the writer knows them by these names.
    package var devices: [Slot: String] = [:]
    /// What else is read in the same run, now or later: no output may take its place.
    package var otherBases: [String] = []
    package var engine: Engine
    /// Whether an output that is what would be written is left as it is, instead of refused.
    package var keepsCurrent = false
    /// Whether a block map must have the digest of every block.
    package var needsWholeMap = false
    package var companions = Companions()

    /// Slots edited at a time.
    private static let width = 2

    package init(
        _ spec: BuildSpec, into folder: String, replacing: Bool, cache: Cache,
        writer: any ImageWriter = RawImageWriter(),
        engine: Engine = .builtin, observe: @escaping Progress.Observer
    ) {
        self.spec = spec
        self.folder = folder
        self.replacing = replacing
        self.cache = cache
        self.observe = observe
        self.writer = writer
        self.engine = engine
        // There programs of the image install them.
        if engine == .loop { for index in spec.jobs.indices { self.spec.jobs[index].packages = nil } }
    }

    /// One finished image.
    package struct Result: Sendable {
        package var slot: Slot
        package var imagePath: String
        package var manifestPath: String
        package var manifest: Manifest
        /// Whether it was there already, and was not written again.
        package var isCurrent = false
        /// Nil when nobody asked for it.
        package var software: SystemSoftware?
    }

    /// What became of one slot.
    package typealias Outcome = Swift.Result<Result, ForgeError>

    /// Builds all slots and returns what became of each, in the order of the jobs. `report` gets it as soon as it is
    /// known: one slot at a time, from any thread. A slot that fails keeps no other from being finished; what is thrown
    /// ends all of them.
    ///
    /// First every slot is edited, which takes little time and memory; then all images are written at one go.
    package func run(
        report: @escaping @Sendable (Slot, Outcome) -> Void = { _, _ in }
    ) throws(ForgeError) -> [Outcome] {
        try engine.check()
        if engine == .builtin {
            try spec.checkRunsNothing(hint: "--engine loop runs it, as root; or let the Pi run it once: first_boot")
        }
        try prepareFolder()
        let base = try spec.openBase(cache: cache, observe: observe)
        let outcomes = SlotOutcomes(spec.jobs.map(\.slot), report: report)
        var edits = try leaveCurrent(edit(base, outcomes), base, outcomes)
        try addRawDigests(to: &edits, of: base)
        // Nothing that is said of an older image may ever lie beside a newer one.
        for edit in edits where isReplacing(edit.slot) {
            unlink(paths(for: edit.slot).manifest)
            if devices[edit.slot] == nil { Attestation.remove(beside: paths(for: edit.slot).image) }
        }
        let used = try writer.isMapping && !edits.isEmpty ? BlockSet.inUse(of: Overlay(over: base.reader)) : nil
        switch engine {
        case .loop: writeMounted(edits, from: base, used: used, outcomes)
        case .builtin:
            let edits = edits
            let requests = edits.map { edit in
                request(for: edit, patch: edit.patch, used: edit.used.flatMap { used?.union($0) })
            }
            writer.write(requests, from: base, observe: observe) { index, written in
                let edit = edits[index]
                let outcome = Swift.Result { () throws(ForgeError) in try finish(edit, written: written.get()) }
                outcomes.set(outcome.mapError { $0.about(slot: edit.slot) }, at: edit.index)
            }
        }
        cache.remember(
            outcomes.all.compactMap { outcome in
                guard let result = try? outcome.get(), devices[result.slot] == nil, !result.isCurrent,
                    let digest = SHA256Digest(hex: result.manifest.output.sha256)
                else { return nil }
                return (result.imagePath, digest)
            })
        return outcomes.all
    }

    /// Takes out what need not be written; throws for an output that is another's, before anything is written.
    private func leaveCurrent(
        _ edits: [Edited], _ base: BaseImage, _ outcomes: SlotOutcomes
    ) throws(ForgeError) -> [Edited] {
        var current: [Int: Result] = [:]
        for edit in edits { current[edit.index] = try self.current(edit) }
        guard !current.isEmpty else { return edits }
        try base.confirmUnchanged()
        for (index, result) in current.sorted(by: { $0.key < $1.key }) { outcomes.set(.success(result), at: index) }
        return edits.filter { current[$0.index] == nil }
    }

    func request(for edit: Edited, patch: Patch, used: BlockSet?) -> ImageRequest {
        ImageRequest(
            name: edit.slot.name, path: paths(for: edit.slot).image, mode: edit.hasSecrets ? 0o600 : 0o666,
            isReplacing: replacing, patch: patch, used: used)
    }

    /// What is left of a slot when it is edited.
    struct Edited: Sendable {
        var index: Int
        var slot: Slot
        var patch: Patch
        /// Nil when no map is wanted.
        var used: BlockSet?
        var hasSecrets: Bool
        /// All but what is known only of the finished file.
        var manifest: Manifest
        var software: SystemSoftware?
    }

    /// Edits all slots, several at a time, in the order of the jobs; those that fail are left out.
    private func edit(_ base: BaseImage, _ outcomes: SlotOutcomes) -> [Edited] {
        observe(Progress(stage: .edit, subject: spec.jobs.map(\.slot.name).joined(separator: ", "), done: 0, total: 0))
        var edits: [Edited] = []
        var pool: Set<ByteKey> = []
        OrderedParallelMap.run(
            count: spec.jobs.count, workers: Self.width,
            produce: { index -> Edited? in
                do throws(ForgeError) {
                    return try edit(spec.jobs[index], at: index, base: base)
                } catch {
                    outcomes.set(.failure(error), at: index)
                    return nil
                }
            },
            deliver: { edited in
                guard var edited else { return }
                edited.patch = edited.patch.sharing(&pool)
                edits.append(edited)
            })
        return edits
    }

    private func edit(_ job: BuildSpec.Job, at index: Int, base: BaseImage) throws(ForgeError) -> Edited {
        try Interruption.check()
        let (overlay, decision) = try wrapping(
            spec.editor(for: job, base: base).edit(),
            as: { (error: ForgeError) in error.naming(image: spec.base.path) })
        let patch = try wrapping(overlay.patch, as: { (error: BlockError) in ForgeError(error).about(slot: job.slot) })
        let used = try writer.isMapping ? BlockSet.inUse(of: overlay) : nil
        var manifest = spec.manifest(
            of: job, decision.plan, decision.changes,
            base: spec.manifestBase(name: base.name, format: base.format.rawValue, sha256: base.sourceDigest),
            output: spec.stem(for: job.slot) + "." + writer.pathExtension)
        manifest.engine = engine
        manifest.reproducible = engine == .builtin
        return Edited(
            index: index, slot: job.slot, patch: patch, used: used, hasSecrets: decision.plan.hasSecrets,
            manifest: manifest, software: try software(of: SystemImage(overlay, now: nil)))
    }

    /// Writes the manifest of an image that is whole.
    func finish(_ edit: Edited, written: WrittenImage) throws(ForgeError) -> Result {
        let (imagePath, manifestPath) = paths(for: edit.slot)
        var manifest = edit.manifest
        manifest.output.bytes = written.byteCount
        manifest.output.sha256 = written.digest.description
        try describe(edit, written, in: &manifest)
        try manifest.write(to: manifestPath, replacing: isReplacing(edit.slot))
        return Result(
            slot: edit.slot, imagePath: imagePath, manifestPath: manifestPath, manifest: manifest,
            software: edit.software)
    }

    func paths(for slot: Slot) -> (image: String, manifest: String) {
        let stem = spec.stem(for: slot)
        let start = OutputFolder.path(of: stem, in: folder)
        // Not the manifest of an image file, which may lie there too.
        if let device = devices[slot] { return (device, start + ".card.manifest.json") }
        return (start + "." + writer.pathExtension, start + ".manifest.json")
    }

    /// A card's manifest says what is on the card now, so that each new one replaces the old one.
    func isReplacing(_ slot: Slot) -> Bool { replacing || devices[slot] != nil }

    /// Refuses what would fail at the end, before anything slow begins.
    private func prepareFolder() throws(ForgeError) {
        try OutputFolder.prepare(folder)
        for job in spec.jobs {
            let (image, manifest) = paths(for: job.slot)
            let map = devices[job.slot] == nil && writer.isMapping ? [image + ".bmap"] : []
            let isCandidate = try mayBeCurrent(job.slot)
            if isCandidate { try checkReplaceable(job) }
            for path in (devices[job.slot] == nil ? [image] : []) + [manifest] + map {
                try BackingStore.check(output: path, isNoneOf: [spec.base.ownPath].compactMap { $0 } + otherBases)
                try OutputFile.checkReplaceable(path, replacing: isReplacing(job.slot) || isCandidate)
            }
            if companions.attestation { try Attestation.checkReplaceable(beside: image, replacing: replacing) }
        }
    }
}

/// What became of the slots, by the place of their jobs; filled from any thread.
final class SlotOutcomes: Sendable {
    private let slots: [Slot]
    private let report: @Sendable (Slot, Build.Outcome) -> Void
    private let known = Mutex<[Int: Build.Outcome]>([:])

    init(_ slots: [Slot], report: @escaping @Sendable (Slot, Build.Outcome) -> Void) {
        self.slots = slots
        self.report = report
    }

    func set(_ outcome: Build.Outcome, at index: Int) {
        known.withLock { known in
            known[index] = outcome
            report(slots[index], outcome)
        }
    }

    /// In the order of the jobs.
    var all: [Build.Outcome] { known.withLock { known in slots.indices.compactMap { known[$0] } } }
}

extension [Build.Outcome] {
    /// The first error in the order of the jobs; an interruption only when nothing else failed.
    package var firstFailure: ForgeError? {
        let errors = compactMap { outcome -> ForgeError? in
            if case .failure(let error) = outcome { error } else { nil }
        }
        return errors.first { $0.kind != .interrupted } ?? errors.first
    }
}

extension EditPlan {
    /// Whether an image made by this plan holds something that others may not read.
    var hasSecrets: Bool { edits.contains(where: \.isSecret) }
}
