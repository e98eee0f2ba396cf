package import Bases
import Blocks
import Glibc
import Images
import Inspect
package import Pages
import Plans
package import Reports

extension Request {
    /// What a page of the cluster tells, of the slots that were asked for: from the profile, from base images that are
    /// edited in memory, and from the manifests of finished images in the folder `images`.
    package func page(
        basePath: String?, images: String, epoch: Int64?, fetch: BaseFetch? = nil, environment: [String: String],
        cache: Cache,
        observe: @escaping Progress.Observer
    ) throws(ForgeError) -> ClusterPage {
        let roster = try roster(environment: environment)
        var machines: [ClusterPage.Machine] = []
        for slot in roster.machines {
            guard jobs.contains(where: { $0.slot == slot.slot }) else { continue }
            machines.append(ClusterPage.Machine(slot, of: roster, settings: origins(for: slot.slot)))
        }
        for spec in try specs(basePath: basePath, epoch: epoch, fetch: fetch, isPlanning: true) {
            for preview in try spec.preview(inspecting: true, cache: cache, observe: observe) {
                guard let index = machines.firstIndex(where: { $0.slot == preview.plan.slot.name }) else { continue }
                machines[index].base = spec.base.name
                machines[index].take(preview)
                machines[index].image = try Self.image(spec.stem(for: preview.plan.slot), in: images, of: preview)
            }
        }
        return ClusterPage(cluster: roster.cluster, tool: "piforge \(version)", machines: machines)
    }

    /// The image of a slot that was made by this very plan; nil where none lies in the folder.
    private static func image(
        _ stem: String, in folder: String, of preview: BuildSpec.Preview
    ) throws(ForgeError) -> ClusterPage.Image? {
        guard let found = try OutputManifest.beside("\(folder)/\(stem)"),
            found.manifest.plan == preview.identity.description
        else { return nil }
        let output = found.manifest.output
        return ClusterPage.Image(
            file: output.file, size: ByteCount(output.bytes).description, sha256: output.sha256)
    }
}

extension ClusterPage {
    /// Whether a page of piforge's lies at a path, which the next one may replace.
    package static func lies(at path: String) -> Bool {
        guard let file = try? OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK), let bytes = try? file.prefix(1 << 10)
        else { return false }
        return isOwn(String(decoding: bytes, as: UTF8.self))
    }
}

extension ClusterPage.Machine {
    fileprivate init(_ machine: Roster.Machine, of roster: Roster, settings: [Profile.Origin]) {
        self.init(
            slot: machine.slot.name, isController: machine.slot.isController, hostname: machine.hostname,
            names: roster.names(of: machine).filter { $0 != machine.hostname }, address: machine.address,
            link: machine.slot.linkAddresses?.node, user: machine.user, fingerprint: machine.publicKey?.fingerprint,
            base: "", plan: "")
        self.settings = settings.map { .init(key: $0.key, value: $0.value, origin: $0.origin) }
        runs = settings.filter { ["packages", "units.enable"].contains($0.key) }.map(\.value)
    }

    fileprivate mutating func take(_ preview: BuildSpec.Preview) {
        plan = preview.identity.description
        changes = preview.changes.map { change in
            ClusterPage.Change(
                action: .init(change.action), place: "\(change.partition):\(change.path)", reason: change.reason,
                details: change.details, diff: change.diff)
        }
        let warnings = preview.plan.warnings.map {
            ClusterPage.Finding(severity: Inspection.Finding.Severity.warning.rawValue, what: $0, hint: nil)
        }
        guard let inspection = preview.inspection else { return }
        // A warning of the build says already what inspecting the result finds again.
        let notes = inspection.findings.filter { $0.severity == .note }
        findings = warnings + notes.map { .init(severity: $0.severity.rawValue, what: $0.what, hint: $0.hint) }
        firstBoot = inspection.firstBoot.map { .init(boot: $0.boot, what: $0.what) }
        partitions = (inspection.disk?.partitions ?? []).map { part in
            ClusterPage.Partition(
                role: part.role, type: part.role == "boot" ? "FAT" : part.role == "root" ? "ext4" : part.type,
                start: part.start, byteCount: part.bytes,
                size: ByteCount(part.bytes).description)
        }
    }
}

extension ClusterPage.Change.Action {
    fileprivate init(_ action: Manifest.Change.Action) {
        switch action {
        case .create: self = .create
        case .change: self = .change
        case .remove: self = .remove
        }
    }
}
