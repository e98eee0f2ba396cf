import Trees

/// What a system that has run and no second one may have: its machine id, host keys, random seed, leases and the logs that
/// tell of it.
///
/// A base that has run, such as a card that was read back, is a base like another: each image made from it gets these
/// anew at its first boot, unless the profile wants them kept.
enum KeepIdentitySetting: Setting {
    typealias Value = Bool?

    static let keys = [
        SchemaKey(
            "keep_identity", .boolean,
            "Keep machine id, ssh host keys, random seed, leases and logs of a base that has run.", example: "false")
    ]

    static let template = """

        # A base that has run: keep its machine id, host keys, leases and logs.
        keep_identity: false
        """

    static let machineID: VolumePath = "/etc/machine-id"
    static let keyFolder: VolumePath = "/etc/ssh"
    /// What makes other host keys: of Raspberry Pi OS, and Debian's since trixie, which does so at a first start alone.
    static let keyMakers = ["regenerate_ssh_host_keys.service", "sshd-keygen.service"]

    /// Files of their own.
    static let files: [VolumePath] = [
        "/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed",
        "/var/lib/systemd/credential.secret", "/var/lib/NetworkManager/secret_key",
        "/var/lib/NetworkManager/seen-bssids", "/var/lib/docker/engine-id",
        // gethostid(3), and what was typed on the machine.
        "/etc/hostid", "/root/.bash_history",
        // What a client of DHCP shows as its own name: dhcpcd before version 9, and since.
        "/etc/dhcpcd.duid", "/etc/dhcpcd.secret", "/var/lib/dhcpcd/duid", "/var/lib/dhcpcd/secret",
        // A member of a swarm; without these dockerd is none.
        "/var/lib/docker/swarm/docker-state.json", "/var/lib/docker/swarm/state.json",
        "/var/lib/docker/swarm/certificates/swarm-node.crt", "/var/lib/docker/swarm/certificates/swarm-node.key",
    ]

    /// Folders with leases of DHCP clients.
    static let leaseFolders: [VolumePath] = [
        "/var/lib/dhcp", "/var/lib/dhcpcd5", "/var/lib/dhcpcd", "/var/lib/NetworkManager",
    ]

    static let logFolder: VolumePath = "/var/log"
    static let journalFolder: VolumePath = "/var/log/journal"

    /// Logs of a system's starts, users and addresses, up to the first dot of their names. Those of packages tell nothing of
    /// a machine.
    static let logs: Set<Substring> = [
        "auth", "boot", "btmp", "cloud-init", "cloud-init-output", "cron", "daemon", "debug", "dmesg", "faillog",
        "kern", "lastlog", "mail", "messages", "syslog", "tallylog", "user", "wtmp",
    ]

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        for path in files { try reader.look(.root, path, readingBytes: false) }
        for folder in leaseFolders + [keyFolder, logFolder, journalFolder] { try reader.list(folder) }
        for folder in reader.facts.journals { try reader.list(folder) }
        for path in reader.facts.leases + reader.facts.hostKeys + reader.facts.logs {
            try reader.look(.root, path, readingBytes: false)
        }
        try reader.look(atUnits: keyMakers)
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planFreshIdentity() }
}

extension ImageFacts {
    /// Also with a machine id that was emptied by hand.
    fileprivate var hasRun: Bool { wasBooted || exists(.root, "/var/lib/systemd/random-seed") }

    fileprivate var leases: [VolumePath] {
        KeepIdentitySetting.leaseFolders.flatMap { folder in
            (listings[folder] ?? []).filter { $0.contains(".lease") }.compactMap { folder.appending($0) }
        }
    }

    fileprivate var hostKeys: [VolumePath] {
        (listings[KeepIdentitySetting.keyFolder] ?? []).filter {
            $0.hasPrefix("ssh_host_") && $0.contains("_key")
        }.compactMap { KeepIdentitySetting.keyFolder.appending($0) }
    }

    /// systemd's journals, a folder for each machine id and namespace.
    fileprivate var journals: [VolumePath] {
        (listings[KeepIdentitySetting.journalFolder] ?? []).filter { name in
            let id = name.prefix { $0 != "." }
            return id.utf8.count == 32 && id.allSatisfy(\.isHexDigit)
        }.compactMap { KeepIdentitySetting.journalFolder.appending($0) }
    }

    fileprivate var logs: [VolumePath] {
        let folder = KeepIdentitySetting.logFolder
        let texts = (listings[folder] ?? []).filter { name in
            KeepIdentitySetting.logs.contains(name.prefix { $0 != "." })
        }.compactMap { folder.appending($0) }
        return texts + journals.flatMap { journal in (listings[journal] ?? []).compactMap { journal.appending($0) } }
    }
}

extension Planner {
    fileprivate mutating func planFreshIdentity() throws(PlanError) {
        guard facts.hasRun, !isFinished, !isNetbootBefore else { return }
        guard settings.keepIdentity != true else {
            return warn("the base has been booted: all slots made from it share its machine id and ssh host keys")
        }
        let reason = "the base was booted, and each machine needs its own"
        if facts.wasBooted, release >= .trixie {
            try rewrite(KeepIdentitySetting.machineID, [Self.firstStart], reason: reason)
        } else if facts.wasBooted, settings.identity?.machineID == nil {
            try rewrite(KeepIdentitySetting.machineID, [.removeAllLines], reason: reason)
        }
        let files = KeepIdentitySetting.files + facts.leases + facts.logs
        for path in files where facts.found(.root, path)?.own?.kind == .file && brought[Target(.root, path)] == nil {
            try remove(path, reason: reason)
        }
        for folder in facts.journals { try removeIfEmptied(folder, reason: reason) }
        // Without what makes others, the server would not start.
        guard let maker = KeepIdentitySetting.keyMakers.first(where: { facts.unitFile($0) != nil }) else {
            return warn("the base has been booted: all slots made from it share its ssh host keys")
        }
        for path in facts.hostKeys where brought[Target(.root, path)] == nil { try remove(path, reason: reason) }
        if maker == KeepIdentitySetting.keyMakers[0] {
            try enable(maker, in: "multi-user.target.wants", reason: reason)
        } else {
            try enable([maker])
        }
    }
}

extension Settings {
    /// True leaves what tells the base's system from others in its images.
    package var keepIdentity: Bool? {
        get { self[KeepIdentitySetting.self] }
        set { self[KeepIdentitySetting.self] = newValue }
    }
}
