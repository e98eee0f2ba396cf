import Bases
import Blocks
import Glibc
import Images
import Plans
import Reports

/// Outputs that are there already: whether they are what this build would write.
///
/// An output is current when its manifest is the one that would be written (same base digest, plan, settings, warnings,
/// time, engine and version of piforge), when the file still has the size and sha256 of that manifest, when its block map
/// is the one asked for, and when the image itself holds the secrets of the profile, of which no manifest says anything.
/// The sha256 is not computed again as long as the file's size and times are those that it had when piforge wrote it.
extension Build {
    /// Throws, before anything slow, for an output whose manifest alone tells that it is another's.
    func checkReplaceable(_ job: BuildSpec.Job) throws(ForgeError) {
        let (image, manifestPath) = paths(for: job.slot)
        guard let manifest = try manifestOfCandidate(job.slot) else { return }
        if manifest.tool.version != version {
            throw Self.stale(image, "made by piforge \(manifest.tool.version), and this is \(version)")
        }
        guard manifest.slot == job.slot.name, manifest.cluster == spec.cluster else {
            throw Self.stale(image, "and \(manifestPath) is that of another slot")
        }
        guard manifest.settings == job.settingsDigest?.description else {
            throw Self.stale(image, "made from other settings")
        }
    }

    /// The manifest of an output that may be current; nil where nothing is there, or where that is not asked for.
    private func manifestOfCandidate(_ slot: Slot) throws(ForgeError) -> Manifest? {
        let (image, manifest) = paths(for: slot)
        guard keepsCurrent, devices[slot] == nil, access(image, F_OK) == 0, access(manifest, F_OK) == 0 else {
            return nil
        }
        // What is no file is refused as ever.
        guard (try? RegularFile.bytes(of: image, limit: 0)) != nil else { return nil }
        guard let found = try? OutputManifest.read(manifest) else {
            throw Self.stale(image, "and \(manifest) is no manifest of piforge's")
        }
        return found.manifest
    }

    /// Whether an output may lie there although nothing is replaced.
    func mayBeCurrent(_ slot: Slot) throws(ForgeError) -> Bool { try manifestOfCandidate(slot) != nil }

    /// Whether all outputs lie there, so that none may have to be written.
    package var mayBeCurrent: Bool {
        spec.jobs.allSatisfy { job in ((try? manifestOfCandidate(job.slot)) ?? nil) != nil }
    }

    /// The output of a slot that is what this build would write; nil when there is none. Throws for any other.
    func current(_ edit: Edited) throws(ForgeError) -> Result? {
        guard let manifest = try manifestOfCandidate(edit.slot) else { return nil }
        let (image, manifestPath) = paths(for: edit.slot)
        if let reason = try difference(of: manifest, from: edit, image: image) { throw Self.stale(image, reason) }
        var result = Result(slot: edit.slot, imagePath: image, manifestPath: manifestPath, manifest: manifest)
        result.isCurrent = true
        return result
    }

    private func difference(of manifest: Manifest, from edit: Edited, image: String) throws(ForgeError) -> String? {
        var wanted = edit.manifest
        wanted.output = manifest.output
        guard manifest.output.file == edit.manifest.output.file else { return "and its manifest is another file's" }
        guard manifest.base.sha256 == wanted.base.sha256 else { return "made from another base, \(manifest.base.file)" }
        guard manifest.sourceDateEpoch == wanted.sourceDateEpoch else { return "made for another SOURCE_DATE_EPOCH" }
        guard manifest.engine == wanted.engine else { return "made by another engine" }
        let job = spec.jobs[edit.index]
        guard engine == .builtin || !job.settings.runsPrograms else {
            return "and what `packages` and `run` give is known only when they run"
        }
        // The base's name says nothing of what is in it.
        wanted.base.file = manifest.base.file
        guard manifest == wanted else { return "made from other settings" }
        guard try hasBytes(of: manifest, image) else { return "and was changed since it was made" }
        guard try hasMap(image) else { return "and its block map is not the one asked for" }
        guard edit.hasSecrets else { return nil }
        let lacking = try BuildSpec.verify(
            ImageSource(path: image, sha256: nil), is: job, of: spec.cluster, cache: cache, observe: observe)
        return lacking.isEmpty ? nil : "made with another password or secret"
    }

    private func hasBytes(of manifest: Manifest, _ image: String) throws(ForgeError) -> Bool {
        do throws(BlockError) {
            guard try FileReader(path: image).byteCount == manifest.output.bytes else { return false }
            let digest = try cache.digest(ofFile: image, isVerifying: spec.isVerifying) { (done) throws(BlockError) in
                if Interruption.isRequested { throw .cancelled }
                observe(Progress(stage: .hash, subject: image.fileName, done: done, total: manifest.output.bytes))
            }
            return digest.description == manifest.output.sha256
        } catch {
            throw ForgeError(error)
        }
    }

    private func hasMap(_ image: String) throws(ForgeError) -> Bool {
        let path = image + ".bmap"
        guard writer.isMapping else { return access(path, F_OK) != 0 }
        guard let bytes = try? RegularFile.bytes(of: path), let map = ForeignBmap(bytes) else { return false }
        return !needsWholeMap || map.isComplete
    }

    private static func stale(_ image: String, _ reason: String) -> ForgeError {
        ForgeError(
            .cannotCreate, "could not create \(image): it exists, \(reason)",
            hint: "use --force to replace it, or choose another --output")
    }
}
