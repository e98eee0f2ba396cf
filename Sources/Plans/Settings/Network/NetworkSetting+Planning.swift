import Trees

/// The address of the slot's own interface, by whatever sets interfaces up in the image: ifupdown with dhclient since
/// bookworm, dhcpcd before, NetworkManager for the uplink of a CNAT controller since bookworm.
extension NetworkSetting {
    static let keyfile: VolumePath = "/etc/NetworkManager/system-connections/piforge-eth0.nmconnection"
    static let nameServersFile: VolumePath = "/etc/NetworkManager/conf.d/piforge-dns.conf"
    static let dhcpcdConfig: VolumePath = "/etc/dhcpcd.conf"
    static let dhclientConfig: VolumePath = "/etc/dhcp/dhclient.conf"

    /// The interface by which others reach the machine.
    static func interface(of slot: Slot) -> String {
        switch slot {
        case .cnat, .plain: "eth0"
        case .cbridge: "br0"
        case .node: "usb0"
        }
    }
}

extension Slot {
    /// The interface by which others reach the machine.
    package var ownInterface: String { NetworkSetting.interface(of: self) }
}

extension Planner {
    /// Who sets the interface up.
    private enum NetworkProgram {
        case ifupdown, dhcpcd, networkManager
        /// NetworkManager, by the keyfile of a node from a stock image, which the layer writes.
        case gadgetKeyfile
    }

    private func networkProgram() throws(PlanError) -> NetworkProgram {
        let hasOwnUplink = slot == .cnat || slot.isPlain
        if release >= .bookworm && !hasOwnUplink { return kind == .stock ? .gadgetKeyfile : .ifupdown }
        let hasDHCPCD = facts.existsInSbin("dhcpcd") && facts.bytes(.root, NetworkSetting.dhcpcdConfig) != nil
        let hasManager = facts.existsInSbin("NetworkManager")
        if hasManager && (release >= .bookworm || !hasDHCPCD) && hasOwnUplink { return .networkManager }
        guard hasDHCPCD || release < .bookworm && facts.bytes(.root, NetworkSetting.dhcpcdConfig) != nil else {
            throw .missingInImage(
                "NetworkManager and no dhcpcd",
                purpose: "set the address of \(NetworkSetting.interface(of: slot))")
        }
        return .dhcpcd
    }

    /// The template of the slot's interfaces, with the fixed address where ifupdown sets it.
    func interfacesText(_ template: [UInt8]) throws(PlanError) -> [UInt8] {
        guard let address = settings.addressing.address, try networkProgram() == .ifupdown else { return template }
        let name = NetworkSetting.interface(of: slot)
        var lines = TextLines(TextBytes.decode(template))
        guard let index = lines.lines.firstIndex(where: { $0.text.words.starts(with: ["iface", name, "inet"]) }) else {
            throw .edit(.rule(.root("/etc/network/interfaces.d/clusterctrl"), .lineNotFound("iface \(name) inet …")))
        }
        lines.lines[index].text = "iface \(name) inet static"
        var options = ["address \(address)"]
        if let gateway = settings.addressing.gateway { options.append("gateway \(gateway)") }
        let servers = settings.addressing.nameServers
        // For resolvconf, which Raspberry Pi OS does not have, but a base may.
        if !servers.isEmpty { options.append("dns-nameservers \(servers.joined(separator: " "))") }
        for (offset, option) in options.enumerated() { lines.insert("\t" + option, at: index + 1 + offset) }
        return TextBytes.encode(lines.text)
    }

    mutating func planAddress() throws(PlanError) {
        let network = settings.addressing
        let isSet = network.address != nil || network.dhcpTimeout != nil
        let program = isSet ? try networkProgram() : nil
        try planDHCPCD(isUsed: program == .dhcpcd)
        try planKeyfile(isUsed: program == .networkManager)
        try planDHClient(isUsed: program == .ifupdown)
        try planNameServers(isUsed: program == .ifupdown && network.address != nil)
        if network.address != nil, network.gateway == nil {
            warn("\(slot) has a fixed address and no gateway: it reaches its own network alone")
        }
    }

    private var addressReason: String {
        let name = NetworkSetting.interface(of: slot)
        if let address = settings.addressing.address { return "\(name) has the address \(address)" }
        return "\(name) waits \(settings.addressing.dhcpTimeout ?? 0) s for DHCP"
    }

