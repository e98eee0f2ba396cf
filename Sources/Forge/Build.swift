package import Blocks
import Glibc
package import Plans

/// Writes the images of a workshop's slots, each with its manifest.
package struct Build: Sendable {
    package var workshop: Workshop
    /// Where the outputs go; made when it does not exist.
    package var folder: String
    /// Whether existing outputs may be replaced.
    package var replacing: Bool
    package var cache: Cache
    package var observe: Progress.Observer

    /// Slots in work at a time: writing is bound by two cores and one disk.
    private static let width = 2

    package init(
        _ workshop: Workshop, into folder: String, replacing: Bool, cache: Cache, observe: @escaping Progress.Observer
    ) {
        self.workshop = workshop
        self.folder = folder
        self.replacing = replacing
        self.cache = cache
        self.observe = observe
    }

    /// One finished image.
    package struct Result: Sendable {
        package var slot: Slot
        package var imagePath: String
        package var manifestPath: String
        package var manifest: Manifest
    }

    /// Runs all slots and hands out each image as it is finished. The first error ends the sequence after the others
    /// in work have ended; images finished by then stay.
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

    private func run(report: @escaping @Sendable (Result) -> Void) async throws {
        try prepareFolder()
        let base = try workshop.openBase(cache: cache, observe: observe)
        try await withThrowingTaskGroup(of: Result.self) { group in
            var waiting = workshop.jobs.makeIterator()
            for _ in 0..<Self.width {
                guard let job = waiting.next() else { break }
                group.addTask { try make(job, from: base) }
            }
            while let result = try await group.next() {
                report(result)
                guard let job = waiting.next() else { continue }
                group.addTask { try make(job, from: base) }
            }
        }
    }

    private func paths(for slot: Slot) -> (image: String, manifest: String) {
        let stem = workshop.stem(for: slot)
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        let start = folder == "." ? stem : prefix + stem
        return (start + ".img", start + ".manifest.json")
    }

    /// Refuses what would fail at the end, before anything slow begins.
    private func prepareFolder() throws(ForgeError) {
        if mkdir(folder, 0o777) != 0 && errno != EEXIST { throw ForgeError.writing(folder, errno: errno) }
        var folderStatus = stat()
        guard stat(folder, &folderStatus) == 0 else { throw ForgeError.writing(folder, errno: errno) }
        guard folderStatus.st_mode & S_IFMT == S_IFDIR else { throw ForgeError.writing(folder, errno: ENOTDIR) }
        var baseStatus = stat()
        guard stat(workshop.base.path, &baseStatus) == 0 else {
            throw ForgeError.reading(workshop.base.path, errno: errno)
        }
        for job in workshop.jobs {
            let (image, manifest) = paths(for: job.slot)
            for path in [image, manifest] {
                var status = stat()
                if stat(path, &status) == 0, status.st_ino == baseStatus.st_ino, status.st_dev == baseStatus.st_dev {
                    throw ForgeError(
                        .cannotCreate, "could not create \(path): it is the base image",
                        hint: "choose another folder with --output")
                }
                try OutputFile.checkReplaceable(path, replacing: replacing)
            }
        }
        guard access(folder, W_OK | X_OK) == 0 else { throw ForgeError.writing(folder, errno: errno) }
    }

    private func make(_ job: Workshop.Job, from base: BaseImage) throws -> Result {
        try Interruption.check()
        let (overlay, decision) = try workshop.slotJob(for: job, base: base).edit()
        let (imagePath, manifestPath) = paths(for: job.slot)

        // A manifest of an older image must never lie beside a newer one.
        if replacing { unlink(manifestPath) }
        let image = try OutputFile(
            path: imagePath, mode: decision.plan.hasSecrets ? 0o600 : 0o666, replacing: replacing)
        let name = job.slot.name
        let digest: SHA256Digest
        do {
            digest = try ImageWriter.write(overlay, to: image) { done in
                observe(Progress(stage: .write, subject: name, done: done, total: overlay.byteCount))
            }
        } catch let error as BlockError {
            throw ForgeError(error).about("slot \(name)")
        }
        try image.commit()

        let manifest = Manifest(
            base: .init(
                file: Self.fileName(of: workshop.base.path), format: base.format.rawValue,
                sha256: base.sourceDigest.description),
            changes: decision.changes.map { Manifest.Change($0) }.sorted {
                ($0.partition, $0.path) < ($1.partition, $1.path)
            },
            cluster: workshop.cluster,
            output: .init(bytes: overlay.byteCount, file: Self.fileName(of: imagePath), sha256: digest.description),
            plan: decision.plan.identity.description,
            profile: workshop.profileDigest?.description,
            slot: name,
            sourceDateEpoch: decision.plan.modified,
            tool: .init(name: "piforge", version: version),
            warnings: decision.plan.warnings)
        let file = try OutputFile(path: manifestPath, mode: 0o666, replacing: replacing)
        let bytes = try JSON.encode(manifest)
        try file.write(bytes.span.bytes, at: 0)
        try file.commit()
        return Result(slot: job.slot, imagePath: imagePath, manifestPath: manifestPath, manifest: manifest)
    }

    private static func fileName(of path: String) -> String {
        String(path.split(separator: "/").last ?? "")
    }
}

extension EditPlan {
    /// Whether an image made by this plan holds something that others may not read.
    var hasSecrets: Bool { edits.contains(where: \.isSecret) }
}
