package import Identity
import Payload
package import Trees

/// The swarm that the machines of a cluster make.
enum SwarmSetting: Setting {
    /// What `Profile` finds out of the whole cluster; a layer alone knows no other slots.
    typealias Value = Settings.SwarmPart?

    static let keys = [
        SchemaKey(
            "swarm",
            .booleanOr([
                SchemaKey(
                    "networks", .list(.text(.swarmName)), "Overlay networks that the controller makes.",
                    example: "[proxy]"),
                SchemaKey(
                    "secrets", .map(key: .swarmName, value: .text(.path)),
                    "Secrets of the swarm, each with the file that holds it.", example: "{cf_token: secrets/cf_token}",
                    isSecret: true),
                SchemaKey(
                    "stacks", .map(key: .stackName, value: .text(.path)),
                    "Stacks that the controller deploys, each with its compose file.",
                    example: "{traefik: stacks/traefik.yaml}"),
                SchemaKey(
                    "pool", .text(.addressPool), "Where overlay networks get their addresses from.",
                    example: "10.181.0.0/16"),
                SchemaKey(
                    "advertise", .text(.ipv4Address),
                    "The controller's address for the swarm; 172.19.181.254 behind NAT, else its own fixed one.",
                    example: "192.168.1.20"),
                SchemaKey(
                    "members", .list(.text(.slotName)), "The slots that belong to it; without it all that are listed.",
                    example: "[cnat, p1, p2]"),
            ]),
            "A Docker Swarm of all slots, with the controller as manager; needs `identity`, and `docker` on its members.",
            example: "{}", scope: [.profile, .flag])
    ]

    static let template = """

        # A Docker Swarm: the controller makes it, the nodes join. Needs identity and docker.
        # swarm: {}
        """

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value { nil }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        guard case .map = node.content else {
            return SettingsDecoder.entries(node, path: key.name, type: .boolean)
        }
        var entries = [SettingsLayer.Entry(key: key.name, value: .boolean(true), position: node.position)]
        entries += SettingsDecoder.entries(node, path: key.name, type: key.type)
        for pair in node["secrets"]?.pairs ?? [] {
            guard let bytes = decoder.bytes(of: pair.value) else { continue }
            if !(1...secretLimit).contains(bytes.count) {
                decoder.report(
                    pair.value.position,
                    "the secret `\(pair.key)` has \(bytes.count) bytes, and Docker takes 1 to \(secretLimit)")
            }
            entries.append(
                .init(
                    key: "swarm.secrets", value: .content(decoder.named(pair, bytes)), position: pair.value.position))
        }
        for pair in node["stacks"]?.pairs ?? [] {
            guard let bytes = decoder.bytes(of: pair.value) else { continue }
            entries.append(
                .init(key: "swarm.stacks", value: .content(decoder.named(pair, bytes)), position: pair.value.position))
        }
        return entries
    }

    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        switch entry.value {
        case .content(let file): .replacing("\(entry.key).\(file.name)")
        case .text(let text) where ["swarm.networks", "swarm.members"].contains(entry.key):
            .once("\(entry.key) \(text)")
        default: .replacing(entry.key)
        }
    }

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        try ClusterAccessFiles.look(&reader)
        guard let part = reader.settings.swarm else { return }
        for path in DockerSetting.clients { try reader.look(.root, path, readingBytes: false) }
        try reader.look(.root, configuration)
        switch part {
        case .worker: try reader.look(at: SwarmPrograms.worker)
        case .manager(let manager):
            try reader.look(at: SwarmPrograms.manager)
            try reader.look(.root, [networksFile, secretsFolder] + manager.files.map(\.path))
            for mount in manager.mounts { try reader.look(.root, mount.path, readingBytes: false) }
        }
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planSwarm() }

    // MARK: Docker's limits, and the image

    /// Bytes of a secret (moby, swarmkit, controlapi/secret.go).
    private static let secretLimit = 500 * 1024
    static let usualPool = "10.181.0.0/16"
    static let configuration = VolumePath("/" + SwarmPrograms.configurationPath) ?? .root
    static let folder: VolumePath = "/etc/piforge/swarm"
    static let networksFile: VolumePath = "/etc/piforge/swarm/networks"
    static let secretsFolder: VolumePath = "/etc/piforge/swarm/secrets"
}

extension Settings {
    /// A machine's part in the swarm.
    package enum SwarmPart: Equatable, Sendable {
        case manager(SwarmManager)
        case worker(SwarmWorker)

        /// Where overlay networks get their addresses from.
        var pool: String {
            switch self {
            case .manager(let manager): manager.pool
            case .worker(let worker): worker.pool
            }
        }
    }

    package struct SwarmManager: Equatable, Sendable {
        package var cluster: String
        /// The address by which nodes reach it.
        package var address: String
        package var pool: String
        /// The nodes that may ask for a ticket.
        package var guests: [ClusterGuest]
        package var networks: [String] = []
        package var secrets: [NamedFile] = []
        package var stacks: [NamedFile] = []

        /// What of it lies in files of their own.
        var files: [(path: VolumePath, file: NamedFile, isSecret: Bool)] {
            func place(_ file: NamedFile, _ folder: String, _ ending: String) -> VolumePath {
                VolumePath("\(SwarmSetting.folder)/\(folder)/\(file.name)\(ending)") ?? .root
            }
            return secrets.map { (place($0, "secrets", ""), $0, true) }
                + stacks.map { (place($0, "stacks", ".yaml"), $0, false) }
        }
    }

