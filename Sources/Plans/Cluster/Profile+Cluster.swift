import Identity

/// What a slot is told of the cluster, and of itself as a part of it.
extension Profile {
    /// The settings that merged layers amount to, with what follows from the cluster's name, secret and other slots.
    func settings(
        of layers: [(slot: Slot, layer: SettingsLayer)], flags: SettingsLayer?, needsSecret: Bool
    ) throws(ProfileErrors) -> [(slot: Slot, settings: Settings)] {
        var result: [(slot: Slot, settings: Settings)] = []
        var roster: Roster?
        let isBridged = slotLayers[.cbridge] != nil && slotLayers[.cnat] == nil
        for (slot, layer) in layers {
            var settings = Settings(layer)
            if slot.isNode, isBridged { settings.gadget.isBridged = true }
            settings.identity = try identity(of: slot, layer)
            if needsSecret, settings.identity == .withheld { throw Self.missingSecret(layer) }
            let hasPeers = layer.entry(PeersSetting.name)?.value.boolean == true
            let hasTemplates = settings.files.contains(where: \.isTemplate)
            let hasFleet = hasFleet(flags)
            if roster == nil && (hasPeers || hasTemplates || hasFleet) {
                roster = try self.roster(of: layers, flags: flags)
            }
            if let roster, hasPeers { introduce(roster, to: slot, &settings) }
            if let roster, hasTemplates { settings.files = try Self.expanded(layer, for: slot, roster) }
            if let roster, hasFleet { addFleet(to: &settings, of: slot, flags: flags, roster) }
            result.append((slot, settings))
        }
        return result
    }

    // MARK: Identity

    /// Nil where neither a secret nor a host key is named.
    private func identity(of slot: Slot, _ layer: SettingsLayer) throws(ProfileErrors) -> MachineIdentity? {
        let given = HostKeyFileSetting.value(of: layer.entries(HostKeyFileSetting.name))
        guard let entry = layer.entry(IdentitySetting.name), case .secret(let source) = entry.value else {
            return given.map { .known($0, nil) }
        }
        guard let secret = source.secret else { return .withheld }
        do throws(IdentityError) {
            let generation = layer.entry(IdentityGenerationSetting.name)?.value.integer ?? 1
            let derived = try SlotIdentity(secret, cluster: cluster, slot: slot.name, generation: generation)
            return .known(given ?? derived.hostKey, derived.machineID)
        } catch {
            throw ProfileErrors([
                ProfileProblem(
                    entry.position, "could not derive the keys of \(slot): \(error.reason)", hint: error.hint)
            ])
        }
    }

    private static func missingSecret(_ layer: SettingsLayer) -> ProfileErrors {
        guard let entry = layer.entry(IdentitySetting.name), case .secret(let source) = entry.value else {
            return ProfileErrors([])
        }
        return ProfileErrors([
            ProfileProblem(
                entry.position, "could not read \(source.path): \(ProfileFileError.notFound.reason)",
                hint: "piforge identity new makes a secret, once for each cluster")
        ])
    }

    // MARK: Peers

    /// Lines of /etc/hosts for the machines with a fixed address, and all host keys that are known.
    private func introduce(_ roster: Roster, to slot: Slot, _ settings: inout Settings) {
        let taken = Set(settings.hosts.flatMap(\.names))
        for machine in roster.machines where machine.slot != slot {
            let names = roster.namesInside(of: machine).filter { !taken.contains($0) }
            guard let address = machine.addressInside, !names.isEmpty else { continue }
            settings.hosts.append(.init(address: address, names: names))
        }
        // Half of the keys would look like all of them.
        guard settings.identity != .withheld else { return }
        settings.knownHosts = roster.machines.compactMap { machine in
            machine.publicKey.map { key in
                let names = roster.namesInside(of: machine) + [machine.addressInside].compactMap { $0 }
                return KnownHost(names: names + [roster.alias(machine.slot)], publicKey: key)
            }
        }
    }
}

// MARK: - Templates

extension Profile {
    private static func expanded(
        _ layer: SettingsLayer, for slot: Slot, _ roster: Roster
    ) throws(ProfileErrors) -> [Settings.FileCopy] {
        let template = FileTemplate(slot: slot, roster: roster)
        var result: [Settings.FileCopy] = []
        var problems: [ProfileProblem] = []
        for entry in layer.entries(FilesSetting.name) {
            guard var copy = entry.value.file else { continue }
            if copy.isTemplate, case .file(let bytes) = copy.content {
                do throws(Refusal) {
                    copy.content = .file(try template.expanded(bytes))
                } catch {
                    problems.append(
                        ProfileProblem(entry.position, "\(copy.target): \(error.message)", hint: error.hint))
                }
            }
            result.append(copy)
        }
        guard problems.isEmpty else { throw ProfileErrors(problems) }
        return result
    }
}

