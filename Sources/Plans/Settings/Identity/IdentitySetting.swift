package import Identity
package import Trees

/// The cluster's secret, from which each machine's host key and machine id are derived.
enum IdentitySetting: Setting {
    /// What `Profile` derives for a slot; a layer alone does not know the cluster.
    typealias Value = MachineIdentity?

    static let keys = [
        SchemaKey(
            "identity", .text(.path),
            "File with the cluster's secret (`piforge identity new`), from which every machine gets a host key and a "
                + "machine id that outlive its card.",
            example: "sg1.secret", scope: [.profile, .flag])
    ]

    static let template = """

        # The secret that host keys are made from; without it each card makes its own at the first boot.
        # identity: sg1.secret
        """

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value { nil }

    /// A missing file is no mistake of the profile's: those who only check finished images need not have the secret.
    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        guard let path = node.text else { return [] }
        let place = decoder.files.resolve(path)
        var secret: IdentitySecret?
        if (try? decoder.files.status(path, followingLink: true)) != nil {
            guard let bytes = decoder.bytes(of: node) else { return [] }
            do throws(IdentityError) {
                secret = try IdentitySecret(fileText: String(decoding: bytes, as: UTF8.self))
            } catch {
                decoder.report(node.position, "could not use \(place): \(error.reason)", hint: error.hint)
                return []
            }
        }
        return [
            .init(key: key.name, value: .secret(IdentitySource(path: place, secret: secret)), position: node.position)
        ]
    }

    // MARK: The image

    static let folder: VolumePath = "/etc/ssh/piforge"
    static let privateFile = MachineIdentity.privatePath
    static let publicFile = MachineIdentity.publicPath
    /// What the first boot makes.
    static let usualFile: VolumePath = "/etc/ssh/ssh_host_ed25519_key"
    static let serverDropIn: VolumePath = "/etc/ssh/sshd_config.d/10-piforge.conf"
    static let busID: VolumePath = "/var/lib/dbus/machine-id"

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        try reader.look(.root, usualFile, readingBytes: false)
        guard reader.settings.identity != nil else {
            return try reader.look(.root, privateFile, readingBytes: false)
        }
        try reader.look(.root, [PasswordLoginSetting.serverConfig, serverDropIn, folder, privateFile, publicFile])
        try reader.look(.root, busID, readingBytes: false)
    }

    /// From trixie on an id that is there before the first boot would keep it from being one, so that the root file system would
    /// not grow: systemd writes the id that the kernel's line has (systemd(1)).
    static func kernelLine(_ planner: Planner) -> KernelLineWish {
        guard planner.release >= .trixie else { return .init() }
        guard let id = planner.settings.identity?.machineID else { return .init() }
        return KernelLineWish(
            arguments: ["systemd.machine_id=\(id)"],
            reason: "a machine id that outlives the card")
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planIdentity() }
}

/// Which keys and ids of a slot these are; another number gives the slot new ones.
enum IdentityGenerationSetting: Setting {
    typealias Value = Int?

    static let keys = [
        SchemaKey(
            "identity_generation", .integer(SlotIdentity.generations),
            "Counts the identities of a slot: the next number gives this slot alone a new host key and machine id.",
            example: "2", scope: [.slot, .flag])
    ]
}

/// A host key that the machine has already.
enum HostKeyFileSetting: Setting {
    typealias Value = HostKey?

