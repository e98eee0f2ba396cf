import Trees

/// Collects `ImageFacts`.
struct FactsReader {
    let boot: any Volume
    let root: any Volume
    var facts = ImageFacts()
    private var folders: [Target: Folder] = [:]

    private struct Folder {
        var place: VolumePath
        var missing: [VolumePath]
    }

    /// Configuration files are far smaller.
    private static let byteLimit: Int64 = 1 << 20

    init(boot: any Volume, root: any Volume) {
        self.boot = boot
        self.root = root
    }

    mutating func look(_ partition: Target.Partition, _ paths: [VolumePath]) throws(PlanError) {
        for path in paths { try look(partition, path) }
    }

    /// Notes what lies at `path`; without `readingBytes` only that and of which kind.
    mutating func look(
        _ partition: Target.Partition, _ path: VolumePath, readingBytes: Bool = true
    ) throws(PlanError) {
        let target = Target(partition, path)
        guard facts.found[target] == nil, let name = path.name else { return }
        var byteCount: Int64 = 0
        do throws(VolumeError) {
            facts.found[target] = try find(
                name, in: path.parent, partition, readingBytes, byteCount: &byteCount)
        } catch {
            throw .unreadable(target, error)
        }
        if readingBytes && byteCount > Self.byteLimit { throw .tooLarge(target, byteCount: byteCount) }
    }

    /// The folder with its links followed, and those of its folders that do not exist; many paths share one.
    private mutating func follow(_ folder: VolumePath, _ partition: Target.Partition) throws(VolumeError) -> Folder {
        let target = Target(partition, folder)
        if let known = folders[target] { return known }
        let volume = partition == .boot ? boot : root
        let place = try volume.resolve(folder)
        var missing: [VolumePath] = []
        for folder in place.ancestors + [place] where try volume.status(at: folder) == nil { missing.append(folder) }
        folders[target] = Folder(place: place, missing: missing)
        return Folder(place: place, missing: missing)
    }

    private mutating func find(
        _ name: String, in folder: VolumePath, _ partition: Target.Partition, _ readingBytes: Bool,
        byteCount: inout Int64
    ) throws(VolumeError) -> ImageFacts.Found? {
        let volume = partition == .boot ? boot : root
        let folder = try follow(folder, partition)
        guard let place = folder.place.appending(name) else { return nil }
        var found = ImageFacts.Found(place: place, missingFolders: folder.missing)
        guard folder.missing.isEmpty, let status = try volume.status(at: place) else { return found }
        var (end, endStatus): (VolumePath, NodeStatus?) = (place, status)
        if status.kind == .symlink {
            // A link that leads through a file or in circles leads nowhere, which is for the planner to judge.
            end = (try? volume.resolve(place)) ?? place
            endStatus = end == place ? nil : try? volume.status(at: end)
        }
        found.kind = endStatus?.kind
        if let endStatus, endStatus.kind == .file {
            byteCount = endStatus.byteCount
            if readingBytes, byteCount <= Self.byteLimit, case .file(let bytes)? = try volume.node(at: end)?.content {
                found.bytes = bytes
            }
        }
        switch status.kind {
        case .file:
            found.own = Node(content: .file(found.bytes ?? []), metadata: status.metadata)
        case .symlink: found.own = try volume.node(at: place)
        case .directory: found.own = Node(content: .directory, metadata: status.metadata)
        default: found.own = Node(content: .special(status.kind), metadata: status.metadata)
        }
        return found
    }

    mutating func list(_ folder: VolumePath) throws(PlanError) {
        do throws(VolumeError) {
            let place = try root.resolve(folder)
            guard try root.status(at: place)?.kind == .directory else { return }
            facts.listings[folder] = try root.entries(in: place)
        } catch {
            throw .unreadable(Target(.root, folder), error)
        }
    }
}

// MARK: - What is looked at

extension FactsReader {
    mutating func readBoot() throws(PlanError) {
        try look(
            .boot,
            [
                "/cmdline.txt", "/cmdline.old", "/config.txt", "/ssh", "/ssh.txt", "/userconf", "/userconf.txt",
                "/custom.toml", "/firstrun.sh", "/noresize", "/noresize.txt", "/user-data",
            ])
        var names = facts.config.includes
        var seen: Set<String> = []
        while let name = names.popLast() {
            guard seen.insert(name).inserted, seen.count < 100, let path = VolumePath("/" + name) else { continue }
            try look(.boot, path)
            names += ConfigText(facts.configFile(name) ?? "").includes
        }
        try readKernelLines()
    }

    mutating func readSystem() throws(PlanError) {
        try look(
            .root,
            [
                "/etc/os-release", "/usr/lib/os-release", "/etc/fstab", "/boot/firmware", "/etc/machine-id",
                "/etc/hostname", "/etc/hosts", "/etc/issue", "/etc/sysctl.conf", "/etc/localtime", "/etc/timezone",
                "/etc/default/locale", "/etc/locale.gen", "/etc/default/keyboard", "/etc/xdg/autostart/piwiz.desktop",
                "/etc/cloud/cloud-init.disabled", "/bin/true", "/usr/bin/true",
            ])
        try look(.root, "/usr/bin/cloud-init", readingBytes: false)
    }

    mutating func readClusterCTRL() throws(PlanError) {
        let tools = ["reconfig-clusterctrl", "reconfig-clusterhat", "clusterctrl", "ifup", "NetworkManager"]
        for name in tools + ["wpa_supplicant", "dhcpcd"] {
            for folder: VolumePath in ["/usr/sbin", "/sbin"] {
                if let path = folder.appending(name) { try look(.root, path, readingBytes: false) }
            }
        }
        try look(.root, ImageFacts.sharePath)
        let templates = [
            "default-clusterctrl", "interfaces.bookworm.cnat", "interfaces.bookworm.cbridge", "interfaces.bookworm.p",
            "interfaces.cnat", "interfaces.cbridge", "issue.c", "issue.p",
        ]
        for name in templates {
            if let path = ImageFacts.sharePath.appending(name) { try look(.root, path) }
        }
        try look(
            .root,
            [
                ImageFacts.defaultsPath, ImageFacts.firstbootPath, ImageFacts.initResizePath,
                "/etc/network/interfaces.d/clusterctrl", "/etc/dhcpcd.conf", "/etc/dhcp/dhclient.conf",
            ])
    }

    mutating func readUsers(_ settings: Settings) throws(PlanError) {
        try look(
            .root,
            [
                "/etc/passwd", "/etc/shadow", "/etc/ssh/sshd_config", "/etc/ssh/sshd_config.d/rename_user.conf",
                Planner.serverDropIn,
            ])
        try readServer()
        let user = settings.user.flatMap { facts.user(named: $0) } ?? facts.firstUser
        guard let user else { return }
        try look(.root, user.home)
        for path in Planner.keyPaths(in: user.home) { try look(.root, path) }
    }

    mutating func readNetwork() throws(PlanError) {
        try look(
            .root,
            [
                Planner.wifiKeyfile, Planner.supplicantFile, "/var/lib/NetworkManager/NetworkManager.state",
            ])
        let folder: VolumePath = "/var/lib/systemd/rfkill"
        try list(folder)
        for name in facts.listings[folder] ?? [] where name.hasSuffix(":wlan") {
            if let path = folder.appending(name) { try look(.root, path) }
        }
    }
}