// MARK: - The roster

extension Profile {
    /// The file that the key `identity` names, as the user would open it; nil where nothing does.
    package func secretPath(flags: SettingsLayer? = nil) -> String? {
        for layer in [flags, defaults].compactMap({ $0 }) {
            if case .secret(let source)? = layer.entry(IdentitySetting.name)?.value { return source.path }
        }
        return nil
    }

    /// All slots of the profile as others reach them.
    ///
    /// `addresses` go before the profile's; without `needsSecret` host keys that follow from a missing one are left out.
    /// `keyFiles` names the private keys that belong to a file of public ones, as
    /// ssh_config(5) takes their paths.
    package func roster(
        flags: SettingsLayer? = nil, addresses: [Slot: String] = [:], needsSecret: Bool = true,
        keyFiles: (String) -> [String] = { _ in [] }
    ) throws(ProfileErrors) -> Roster {
        let layers = slots.map { (slot: $0, layer: layer(for: $0, flags: flags)) }
        let problems = Self.problems(layers)
        guard problems.isEmpty else { throw ProfileErrors(problems) }
        if needsSecret, let layer = layers.lazy.map(\.layer).first(where: { $0.entry(IdentitySetting.name) != nil }),
            case .secret(let source)? = layer.entry(IdentitySetting.name)?.value, source.secret == nil
        {
            throw Self.missingSecret(layer)
        }
        return try roster(of: layers, flags: flags, addresses: addresses, keyFiles: keyFiles)
    }

    /// The slots of the profile and those of `chosen`, whose layers may have flags that are for them alone.
    private func roster(
        of chosen: [(slot: Slot, layer: SettingsLayer)], flags: SettingsLayer?, addresses: [Slot: String] = [:],
        keyFiles: (String) -> [String] = { _ in [] }
    ) throws(ProfileErrors) -> Roster {
        let others = flags?.withoutSlotKeys()
        var layers = chosen
        for slot in slots where !chosen.contains(where: { $0.slot == slot }) {
            layers.append((slot, layer(for: slot, flags: others)))
        }
        let isTranslated = layers.contains { $0.slot == .cnat }
        var machines: [Roster.Machine] = []
        for (slot, layer) in layers {
            machines.append(
                try machine(
                    slot, layer, isTranslated: isTranslated, address: addresses[slot], keyFiles: keyFiles))
        }
        let roster = Roster(cluster: cluster, machines: machines)
        if let shared = roster.sharedName {
            let slots = shared.slots.map(\.name).joined(separator: " and ")
            let position = layers.first { $0.slot == shared.slots.last }?.layer.entry(HostnameSetting.name)?.position
            throw ProfileErrors([
                ProfileProblem(
                    position ?? ProfilePosition(file: name), "the name `\(shared.name)` means both \(slots)",
                    hint: "choose other host names: CLUSTER-SLOT is a name of each slot, too")
            ])
        }
        return roster
    }

    private func machine(
        _ slot: Slot, _ layer: SettingsLayer, isTranslated: Bool, address: String?, keyFiles: (String) -> [String]
    ) throws(ProfileErrors) -> Roster.Machine {
        let settings = Settings(layer)
        let hostname = settings.hostname ?? slot.name
        let given = address ?? settings.address
        let own = settings.addressing.address?.address
        let inside: String?
        if isTranslated, !slot.isPlain {
            inside = slot.isController ? slot.fallbackAddress : own ?? slot.fallbackAddress
        } else {
            inside = own ?? given.flatMap { Validation.isAddress($0) ? $0 : nil }
        }
        // An address that a node of a CNAT controller has elsewhere, such as on its own Wi-Fi, is reached directly.
        let isBehind = isTranslated && slot.isNode && (given == nil || given == inside)
        let files = layer.entries(AuthorizedKeysSetting.name).map(\.position.file).unique
        return Roster.Machine(
            slot: slot, hostname: hostname, domain: settings.domain,
            address: given ?? (isBehind ? inside : own) ?? "\(hostname).local", addressInside: inside,
            gateway: isBehind ? .cnat : nil, user: settings.user ?? "pi",
            publicKey: try identity(of: slot, layer)?.hostKey?.publicKey, identityFiles: files.flatMap(keyFiles))
    }
}
