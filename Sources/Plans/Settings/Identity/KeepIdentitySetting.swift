import Trees

/// What a system that has run and no second one may have: its machine id, host keys, random seed and leases.
///
/// A base that has run, such as a card that was read back, is a base like another: each image made from it gets these
/// anew at its first boot, unless the profile wants them kept.
enum KeepIdentitySetting: Setting {
    typealias Value = Bool?

    static let keys = [
        SchemaKey(
            "keep_identity", .boolean,
            "Keep the machine id, ssh host keys, random seed and leases of a base that has run.", example: "false")
    ]

    static let template = """

        # A base that has run: keep its machine id, host keys and leases.
        keep_identity: false
        """

    static let machineID: VolumePath = "/etc/machine-id"
    static let keyFolder: VolumePath = "/etc/ssh"
    static let keyMaker = "regenerate_ssh_host_keys.service"

    /// Files of their own.
    static let files: [VolumePath] = [
        "/var/lib/dbus/machine-id", "/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed",
        "/var/lib/systemd/credential.secret", "/var/lib/NetworkManager/secret_key",
        "/var/lib/NetworkManager/seen-bssids", "/var/lib/docker/engine-id",
    ]

    /// Folders with leases of DHCP clients.
    static let leaseFolders: [VolumePath] = [
        "/var/lib/dhcp", "/var/lib/dhcpcd5", "/var/lib/dhcpcd", "/var/lib/NetworkManager",
    ]

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        for path in files { try reader.look(.root, path, readingBytes: false) }
        for folder in leaseFolders + [keyFolder] { try reader.list(folder) }
        for path in reader.facts.leases + reader.facts.hostKeys {
            try reader.look(.root, path, readingBytes: false)
        }
        try reader.look(atUnits: [keyMaker])
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planFreshIdentity() }
}

extension ImageFacts {
    fileprivate var leases: [VolumePath] {
        KeepIdentitySetting.leaseFolders.flatMap { folder in
            (listings[folder] ?? []).filter { $0.contains(".lease") }.compactMap { folder.appending($0) }
        }
    }

    fileprivate var hostKeys: [VolumePath] {
        (listings[KeepIdentitySetting.keyFolder] ?? []).filter {
            $0.hasPrefix("ssh_host_") && ($0.hasSuffix("_key") || $0.hasSuffix("_key.pub"))
        }.compactMap { KeepIdentitySetting.keyFolder.appending($0) }
    }
}

extension Planner {
    fileprivate mutating func planFreshIdentity() throws(PlanError) {
        guard facts.wasBooted, !isFinished, !isNetbootBefore else { return }
        guard settings.keepIdentity != true else {
            return warn("the base has been booted: all slots made from it share its machine id and ssh host keys")
        }
        let reason = "the base was booted, and each machine needs its own"
        if settings.identity?.machineID == nil {
            try rewrite(KeepIdentitySetting.machineID, [.removeAllLines], reason: reason)
        }
        for path in KeepIdentitySetting.files + facts.leases where facts.found(.root, path)?.own?.kind == .file {
            try remove(path, reason: reason)
        }
        // Without what makes others, the server would not start.
        guard facts.unitFile(KeepIdentitySetting.keyMaker) != nil else {
            return warn("the base has been booted: all slots made from it share its ssh host keys")
        }
        for path in facts.hostKeys where brought[Target(.root, path)] == nil { try remove(path, reason: reason) }
        try enable(KeepIdentitySetting.keyMaker, in: "multi-user.target.wants", reason: reason)
    }
}

extension Settings {
    /// True leaves what tells the base's system from others in its images.
    package var keepIdentity: Bool? {
        get { self[KeepIdentitySetting.self] }
        set { self[KeepIdentitySetting.self] = newValue }
    }
}