    static let keys = [
        SchemaKey(
            "host_key_file", .text(.path),
            "An ed25519 host key that the machine has already (its /etc/ssh/ssh_host_ed25519_key), instead of a derived "
                + "one.",
            example: "keys/tealc_ed25519", scope: [.slot, .flag])
    ]

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        if case .hostKey(let key)? = entries.last?.value { key } else { nil }
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        guard let path = node.text, let bytes = decoder.bytes(of: node) else { return [] }
        do throws(IdentityError) {
            let hostKey = try HostKey(fileText: String(decoding: bytes, as: UTF8.self))
            return [.init(key: key.name, value: .hostKey(hostKey), position: node.position)]
        } catch {
            decoder.report(
                node.position, "could not use \(decoder.files.resolve(path)): \(error.reason)", hint: error.hint)
            return []
        }
    }

    /// A new generation of a key that is given as a file would be the same key.
    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        guard layer.entry(name) != nil, let generation = layer.entry(IdentityGenerationSetting.name) else { return [] }
        return [
            ProfileProblem(
                generation.position, "`identity_generation` changes nothing beside `host_key_file`",
                hint: "take one of the two out")
        ]
    }
}

/// Where a cluster's secret is, and the secret itself when this computer has it.
package struct IdentitySource: Equatable, Sendable {
    /// As the user would open it.
    package var path: String
    package var secret: IdentitySecret?
}

/// What tells one machine from all others, as far as it is known here.
package enum MachineIdentity: Equatable, Sendable {
    /// The id is nil when the profile has a host key alone.
    case known(HostKey, MachineID?)
    /// The profile has a secret that is not at hand: what depends on it is not judged.
    case withheld

    package var hostKey: HostKey? { if case .known(let key, _) = self { key } else { nil } }
    package var machineID: MachineID? { if case .known(_, let id) = self { id } else { nil } }
}

extension MachineIdentity {
    /// Where the host key lies in an image.
    package static let privatePath: VolumePath = "/etc/ssh/piforge/ssh_host_ed25519"
    package static let publicPath: VolumePath = "/etc/ssh/piforge/ssh_host_ed25519.pub"
}

extension Settings {
    /// Nil: the Pi makes its own at the first boot.
    package var identity: MachineIdentity? {
        get { self[IdentitySetting.self] }
        set { self[IdentitySetting.self] = newValue }
    }
}

extension Planner {
    /// The key lies where no first boot looks: those of all releases wipe and make /etc/ssh/ssh_host_*_key alone.
    fileprivate mutating func planIdentity() throws(PlanError) {
        switch settings.identity {
        case nil:
            if facts.exists(.root, IdentitySetting.privateFile) {
                warn("the base has a host key of piforge's: all slots made from it share it")
            }
        case .withheld: break
        case .known(let key, let id):
            try planHostKey(key)
            if let id { try planMachineID(id) }
        }
    }

    private mutating func planHostKey(_ key: HostKey) throws(PlanError) {
        let reason = "a host key that outlives the card"
        let config = PasswordLoginSetting.serverConfig
        guard let text = facts.text(.root, config) else {
            throw .missingInImage("\(config)", purpose: "give the ssh server its host key")
        }
        try put(IdentitySetting.folder, .directory, .init(mode: 0o755), reason: reason)
        try put(IdentitySetting.privateFile, text: key.privateFileText, mode: 0o600, reason: reason, isSecret: true)
        try put(IdentitySetting.publicFile, text: key.publicFileText, reason: reason)
        // Any such line turns the keys of the usual names off.
        let line = "HostKey \(IdentitySetting.privateFile)"
        if Self.includesDropIns(text, before: "hostkey") {
            try put(IdentitySetting.serverDropIn, text: line + "\n", reason: reason)
        } else {
            try rewrite(config, [.ensureFirstLine(line)], reason: reason)
        }
    }

    /// In the releases to bookworm an id that is there before the first boot does no harm: their first-boot units ask
    /// for other things. An image of theirs has an empty file.
    private mutating func planMachineID(_ id: MachineID) throws(PlanError) {
        guard release < .trixie else { return }
        let reason = "a machine id that outlives the card"
        try put("/etc/machine-id", text: id.fileText, mode: 0o444, reason: reason)
        // Mostly a link to the other one; a file of its own would be the D-Bus id of another machine.
        if facts.found(.root, IdentitySetting.busID)?.own?.kind == .file {
            try remove(IdentitySetting.busID, reason: reason)
        }
    }
}
