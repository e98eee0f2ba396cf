package import Plans

/// The files by which other programs know a cluster; each is a pure function of the cluster's machines.
package enum HandoffDocument: String, CaseIterable, Sendable {
    case sshConfig = "ssh_config"
    case knownHosts = "known_hosts"
    case inventory = "inventory"
    case ansibleConfig = "ansible_cfg"
    case hosts = "hosts"
    case dhcpHosts = "dhcp-hosts"

    /// Its name in the hand-off's folder.
    package var fileName: String {
        switch self {
        case .inventory: "inventory.ini"
        case .ansibleConfig: "ansible.cfg"
        default: rawValue
        }
    }

    /// The whole text; `folder` is the absolute path of the folder that the files will lie in.
    ///
    /// Throws when a file cannot name a path of the folder or of a key.
    package func text(for roster: Roster, in folder: String) throws(HandoffError) -> String {
        switch self {
        case .sshConfig: try SSHConfig(roster: roster, folder: folder).text()
        case .knownHosts: Self.knownHosts(roster)
        case .inventory: AnsibleInventory(roster: roster).text
        case .ansibleConfig: Self.ansibleConfig(roster)
        case .hosts: Self.hosts(roster)
        case .dhcpHosts: Self.dhcpHosts(roster)
        }
    }

    /// A path as a line `Include` of ssh_config(5) takes it; nil for one that it cannot express.
    package static func quotedInclude(_ path: String) -> String? {
        guard !path.contains(where: { "*?[".contains($0) }) else { return nil }
        return try? SSHConfig.quoted(path, expandsTokens: false)
    }

    // MARK: The first line

    private static let origin = "made by `piforge handoff`"

    /// By which the next run knows that the file is piforge's own.
    static func firstLine(_ roster: Roster) -> String {
        "# The cluster \(roster.cluster), \(origin); its next run replaces this file.\n"
    }

    /// Whether a file that is there was made by a hand-off of any cluster, and may be replaced.
    package static func isOwn(_ text: some StringProtocol) -> Bool {
        let line = text.prefix { !$0.isNewline }
        return line.hasPrefix("# The cluster ") && line.contains(", \(origin); ")
    }
}

// MARK: - The short ones

extension HandoffDocument {
    /// Whether ssh itself adds to the file while the cluster is used, so that a new run must leave it.
    package func isWrittenByOthers(_ roster: Roster) -> Bool { self == .knownHosts && !roster.knowsAllKeys }

    /// known_hosts as sshd(8), SSH_KNOWN_HOSTS FILE FORMAT, has it: one line a machine.
    private static func knownHosts(_ roster: Roster) -> String {
        let lines = roster.machines.compactMap { machine in
            machine.publicKey.map { "\(roster.alias(machine.slot)) \($0.line)\n" }
        }
        return firstLine(roster) + lines.joined()
    }

    /// Settings by which `ansible` finds the inventory when it is started in the folder.
    private static func ansibleConfig(_ roster: Roster) -> String {
        firstLine(roster)
            + """
            [defaults]
            inventory = ./inventory.ini
            interpreter_python = /usr/bin/python3

            [ssh_connection]
            pipelining = True

            """
    }

    /// Lines for /etc/hosts; machines without a fixed address are named in comments.
    private static func hosts(_ roster: Roster) -> String {
        let lines = roster.machines.map { machine in
            let names = roster.names(of: machine).joined(separator: " ")
            return Validation.isAddress(machine.address)
                ? "\(machine.address)\t\(names)\n" : "# \(machine.address) is found by name: \(names)\n"
        }
        return firstLine(roster) + "# For /etc/hosts.\n" + lines.joined()
    }

    /// Lines for dnsmasq(8): the nodes' addresses on the wire are known before the nodes run; a controller's is its own.
    private static func dhcpHosts(_ roster: Roster) -> String {
        let lines = roster.machines.compactMap { machine -> String? in
            guard let link = machine.slot.linkAddresses?.node else { return nil }
            let address = Validation.isIPv4(machine.address) ? ",\(machine.address)" : ""
            return "dhcp-host=\(link)\(address),\(machine.hostname)\n"
        }
        return firstLine(roster)
            + "# For dnsmasq, Pi-hole and OpenWrt: the nodes by the address of their network card.\n"
            + lines.joined()
    }
}
