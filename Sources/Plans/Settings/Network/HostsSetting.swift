/// Further lines of /etc/hosts, which are planned with the host's own line.
enum HostsSetting: Setting {
    typealias Value = [Settings.HostsEntry]

    static let keys = [
        SchemaKey(
            "hosts", .map(key: .address, value: .list(.text(.hostsName))), "Further lines of /etc/hosts.",
            example: "{\"192.168.1.10\": [nas, nas.home]}")
    ]

    static let template = """

        # Further lines of /etc/hosts.
        # hosts:
        #   "192.168.1.10": [nas, nas.home.arpa]
        """

    static let unset: Value = []

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        let names = entries.compactMap { entry -> Settings.HostsEntry? in
            guard case .host(let address, let name) = entry.value else { return nil }
            return .init(address: address, names: [name])
        }
        return joined(names)
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        node.pairs.flatMap { pair in
            pair.value.items.compactMap { item in
                item.text.map {
                    .init(key: key.name, value: .host(address: pair.key, name: $0), position: item.position)
                }
            }
        }
    }

    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        guard case .host(let address, let name) = entry.value else { return .always }
        return .once("\(address) \(name)")
    }

    // MARK: The plan

    /// The address whose line names the host itself.
    static let ownAddress = "127.0.1.1"

    /// Further names for the host's own line, and the rules for the lines of others.
    static func lines(_ hosts: [Settings.HostsEntry]) throws(PlanError) -> (own: [String], rules: [TextRule]) {
        let own = hosts.filter { $0.address == ownAddress }.flatMap(\.names)
        let others = joined(hosts.filter { $0.address != ownAddress })
        try checkNames(others)
        return (own, others.map { .addHostNames(address: $0.address, names: $0.names.unique) })
    }

    /// One entry for each address, where it first occurs, with all its names.
    private static func joined(_ hosts: [Settings.HostsEntry]) -> [Settings.HostsEntry] {
        var result: [Settings.HostsEntry] = []
        var indices: [String: Int] = [:]
        for entry in hosts {
            if let index = indices[entry.address] {
                result[index].names += entry.names
            } else {
                indices[entry.address] = result.count
                result.append(entry)
            }
        }
        return result
    }

    /// A name can have an address of each family, but not two of one.
    private static func checkNames(_ hosts: [Settings.HostsEntry]) throws(PlanError) {
        var owners: [Bool: [String: Int]] = [:]
        for (index, entry) in hosts.enumerated() {
            let family = entry.address.contains(":")
            let rivals = entry.names.compactMap { name in
                owners[family]?[name].map { (owner: $0, name: name) }
            }
            if let rival = rivals.min(by: { $0.owner < $1.owner }) {
                throw .contradiction("\(hosts[rival.owner].address) \(rival.name)", "\(entry.address) \(rival.name)")
            }
            for name in entry.names { owners[family, default: [:]][name] = index }
        }
    }
}

extension Settings {
    package struct HostsEntry: Equatable, Sendable {
        package var address: String
        package var names: [String]
        package init(address: String, names: [String]) {
            self.address = address
            self.names = names
        }
    }

    /// Further lines for /etc/hosts: address and names.
    package var hosts: [HostsEntry] {
        get { self[HostsSetting.self] }
        set { self[HostsSetting.self] = newValue }
    }
}

extension [String] {
    /// Each text once, where it first occurs.
    var unique: [String] {
        var seen: Set<String> = []
        return filter { seen.insert($0).inserted }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let address = TextFormat("address", pattern: "^[0-9A-Fa-f:.]{2,45}$", check: Validation.hostsAddress)
    static let hostsName = TextFormat("host name", pattern: labelsPattern, check: Validation.hostsName)
}

extension Validation {
    /// A name for /etc/hosts: a host name with or without a domain.
    package static func hostsName(_ name: String) throws(Refusal) {
        try labels(of: name, what: "name")
        guard name != "localhost" else { throw Refusal("`localhost` keeps its own line") }
    }

    /// An address for a further line of /etc/hosts: not 127.0.1.1, whose line names the host itself.
    package static func hostsAddress(_ text: String) throws(Refusal) {
        try address(text)
        guard text != HostsSetting.ownAddress else {
            throw Refusal("the line of 127.0.1.1 names the host itself", hint: "hostname: oneil, in a slot")
        }
    }
}
