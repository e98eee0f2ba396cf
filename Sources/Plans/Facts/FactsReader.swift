import Reports
import Trees

/// Collects `ImageFacts`: what each plan needs, then what each setting does.
struct FactsReader {
    let boot: any ReadableVolume
    let root: any ReadableVolume
    let settings: Settings
    /// The files that the profile brings.
    let brought: [Target: Settings.FileCopy]
    var facts = ImageFacts()
    private var folders: [Target: Folder] = [:]
    private var units: Set<String> = []

    private struct Folder {
        /// Its path with the links followed.
        var path: VolumePath
        var missing: [VolumePath]
    }

    /// Configuration files are far smaller.
    private static let byteLimit: Int64 = 1 << 20

    init(boot: any ReadableVolume, root: any ReadableVolume, settings: Settings) {
        self.boot = boot
        self.root = root
        self.settings = settings
        brought = settings.filesByTarget
    }

    mutating func look(_ partition: Target.Partition, _ paths: [VolumePath]) throws(PlanError) {
        for path in paths { try look(partition, path) }
    }

    /// What to do with more bytes than a configuration file has.
    enum Large { case fail, skip }

    /// Notes what lies at `path`; without `readingBytes` only that and of which kind.
    mutating func look(
        _ partition: Target.Partition, _ path: VolumePath, readingBytes: Bool = true, whenLarge large: Large = .fail
    ) throws(PlanError) {
        let target = Target(partition, path)
        guard facts.found[target] == nil, let name = path.name else { return }
        var byteCount: Int64 = 0
        facts.found[target] = try wrapping(
            find(name, in: path.parent, partition, readingBytes, byteCount: &byteCount),
            as: { PlanError.unreadable(target, $0) })
        if readingBytes, large == .fail, byteCount > Self.byteLimit { throw .tooLarge(target, byteCount: byteCount) }
    }

    /// The folder with its links followed, and those of its folders that do not exist; many paths share one.
    private mutating func follow(_ folder: VolumePath, _ partition: Target.Partition) throws(VolumeError) -> Folder {
        let target = Target(partition, folder)
        if let known = folders[target] { return known }
        let volume = partition == .boot ? boot : root
        let path = try volume.resolve(folder)
        var missing: [VolumePath] = []
        for folder in path.ancestors + [path] where try volume.status(at: folder) == nil { missing.append(folder) }
        folders[target] = Folder(path: path, missing: missing)
        return Folder(path: path, missing: missing)
    }

    private mutating func find(
        _ name: String, in folder: VolumePath, _ partition: Target.Partition, _ readingBytes: Bool,
        byteCount: inout Int64
    ) throws(VolumeError) -> ImageFacts.Found? {
        let volume = partition == .boot ? boot : root
        let folder = try follow(folder, partition)
        guard let path = folder.path.appending(name) else { return nil }
        var found = ImageFacts.Found(path: path, missingFolders: folder.missing)
        guard folder.missing.isEmpty, let status = try volume.status(at: path) else { return found }
        var (end, endStatus): (VolumePath, FileStatus?) = (path, status)
        if status.kind == .symlink {
            // A link that leads through a file or in circles leads nowhere, which is for the planner to judge.
            end = (try? volume.resolve(path)) ?? path
            endStatus = end == path ? nil : try? volume.status(at: end)
        }
        found.kind = endStatus?.kind
        if let endStatus, endStatus.kind == .file {
            byteCount = endStatus.byteCount
            if readingBytes, byteCount <= Self.byteLimit, let bytes = try volume.fileBytes(at: end) {
                found.bytes = bytes
            }
        }
        switch status.kind {
        case .file:
            found.own = FileNode(content: .file(found.bytes ?? []), metadata: status.metadata)
        case .symlink: found.own = try volume.node(at: path)
        case .directory: found.own = FileNode(content: .directory, metadata: status.metadata)
        default: found.own = FileNode(content: .special(status.kind), metadata: status.metadata)
        }
        return found
    }

    mutating func list(_ folder: VolumePath) throws(PlanError) {
        try wrapping(as: { PlanError.unreadable(Target(.root, folder), $0) }) { () throws(VolumeError) in
            let path = try root.resolve(folder)
            guard try root.status(at: path)?.kind == .directory else { return }
            facts.listings[folder] = try root.entries(in: path)
        }
    }
}

// MARK: - Units

extension FactsReader {
    /// Units that are looked at, with those that their `Also=` names.
    private static let unitLimit = 1000

    /// Looks at the units' files, their templates', and at every link that makes them start or could.
    mutating func look(atUnits names: [String]) throws(PlanError) {
        var pending = names
        while let name = pending.popLast() {
            guard units.count < Self.unitLimit, units.insert(name).inserted else { continue }
            pending += try look(atUnit: name)
        }
    }

    /// Returns the units of its `Also=`.
    private mutating func look(atUnit name: String) throws(PlanError) -> [String] {
        for name in [name, ImageFacts.unitTemplate(name)].compactMap({ $0 }) {
            for folder in ImageFacts.unitFolders {
                if let path = folder.appending(name) { try look(.root, path) }
            }
        }
        try look(.root, facts.enablingLinks(of: name))
        let install = UnitInstall(facts.unitFile(name, among: brought)?.text ?? "")
        for folder in install.folders + ["multi-user.target.wants", "getty.target.wants"] {
            if let path = ImageFacts.link(of: name, in: folder) { try look(.root, path) }
        }
        for alias in install.aliases {
            if let path = ImageFacts.systemdPath.appending(alias) { try look(.root, path) }
        }
        return install.also
    }
}
