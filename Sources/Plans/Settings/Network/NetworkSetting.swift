/// The address of the slot's own interface, and whether packages and commands may use the builder's network.
enum NetworkSetting: Setting {
    typealias Value = Settings.Network

    static let keys = [
        SchemaKey(
            "network",
            .booleanOr([
                SchemaKey(
                    "address", .text(.interfaceAddress),
                    "Static IPv4 address with its prefix, of eth0 (cnat), br0 (cbridge) or usb0 (a node).",
                    example: "192.168.1.20/24"),
                SchemaKey("gateway", .text(.ipv4Address), "Router on that network.", example: "192.168.1.1"),
                SchemaKey("dns", .list(.text(.ipAddress)), "Name servers.", example: "[192.168.1.1]"),
                SchemaKey(
                    "dhcp_timeout", .integer(5...3600),
                    "Seconds to wait for a DHCP server before the fallback address is taken.", example: "60"),
                SchemaKey("build", .boolean, "As `network: true`.", example: "true"),
            ]),
            "`true` lets `packages` and `run` use the network of the machine that builds; a mapping sets the address of "
                + "the slot's own interface, which else asks DHCP.", example: "true")
    ]

    static let template = "# network: true"

    static let unset = Settings.Network()

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        var network = Settings.Network()
        for entry in entries {
            switch entry.key {
            case "network": network.forPrograms = entry.value.boolean
            case "network.address":
                network.address = entry.value.text.flatMap(Settings.InterfaceAddress.init)
            case "network.gateway": network.gateway = entry.value.text
            case "network.dns": network.nameServers += entry.value.text.map { [$0] } ?? []
            case "network.dhcp_timeout": network.dhcpTimeout = entry.value.integer
            default: break
            }
        }
        return network
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        SettingsDecoder.entries(node, path: key.name, type: key.type).map { entry in
            entry.key == "network.build"
                ? .init(key: "network", value: entry.value, position: entry.position) : entry
        }
    }

    /// Who sets an address does without DHCP, and the other way round: the slot's word goes before that of `defaults`.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        switch entry.key {
        case "network.dns":
            .init(identity: "dns \(entry.value.text ?? "")", groups: ["static"], drops: ["dhcp"])
        case "network.address", "network.gateway":
            .init(identity: entry.key, replaces: true, groups: ["static"], drops: ["dhcp"])
        case "network.dhcp_timeout": .init(identity: entry.key, replaces: true, groups: ["dhcp"], drops: ["static"])
        default: .replacing(entry.key)
        }
    }

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        let network = value(of: layer.entries(of: name))
        guard let address = network.address else {
            return ["network.gateway", "network.dns"].compactMap { key in
                layer.entry(key).map {
                    ProfileProblem($0.position, "`\(key)` needs an address", hint: "address: 192.168.1.20/24")
                }
            }
        }
        var problems: [ProfileProblem] = []
        if let entry = layer.entry("network.gateway"), let gateway = network.gateway, !address.reaches(gateway) {
            problems.append(
                ProfileProblem(
                    entry.position, "the gateway \(gateway) is not on the network of \(address)",
                    hint: "a router whose address has the same prefix"))
        }
        return problems
    }

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        try reader.look(.root, [keyfile, nameServersFile, "/etc/resolv.conf"])
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planAddress() }
}

extension Settings {
    /// What the key `network` says.
    package struct Network: Equatable, Sendable {
        /// Whether packages and commands may use the network of the machine that makes the image.
        package var forPrograms: Bool?
        package var address: InterfaceAddress?
        package var gateway: String?
        package var nameServers: [String] = []
        /// Seconds.
        package var dhcpTimeout: Int?

        package init() {}
    }

    /// An IPv4 address with the length of its network's prefix.
    package struct InterfaceAddress: Equatable, Sendable, CustomStringConvertible {
        package let address: String
        /// 8...30
        package let prefix: Int
        private let number: UInt32

        /// Reads `192.168.1.20/24`; nil for anything else, and for the network's own and its broadcast address.
        package init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let number = Self.number(parts[0]), let prefix = Int(parts[1]),
                String(prefix) == parts[1], (8...30).contains(prefix)
            else { return nil }
            let host = number & ~Self.mask(prefix)
            guard host != 0, host != ~Self.mask(prefix), Self.isUnicast(number) else { return nil }
            (address, self.prefix, self.number) = (parts[0], prefix, number)
        }

        /// Neither this network, loopback, multicast nor reserved (RFC 6890).
        private static func isUnicast(_ number: UInt32) -> Bool {
            ![0, 127].contains(number >> 24) && number >> 28 < 0xE
        }

        /// Whether the other address is one of the same network, and not this one.
        package func reaches(_ other: String) -> Bool {
            guard let other = Self.number(other), other != number else { return false }
            return other & Self.mask(prefix) == number & Self.mask(prefix)
        }

        private static func mask(_ prefix: Int) -> UInt32 { UInt32.max << UInt32(32 - prefix) }

        private static func number(_ text: String) -> UInt32? {
            guard Validation.isIPv4(text) else { return nil }
            return text.split(separator: ".").compactMap { UInt32($0) }.reduce(0) { $0 << 8 | $1 }
        }

        package var description: String { "\(address)/\(prefix)" }
    }

    package var addressing: Network {
        get { self[NetworkSetting.self] }
        set { self[NetworkSetting.self] = newValue }
    }

    /// Whether packages and commands may use the network of the machine that makes the image.
    package var network: Bool? {
        get { addressing.forPrograms }
        set { addressing.forPrograms = newValue }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let interfaceAddress = TextFormat(
        "address with prefix", pattern: "^[0-9.]{7,15}/[0-9]{1,2}$", check: Validation.interfaceAddress)
    static let ipv4Address = TextFormat("IPv4 address", pattern: "^[0-9.]{7,15}$") { text throws(Refusal) in
        try Validation.address(text)
        guard Validation.isIPv4(text) else { throw Refusal("\(text) is no IPv4 address", hint: "192.168.1.1") }
    }
    static let ipAddress = TextFormat("address", pattern: "^[0-9A-Fa-f:.]{2,45}$", check: Validation.address)
}

extension Validation {
    /// `192.168.1.20/24`: a host's address in a network of 4 to 2^24 addresses.
    package static func interfaceAddress(_ text: String) throws(Refusal) {
        guard Settings.InterfaceAddress(text) == nil else { return }
        let hint = "192.168.1.20/24"
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, isIPv4(first) else {
            throw Refusal("\"\(text.shortened)\" is no IPv4 address with a prefix", hint: hint)
        }
        guard parts.count == 2 else { throw Refusal("the address \(first) has no prefix", hint: "\(first)/24") }
        guard let prefix = Int(parts[1]), (8...30).contains(prefix) else {
            throw Refusal("the prefix of \"\(text.shortened)\" is not from 8 to 30", hint: "\(first)/24")
        }
        throw Refusal("\(text) is no address of a machine on a network", hint: hint)
    }
}