    package struct SwarmWorker: Equatable, Sendable {
        package var cluster: String
        package var address: String
        package var pool: String
        package var managerAddress: String
        package var managerAlias: String
        /// Nil when the secret that it follows from is not at hand.
        package var managerKey: PublicKey?

        var managerHost: KnownHost? { managerKey.map { KnownHost(names: [managerAlias], publicKey: $0) } }
    }

    package var swarm: SwarmPart? {
        get { self[SwarmSetting.self] }
        set { self[SwarmSetting.self] = newValue }
    }

    /// Where a machine has what it needs for the swarm.
    package static let swarmFolder = SwarmSetting.folder
    /// Where a controller lists the nodes that it powers on.
    package static let nodesFile = NodesOnSetting.listFile

    var belongsToSwarm: Bool { swarm != nil }
    var swarmPool: IPv4Network? { swarm.flatMap { IPv4Network($0.pool) } }
}

extension Planner {
    fileprivate mutating func planSwarm() throws(PlanError) {
        let reason = settings.swarm == nil ? "nodes_on: who may turn nodes off" : "swarm: who may ask for a ticket"
        try planClusterAccess(reason: reason)
        guard let part = settings.swarm else { return }
        guard settings.bringsDocker || DockerSetting.clients.contains(where: { facts.exists(.root, $0) }) else {
            throw .unmet(
                "could not set the swarm up: the image has no /usr/bin/docker",
                hint: "packages: [docker-cli]; or a base that has it")
        }
        var lines: [(String, String)]
        switch part {
        case .worker(let worker):
            lines = [
                ("CLUSTER", worker.cluster), ("SLOT", slot.name), ("ADDRESS", worker.address),
                ("MANAGER", worker.managerAddress), ("MANAGER_ALIAS", worker.managerAlias),
            ]
            try install(SwarmPrograms.worker, reason: "swarm: the node joins it")
        case .manager(let manager):
            lines = [
                ("CLUSTER", manager.cluster), ("SLOT", slot.name), ("ADDRESS", manager.address), ("POOL", manager.pool),
            ]
            try install(SwarmPrograms.manager, reason: "swarm: the controller makes it")
            try planContents(of: manager)
        }
        try put(
            SwarmSetting.configuration, text: lines.map { "\($0)=\($1)\n" }.joined(), reason: "swarm: whose it is")
    }

    private mutating func planContents(of manager: Settings.SwarmManager) throws(PlanError) {
        if !manager.networks.isEmpty {
            try put(
                SwarmSetting.networksFile, text: manager.networks.map { $0 + "\n" }.joined(),
                reason: "swarm.networks")
        }
        if !manager.secrets.isEmpty {
            try put(SwarmSetting.secretsFolder, .directory, .init(mode: 0o700), reason: "swarm.secrets")
        }
        for mount in manager.mounts where !facts.exists(.root, mount.path) {
            let isBrought = brought.keys.contains {
                $0.partition == .root && ($0.path == mount.path || $0.path.isBelow(mount.path))
            }
            if isBrought { continue }
            warn("the service \(mount.service) mounts \(mount.path), which the image does not have: it does not start")
        }
        for (path, file, isSecret) in manager.files {
            try put(
                path, .file(file.bytes), .init(mode: isSecret ? 0o600 : 0o644),
                reason: isSecret ? "swarm.secrets.\(file.name)" : "swarm.stacks.\(file.name)", isSecret: isSecret)
        }
    }
}

extension SettingsDecoder {
    fileprivate func named(_ pair: ProfileNode.Pair, _ bytes: [UInt8]) -> NamedFile {
        NamedFile(name: pair.key, path: files.resolve(pair.value.text ?? ""), bytes: bytes)
    }
}

// MARK: - What is valid

extension TextFormat {
    static let swarmName = TextFormat(
        "name", pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$", check: Validation.swarmName)
    static let stackName = TextFormat("name", pattern: "^[a-z0-9][a-z0-9_-]{0,40}$", check: Validation.stackName)
    static let slotName = TextFormat("slot", pattern: "^(cnat|cbridge|p[0-9]{1,3})$") { text throws(Refusal) in
        _ = try SlotSelection.slot(text)
    }
    static let addressPool = TextFormat("network", pattern: "^[0-9.]{7,15}/[0-9]{1,2}$") { text throws(Refusal) in
        guard let network = IPv4Network(text), (8...23).contains(network.prefix) else {
            throw Refusal(
                "\"\(text.shortened)\" is no network with a prefix from 8 to 23", hint: SwarmSetting.usualPool)
        }
    }
}

extension Validation {
    /// A name of a network or secret (moby, swarmkit, controlapi/common.go).
    package static func swarmName(_ name: String) throws(Refusal) {
        try characters(name, of: "name", others: "._-", hint: "proxy")
        let ends = [name.utf8.first, name.utf8.last].compactMap { $0 }
        guard name.utf8.count <= 64, ends.count == 2, ends.allSatisfy({ isLower($0) || isUpper($0) || isDigit($0) })
        else { throw Refusal("\"\(name.shortened)\" is no name of the swarm's", hint: "proxy") }
    }

    /// A stack's name begins those of its services, which are names of DNS.
    package static func stackName(_ name: String) throws(Refusal) {
        try characters(name, of: "stack name", others: "_-", hint: "traefik")
        guard name.utf8.count <= 41, let first = name.utf8.first, isLower(first) || isDigit(first),
            !name.utf8.contains(where: isUpper)
        else { throw Refusal("\"\(name.shortened)\" is no name of a stack", hint: "traefik") }
    }
}
