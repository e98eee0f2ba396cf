package import Bases
import Blocks
import Cards
import Glibc
package import Images
package import Plans
package import Reports

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
    /// Called with each slot that fails, from any thread; the sequence of results only ends with one of them.
    package var failed: @Sendable (Slot, ForgeError) -> Void = { _, _ in }
    package var engine: Engine

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
    }

    /// One finished image.
    package struct Result: Sendable {
        package var slot: Slot
        package var imagePath: String
        package var manifestPath: String
        package var manifest: Manifest
    }

    /// Runs all slots and hands out each image as it is finished. A slot that fails keeps no other from being finished;
    /// when all are, the error of the first one in the order of the jobs ends the sequence.
    package func results() -> AsyncThrowingStream<Result, any Error> {
        AsyncThrowingStream { continuation in
            Task {
                do {
                    try await run { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
        }
    }

    /// First every slot is edited, which takes little time and memory; then all images are written at one go.
    private func run(report: @escaping @Sendable (Result) -> Void) async throws {
        try engine.check()
        if engine == .builtin {
            try spec.checkRunsNothing(hint: "--engine loop runs them, as root")
        }
        try prepareFolder()
        let base = try spec.openBase(cache: cache, observe: observe)
        let failures = Failures()
        let edits = await edit(base, failures: failures)
        // A manifest of an older image must never lie beside a newer one.
        for edit in edits where isReplacing(edit.slot) { unlink(paths(for: edit.slot).manifest) }
        let used = try writer.isMapping && !edits.isEmpty ? BlockSet.inUse(of: Overlay(over: base.reader)) : nil
        switch engine {
        case .loop: writeMounted(edits, from: base, used: used, failures: failures, report: report)
        case .builtin:
            let requests = edits.map { edit in
                request(for: edit, patch: edit.patch, used: edit.used.flatMap { used?.union($0) })
            }
            writer.write(requests, from: base, observe: observe) { index, written in
                let edit = edits[index]
                do throws(ForgeError) {
                    report(try finish(edit, written: written.get()))
                } catch {
                    fail(edit, error, failures)
                }
            }
        }
        if let failure = failures.first { throw failure }
    }

    func request(for edit: Edited, patch: Patch, used: BlockSet?) -> ImageRequest {
        ImageRequest(
            name: edit.slot.name, path: paths(for: edit.slot).image, mode: edit.hasSecrets ? 0o600 : 0o666,
            isReplacing: replacing, patch: patch, used: used)
    }

    /// Reports a slot whose image was not written.
    func fail(_ edit: Edited, _ error: ForgeError, _ failures: Failures) {
        let error = error.about(slot: edit.slot)
        failures.add(error, at: edit.index)
        failed(edit.slot, error)
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
    }

    /// Edits all slots, several at a time, in the order of the jobs; those that fail are left out.
    private func edit(_ base: BaseImage, failures: Failures) async -> [Edited] {
        var edits: [Edited] = []
        var pool: Set<ByteKey> = []
        await withTaskGroup(of: Edited?.self) { group in
            var waiting = spec.jobs.enumerated().makeIterator()
            func addNext() {
                guard let (index, job) = waiting.next() else { return }
                group.addTask {
                    do throws(ForgeError) {
                        return try edit(job, at: index, base: base)
                    } catch {
                        failures.add(error, at: index)
                        failed(job.slot, error)
                        return nil
                    }
                }
            }
            for _ in 0..<Self.width { addNext() }
            while let edited = await group.next() {
                if var edited {
                    edited.patch = edited.patch.sharing(&pool)
                    edits.append(edited)
                }
                addNext()
            }
        }
        return edits.sorted { $0.index < $1.index }
    }

    private func edit(_ job: BuildSpec.Job, at index: Int, base: BaseImage) throws(ForgeError) -> Edited {
        try Interruption.check()
        let (overlay, decision): (Overlay, ImageEditor.Decision)
        do throws(ForgeError) {
            (overlay, decision) = try spec.editor(for: job, base: base).edit()
        } catch {
            throw error.naming(image: spec.base.path)
        }
        let patch: Patch
        do throws(BlockError) {
            patch = try overlay.patch
        } catch {
            throw ForgeError(error).about(slot: job.slot)
        }
        let used = try writer.isMapping ? BlockSet.inUse(of: overlay) : nil
        let manifest = Manifest(
            base: .init(
                file: Self.fileName(of: spec.base.path), format: base.format.rawValue,
                sha256: base.sourceDigest.description),
            changes: decision.changes.map { Manifest.Change($0) }.sorted {
                ($0.partition, $0.path) < ($1.partition, $1.path)
            },
            cluster: spec.cluster,
            identity: Manifest.Machine(job.settings.identity),
            engine: engine,
            output: .init(bytes: 0, file: spec.stem(for: job.slot) + "." + writer.pathExtension, sha256: ""),
            plan: decision.plan.identity.description,
            reproducible: engine == .builtin,
            settings: job.settingsDigest?.description,
            slot: job.slot.name,
            sourceDateEpoch: decision.plan.modified,
            tool: .init(name: "piforge", version: version),
            warnings: decision.plan.warnings)
        return Edited(
            index: index, slot: job.slot, patch: patch, used: used, hasSecrets: decision.plan.hasSecrets,
            manifest: manifest)
    }

    /// Writes the manifest of an image that is whole.
    func finish(_ edit: Edited, written: WrittenImage) throws(ForgeError) -> Result {
        let (imagePath, manifestPath) = paths(for: edit.slot)
        var manifest = edit.manifest
        manifest.output.bytes = written.byteCount
        manifest.output.sha256 = written.digest.description
        let file = try OutputFile(path: manifestPath, mode: 0o666, replacing: isReplacing(edit.slot))
        let bytes = try JSON.encode(manifest)
        try file.write(bytes.span.bytes, at: 0)
        try file.commit()
        return Result(slot: edit.slot, imagePath: imagePath, manifestPath: manifestPath, manifest: manifest)
    }

    func paths(for slot: Slot) -> (image: String, manifest: String) {
        let stem = spec.stem(for: slot)
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        let start = folder == "." ? stem : prefix + stem
        // Not the manifest of an image file, which may lie there too.
        if let device = devices[slot] { return (device, start + ".card.manifest.json") }
        return (start + "." + writer.pathExtension, start + ".manifest.json")
    }

    /// A card's manifest says what is on the card now, so that each new one replaces the old one.
    private func isReplacing(_ slot: Slot) -> Bool { replacing || devices[slot] != nil }

    /// Refuses what would fail at the end, before anything slow begins.
    private func prepareFolder() throws(ForgeError) {
        try OutputFolder.prepare(folder)
        for job in spec.jobs {
            let (image, manifest) = paths(for: job.slot)
            let map = devices[job.slot] == nil && writer.isMapping ? [image + ".bmap"] : []
            for path in (devices[job.slot] == nil ? [image] : []) + [manifest] + map {
                try BackingStore.check(output: path, isNoneOf: [spec.base.path] + otherBases)
                try OutputFile.checkReplaceable(path, replacing: isReplacing(job.slot))
            }
        }
    }

    private static func fileName(of path: String) -> String {
        String(path.split(separator: "/").last ?? "")
    }
}

extension EditPlan {
    /// Whether an image made by this plan holds something that others may not read.
    var hasSecrets: Bool { edits.contains(where: \.isSecret) }
}
