import Identity
import Payload

/// What a machine is told of its cluster's swarm, and of its controller's power over nodes.
extension Profile {
    /// The parts of one slot; `roster` has all machines of the cluster, also those that are not built.
    func addFleet(to settings: inout Settings, of slot: Slot, flags: SettingsLayer?, _ roster: Roster) {
        addPower(to: &settings, of: slot, flags: flags, roster)
        if let swarm = SwarmWish(self, flags: flags), swarm.members.contains(slot) {
            settings.swarm = swarm.part(of: slot, in: roster)
        }
    }

    /// Whether what is said of the cluster needs the roster.
    func hasFleet(_ flags: SettingsLayer?) -> Bool {
        SwarmWish(self, flags: flags) != nil || poweringController(flags) != nil
    }

    /// Problems that show only in all slots together.
    func fleetProblems(flags: SettingsLayer? = nil) -> [ProfileProblem] {
        SwarmWish(self, flags: flags).map { $0.problems(in: self, flags: flags) } ?? []
    }

    /// The controller that turns nodes on.
    private func poweringController(_ flags: SettingsLayer?) -> Slot? {
        slots.first { slot in
            slot.isController && layer(for: slot, flags: flags).entry(NodesOnSetting.name)?.value.boolean == true
        }
    }

    private func addPower(to settings: inout Settings, of slot: Slot, flags: SettingsLayer?, _ roster: Roster) {
        guard let controller = poweringController(flags),
            let machine = roster.machines.first(where: { $0.slot == controller })
        else { return }
        if slot == controller {
            let nodes = roster.machines.filter(\.slot.isNode)
            let canAsk = settings.identity != nil && machine.addressInside != nil
            settings.power = .controller(
                nodes.map { node in
                    NodePower.Node(
                        slot: node.slot.name, address: canAsk ? node.addressInside : nil,
                        alias: canAsk ? roster.alias(node.slot) : nil)
                },
                !canAsk
                    ? []
                    : nodes.compactMap { node in
                        node.publicKey.map { KnownHost(names: [roster.alias(node.slot)], publicKey: $0) }
                    })
        } else if slot.isNode, let address = machine.addressInside, settings.identity != nil {
            settings.power = .node(
                ClusterGuest(publicKey: machine.publicKey, address: address, command: NodePower.powerOffCommand))
        }
    }
}

/// What the key `swarm` says, of the cluster as a whole.
private struct SwarmWish {
    let entries: [SettingsLayer.Entry]
    let position: ProfilePosition
    let members: [Slot]
    let cluster: String

    /// Nil when no swarm is wanted.
    init?(_ profile: Profile, flags: SettingsLayer?) {
        var layer = profile.defaults
        if let flags { layer.merge(flags) }
        entries = layer.entries(of: SwarmSetting.name)
        guard let said = entries.last(where: { $0.key == SwarmSetting.name }), said.value.boolean == true else {
            return nil
        }
        position = said.position
        cluster = profile.cluster
        let named = entries.filter { $0.key == "swarm.members" }.compactMap { $0.value.text.flatMap(Slot.init) }
        members = (named.isEmpty ? profile.slots.filter { !$0.isPlain } : named).sorted()
    }

    var controller: Slot? {
        let controllers = members.filter(\.isController)
        return controllers.count == 1 ? controllers[0] : nil
    }

    private func text(_ key: String) -> String? { entries.last { $0.key == key }?.value.text }
    private func files(_ key: String) -> [NamedFile] {
        entries.filter { $0.key == key }.compactMap { entry in
            if case .content(let file) = entry.value { file } else { nil }
        }
    }
    private var networks: [String] { entries.filter { $0.key == "swarm.networks" }.compactMap(\.value.text) }

    /// Where nodes reach the controller.
    private func address(of controller: Roster.Machine) -> String? {
        text("swarm.advertise") ?? controller.addressInside
    }