    /// A block at the end: what an `interface` line begins goes on to the next one (dhcpcd.conf(5)).
    private mutating func planDHCPCD(isUsed: Bool) throws(PlanError) {
        guard let text = facts.text(.root, NetworkSetting.dhcpcdConfig) else { return }
        let network = settings.addressing
        var lines: [String] = []
        if isUsed {
            lines.append("interface \(NetworkSetting.interface(of: slot))")
            if let address = network.address { lines.append("static ip_address=\(address)") }
            if let gateway = network.gateway { lines.append("static routers=\(gateway)") }
            if !network.nameServers.isEmpty {
                lines.append("static domain_name_servers=\(network.nameServers.joined(separator: " "))")
            }
            // Seconds until dhcpcd takes the fallback profile; `timeout` is another thing (dhcp_discover in dhcp.c).
            if let timeout = network.dhcpTimeout { lines.append("reboot \(timeout)") }
        }
        let title = "address"
        if lines.isEmpty && TextRule.setBlock(title, lines, in: text) == text { return }
        try rewrite(
            NetworkSetting.dhcpcdConfig, [.setBlock(title, lines)],
            reason: isUsed ? addressReason : "the address was another slot's")
    }

    /// NetworkManager takes a keyfile only when nobody else may read it (nm-settings-keyfile(5)).
    private mutating func planKeyfile(isUsed: Bool) throws(PlanError) {
        guard isUsed else {
            guard facts.found(.root, NetworkSetting.keyfile)?.own != nil else { return }
            return try remove(NetworkSetting.keyfile, reason: "the address was another slot's")
        }
        let network = settings.addressing
        let name = NetworkSetting.interface(of: slot)
        func servers(_ isWanted: (String) -> Bool) -> String {
            let list = network.nameServers.filter(isWanted)
            return list.isEmpty ? "" : "dns=" + list.map { $0 + ";" }.joined() + "\n"
        }
        var text = """
            [connection]
            id=piforge-\(name)
            uuid=\(WiFiSetting.uuid(for: "piforge \(name)"))
            type=ethernet
            interface-name=\(name)
            autoconnect-priority=100

            [ipv4]

            """
        if let address = network.address {
            text += "method=manual\naddress1=\(address)" + (network.gateway.map { ",\($0)" } ?? "") + "\n"
        } else {
            text += "method=auto\n"
        }
        if let timeout = network.dhcpTimeout { text += "dhcp-timeout=\(timeout)\n" }
        text += servers { !$0.contains(":") }
        text += "\n[ipv6]\naddr-gen-mode=default\nmethod=auto\n" + servers { $0.contains(":") }
        try put(NetworkSetting.keyfile, text: text, mode: 0o600, reason: addressReason)
    }

    // MARK: dhclient

    /// Seconds of 8086's images, after which dhclient takes the fallback lease, for ever.
    private static let usualTimeout = 10
    /// What a bridged controller waits when nobody says anything: a switch with spanning tree passes nothing for 30 s
    /// after the link comes up.
    private static let bridgedTimeout = 60

    private mutating func planDHClient(isUsed: Bool) throws(PlanError) {
        guard release >= .bookworm, facts.bytes(.root, NetworkSetting.dhclientConfig) != nil else { return }
        if isUsed, let timeout = settings.addressing.dhcpTimeout {
            return try rewrite(
                NetworkSetting.dhclientConfig,
                [.setLine(.init(prefix: "timeout ", suffix: ";"), to: "timeout \(timeout);", whenMissing: .append)],
                reason: addressReason)
        }
        let (from, to) =
            slot == .cbridge
            ? (Self.usualTimeout, Self.bridgedTimeout) : (Self.bridgedTimeout, Self.usualTimeout)
        guard let text = facts.text(.root, NetworkSetting.dhclientConfig),
            TextLines(text).lines.contains(where: { $0.text.trimmed == "timeout \(from);" })
        else { return }
        try rewrite(
            NetworkSetting.dhclientConfig,
            [.setLine(.init(prefix: "timeout \(from);"), to: "timeout \(to);", whenMissing: .leave)],
            reason: slot == .cbridge
                ? "a bridged controller waits for the network's DHCP server" : "only a bridged controller waits longer")
    }

    // MARK: Name servers

    /// ifupdown leaves them to resolvconf. Where NetworkManager runs, /etc/resolv.conf is its own.
    private mutating func planNameServers(isUsed: Bool) throws(PlanError) {
        let servers = settings.addressing.nameServers
        guard isUsed, !servers.isEmpty else {
            guard facts.found(.root, NetworkSetting.nameServersFile)?.own != nil else { return }
            return try remove(NetworkSetting.nameServersFile, reason: "the name servers were another slot's")
        }
        let reason = "name servers of \(slot)"
        guard facts.existsInSbin("NetworkManager") else {
            return try put("/etc/resolv.conf", text: servers.map { "nameserver \($0)\n" }.joined(), reason: reason)
        }
        try put(
            NetworkSetting.nameServersFile,
            text: "[global-dns]\n\n[global-dns-domain-*]\nservers=\(servers.joined(separator: ","))\n", reason: reason)
    }
}
