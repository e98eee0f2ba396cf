import Payload
import Readers
import Trees

/// Package files that the first boot installs, without a network.
enum DebsSetting: Setting {
    typealias Value = [PackageFile]

    static let keys = [
        SchemaKey(
            "debs", .list(.text(.path)),
            "Debian packages of yours, files or folders of them, that the first boot installs without a network.",
            example: "[debs/docker]")
    ]

    static let template = """

        # Packages that the Pi installs at its first boot, from the card: .deb files, or folders of them.
        # debs: [debs/docker]
        """

    static let unset: Value = []

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        entries.compactMap { if case .package(let file) = $0.value { file } else { nil } }
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        node.items.flatMap { item in
            decoder.packageFiles(of: item).map { .init(key: key.name, value: .package($0), position: item.position) }
        }
    }

    /// A package that is named twice is one.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        if case .package(let file) = entry.value { .once("debs \(file.facts.fileName)") } else { .always }
    }

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        var known: [String: PackageFile] = [:]
        return layer.entries(of: name).compactMap { entry in
            guard case .package(let file) = entry.value else { return nil }
            let key = file.facts.name + ":" + file.facts.architecture
            if let other = known[key] {
                return ProfileProblem(
                    entry.position, "\(PackageProblem.twice(other.facts, file.facts))",
                    hint: "take one of the two files out")
            }
            known[key] = file
            return nil
        }
    }

    // MARK: The image

    static let folder = VolumePath("/" + FirstBoot.packages) ?? .root

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard !reader.settings.debs.isEmpty else { return }
        try reader.look(.root, folder)
        try reader.readInstalledPackages()
        try reader.look(at: FirstBoot.packageInstaller(bootMount: "", isUserPending: false))
        let names = reader.settings.debs.map(\.facts.fileName)
        for round in rounds {
            try reader.list(round)
            for name in names + (reader.facts.listings[round] ?? []) {
                try reader.look(.root, round.appending(name) ?? round, whenLarge: .skip)
            }
        }
    }

    /// As many folders as chains of pre-dependencies have links.
    fileprivate static let rounds = (0..<4).compactMap { folder.appending(String($0)) }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planPackages() }
}

extension SettingsDecoder {
    /// A file, or all of a folder whose names end in `.deb`.
    fileprivate mutating func packageFiles(of node: ProfileNode) -> [PackageFile] {
        guard let path = node.text else { return [] }
        var paths = [path]
        do throws(ProfileFileError) {
            if try files.status(path, followingLink: true).kind == .folder {
                paths = try files.entries(in: path).filter { $0.hasSuffix(".deb") }.sorted().map { path + "/" + $0 }
                if paths.isEmpty {
                    report(node.position, "\(files.resolve(path)) holds no file whose name ends in .deb")
                }
            }
        } catch {
            report(node.position, "could not read \(files.resolve(path)): \(error.reason)")
            return []
        }
        return paths.compactMap { path in
            do throws(ProfileFileError) {
                return try files.package(path)
            } catch {
                report(
                    node.position, "could not use \(files.resolve(path)): \(error.reason)",
                    hint: error.isAboutContent ? "give the .deb file as its maker has it" : nil)
                return nil
            }
        }
    }
}

extension ProfileFileError {
    fileprivate var isAboutContent: Bool { if case .failed = self { true } else { false } }
}

extension FactsReader {
    /// dpkg's state, which is larger than configuration files are.
    fileprivate mutating func readInstalledPackages() throws(PlanError) {
        guard facts.packages == nil else { return }
        let files = ImageFiles(boot: boot, root: root)
        let status: VolumePath = "/var/lib/dpkg/status"
        do throws(VolumeError) {
            guard let place = try files.place(.root, status), let found = try root.status(at: place),
                found.kind == .file, found.byteCount <= 64 << 20, let bytes = try root.fileBytes(at: place)
            else { return }
            facts.packages = InstalledPackages(
                status: bytes, architectures: try files.lines(.root, "/var/lib/dpkg/arch") ?? [])
        } catch {
            throw .unreadable(Target(.root, status), error)
        }
    }
}

extension Settings {
    /// Packages that the first boot installs.
    package var debs: [PackageFile] {
        get { self[DebsSetting.self] }
        set { self[DebsSetting.self] = newValue }
    }
}

// MARK: - Planning

extension Planner {
    fileprivate mutating func planPackages() throws(PlanError) {
        let files = settings.debs
        guard !files.isEmpty, !hasRunFirstBoot(of: DebsSetting.folder) else { return }
        guard let installed = facts.packages else {
            throw .missingInImage("/var/lib/dpkg/status", purpose: "install `debs`")
        }
        try check(files, installed)
        func reason(_ key: String) -> String { "\(key): installed at the first boot" }
        let common = reason(files.contains { $0.key == DebsSetting.name } ? DebsSetting.name : "packages")
        var wanted: Set<VolumePath> = []
        let rounds = installed.rounds(files.map(\.facts))
        for (number, round) in rounds.enumerated() {
            for file in files where round.contains(file.facts) {
                let folder = DebsSetting.rounds[min(number, DebsSetting.rounds.count - 1)]
                guard let path = folder.appending(file.facts.fileName) else { continue }
                wanted.insert(path)
                try put(path, file.content.node, reason: reason(file.key))
            }
        }
        // What an earlier build put there for another slot.
        for folder in DebsSetting.rounds {
            for path in (facts.listings[folder] ?? []).compactMap({ folder.appending($0) }) where !wanted.contains(path)
            {
                try remove(path, reason: common)
            }
        }
        try install(
            FirstBoot.packageInstaller(
                bootMount: facts.bootMount.description, isUserPending: isUserPending),
            reason: common)
    }

    /// A finished card that has run did what it had to; nothing of it is left.
    func hasRunFirstBoot(of folder: VolumePath) -> Bool {
        isFinished && facts.wasBooted && facts.found(.root, folder)?.kind == nil
    }

    /// The first boot sets up the user, which nobody may keep from locking /etc/passwd.
    var isUserPending: Bool { facts.isUserWizardPending && settings.passwordHash != nil }

    private func check(_ files: [PackageFile], _ installed: InstalledPackages) throws(PlanError) {
        var problems = installed.problems(installing: files.map(\.facts))
        // dpkg 1.21.18 learnt it.
        let zstd = PackageVersion("1.21.18")
        if let zstd, let dpkg = installed.named("dpkg").first, dpkg.version < zstd {
            problems += files.filter { $0.dataPacking == "zst" }.map { .packing($0.facts, "zstd") }
        }
        guard let first = problems.first else { return }
        let message =
            problems.count == 1
            ? "could not install `debs`: \(first)"
            : "could not install `debs`: \(problems.count) problems"
                + problems.map { "\n  \($0)" }.joined()
        throw .unmet(message, hint: Self.hint(for: first, installed))
    }

    private static func hint(for problem: PackageProblem, _ installed: InstalledPackages) -> String {
        switch problem {
        case .architecture: "take the packages for \(installed.native) from the image's own archive"
        case .twice: "take one of the two files out"
        case .missing: "add the packages that it needs; `piforge packages fetch` finds them"
        case .conflict: "leave one of the two out"
        case .breaks: "leave the newer version out, or add what goes with it"
        case .packing: "use a package made for the image's release"
        }
    }
}