    func part(of slot: Slot, in roster: Roster) -> Settings.SwarmPart? {
        func machine(_ slot: Slot) -> Roster.Machine? { roster.machines.first { $0.slot == slot } }
        guard let controller, let manager = machine(controller), let address = address(of: manager) else { return nil }
        let pool = text("swarm.pool") ?? SwarmSetting.usualPool
        if slot == controller {
            let guests = members.compactMap { member -> ClusterGuest? in
                guard !member.isController, let node = machine(member), let from = node.addressInside else {
                    return nil
                }
                return ClusterGuest(
                    publicKey: node.publicKey, address: from, command: SwarmPrograms.ticketCommand(of: member.name))
            }
            return .manager(
                .init(
                    cluster: cluster, address: address, pool: pool, guests: guests,
                    networks: networks,
                    secrets: files("swarm.secrets"), stacks: files("swarm.stacks")))
        }
        guard let own = machine(slot)?.addressInside else { return nil }
        return .worker(
            .init(
                cluster: cluster, address: own, pool: pool, managerAddress: address,
                managerAlias: roster.alias(controller), managerKey: manager.publicKey))
    }

    // MARK: Problems

    func problems(in profile: Profile, flags: SettingsLayer?) -> [ProfileProblem] {
        func problem(_ message: String, _ hint: String) -> ProfileProblem {
            ProfileProblem(position, message, hint: hint)
        }
        let surroundings = StackFile.Surroundings(networks: networks, secrets: files("swarm.secrets").map(\.name))
        var problems = files("swarm.stacks").flatMap { file in
            StackFile(file.bytes, name: file.name, path: file.path, in: surroundings).problems
        }
        if let pool = IPv4Network(text("swarm.pool") ?? SwarmSetting.usualPool),
            let taken = DaemonFile.clusterNetworks.first(where: { $0.overlaps(pool) })
        {
            problems.append(
                problem("`swarm.pool` \(pool) overlaps the cluster's own \(taken)", "pool: \(SwarmSetting.usualPool)"))
        }
        let strangers = members.filter { profile.slotLayers[$0] == nil }
        if !strangers.isEmpty {
            problems.append(
                problem(
                    "`swarm.members` names \(Self.list(strangers)), which `slots` does not list",
                    "list them under slots, or take them out of members"))
        }
        guard let controller else {
            return problems + [
                problem("a swarm needs one controller among its members, which makes it", "slots: {cnat: {}, p1: {}}")
            ]
        }
        func isSaid(_ slot: Slot, _ keys: String...) -> Bool {
            let layer = profile.layer(for: slot, flags: flags)
            return keys.contains { key in layer.entry(key).map { $0.value.boolean != false } ?? false }
        }
        let keyless = members.filter { !isSaid($0, IdentitySetting.name, HostKeyFileSetting.name) }
        if !keyless.isEmpty {
            problems.append(
                problem(
                    "a swarm needs `identity`: the host keys of \(Self.list(keyless)) are not known",
                    "piforge identity new makes a secret; then identity: \(profile.cluster).secret"))
        }
        let engineless = members.filter { !isSaid($0, DockerSetting.name) }
        if !engineless.isEmpty {
            problems.append(
                problem("a swarm needs `docker` on \(Self.list(engineless))", "defaults: {docker: {}}"))
        }
        guard problems.isEmpty, let roster = try? profile.roster(flags: flags, needsSecret: false) else {
            return problems
        }
        return addressProblems(controller, roster)
    }

    private func addressProblems(_ controller: Slot, _ roster: Roster) -> [ProfileProblem] {
        let machines = roster.machines.filter { members.contains($0.slot) }
        if let manager = machines.first(where: { $0.slot == controller }), address(of: manager) == nil {
            return [
                ProfileProblem(
                    position, "nothing says at which address nodes find \(controller)",
                    hint: "swarm: {advertise: 192.168.1.20}, or network: {address: 192.168.1.20/24} in \(controller)")
            ]
        }
        let lost = machines.filter { $0.slot.isNode && $0.addressInside == nil }.map(\.slot)
        if lost.isEmpty { return [] }
        return [
            ProfileProblem(
                position, "the controller lets in nodes from known addresses alone, and \(Self.list(lost)) have none",
                hint: "address: 192.168.1.21 (what your DHCP server reserves), or network: {address: 192.168.1.21/24}")
        ]
    }

    private static func list(_ slots: [Slot]) -> String { slots.map(\.name).joined(separator: ", ") }
}
