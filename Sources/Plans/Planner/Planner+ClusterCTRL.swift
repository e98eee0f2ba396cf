import Trees

/// What 8086's reconfig-clusterctrl would do on the first boot, in the newest version of that script.
extension Planner {
    mutating func planClusterCTRL() throws(PlanError) {
        try planDefaults()
        try planInterfaces()
        try planFallbackAddress()
        try planIssue()
        try planForwarding()
        try planOwnUnits()
        let rules: [TextRule] = [
            .setUSBMode(slot.isController ? .host : .peripheral),
            .setActive("otg_mode=1 # Controller only", slot.isController, whenMissing: .leave),
        ]
        try rewrite(
            on: .boot, "/config.txt", configFormRules() + rules,
            reason: slot.isController ? "a controller is a USB host" : "a node is a USB device")
    }

    /// TYPE and ID. The controller program takes no `cbridge`, only `c`.
    mutating func planDefaults() throws(PlanError) {
        let path = ImageFacts.defaultsPath
        var rules: [TextRule]
        switch slot {
        case .cnat: rules = [.setVariable("TYPE", "cnat"), .removeVariable("ID")]
        case .cbridge: rules = [.setVariable("TYPE", "c"), .removeVariable("ID")]
        case .node(let number):
            let type = medium == .card ? "node" : "usbboot"
            rules = [.setVariable("TYPE", type), .setVariable("ID", String(number))]
        case .plain: return
        }
        if facts.isConvertedBefore { return try rewrite(path, rules, reason: "this is \(slot)") }
        guard let template = facts.template("default-clusterctrl") else {
            throw .missingInImage("\(ImageFacts.sharePath)/default-clusterctrl", purpose: "make \(path)")
        }
        let text: String
        do { text = try rules.applied(to: TextBytes.decode(template)) } catch { throw .edit(.rule(.root(path), error)) }
        try put(path, .file(TextBytes.encode(text)), reason: "this is \(slot)")
    }

    mutating func planInterfaces() throws(PlanError) {
        let path: VolumePath = "/etc/network/interfaces.d/clusterctrl"
        let name: String
        if release >= .bookworm {
            let role = slot.isNode ? "p" : slot.name
            let own = "interfaces.\(release.rawValue).\(role)"
            name = facts.template(own) == nil ? "interfaces.bookworm.\(role)" : own
        } else if slot.isNode {
            return try remove(path, reason: "a node's usb0 is set up by dhcpcd")
        } else {
            name = "interfaces.\(slot)"
        }
        guard facts.existsInSbin("ifup") else {
            throw .missingInImage("/usr/sbin/ifup", purpose: "set up the network of \(slot)")
        }
        guard let template = facts.template(name) else {
            throw .missingInImage("\(ImageFacts.sharePath)/\(name)", purpose: "set up the network of \(slot)")
        }
        try put(path, .file(try interfacesText(template)), reason: "network of \(slot)")
    }

    /// The address that usb0 takes when nobody answers on DHCP: of the node, or 253 for "none".
    mutating func planFallbackAddress() throws(PlanError) {
        let number: Int
        let missing: TextRule.Missing
        switch slot {
        case .node(let id): (number, missing) = (id, .fail)
        default: (number, missing) = (253, .leave)
        }
        let network = ClusterNetwork.data
        let own = network.address(of: number)
        let reason = "fallback address \(own)"
        var isSet = false
        if facts.bytes(.root, "/etc/dhcpcd.conf") != nil {
            isSet = true
            let deny = TextRule.LinePattern(prefix: "denyinterfaces ethpi*")
            let address = TextRule.LinePattern(
                prefix: "static ip_address=\(network.prefix)", part: "/24 #Cluster",
                excluding: "static ip_address=\(network.controller)")
            let rules: [TextRule] = [
                .setWord("eth0", present: slot == .cbridge, inLine: deny),
                .setLine(
                    address, to: "static ip_address=\(own)/24 #ClusterCTRL",
                    whenMissing: release >= .bookworm ? .leave : missing),
            ]
            try rewrite("/etc/dhcpcd.conf", medium == .card ? rules : Array(rules.dropFirst()), reason: reason)
        }
        if facts.bytes(.root, "/etc/dhcp/dhclient.conf") != nil {
            isSet = true
            let address = TextRule.LinePattern(prefix: "fixed-address \(network.prefix)", suffix: "# ClusterCTRL Px")
            try rewrite(
                "/etc/dhcp/dhclient.conf",
                [
                    .setLine(
                        address, to: "  fixed-address \(own); # ClusterCTRL Px",
                        whenMissing: release >= .bookworm ? missing : .leave)
                ], reason: reason)
        }
        if !isSet && !slot.isController {
            let path = release >= .bookworm ? "/etc/dhcp/dhclient.conf" : "/etc/dhcpcd.conf"
            throw .missingInImage(path, purpose: "set the address of \(slot)")
        }
    }

    mutating func planForwarding() throws(PlanError) {
        let isOn = slot == .cnat
        // What reads /etc/sysctl.conf went with trixie.
        if release >= .trixie {
            if isOn {
                try put(Self.forwardingFile, text: Self.forwardingText, reason: "cnat forwards for its nodes")
            } else if facts.found(.root, Self.forwardingFile)?.own != nil {
                try remove(Self.forwardingFile, reason: "only cnat forwards")
            }
        }
        guard isOn || facts.exists(.root, "/etc/sysctl.conf") else { return }
        try rewrite(
            "/etc/sysctl.conf",
            [.setActive("net.ipv4.ip_forward=1 # ClusterCTRL", isOn, whenMissing: isOn ? .append : .leave)],
            missing: 0o644, reason: isOn ? "cnat forwards for its nodes" : "only cnat forwards")
    }

    static let forwardingFile: VolumePath = "/etc/sysctl.d/90-clusterctrl.conf"
    static let forwardingText = "net.ipv4.ip_forward=1\n"

    mutating func planIssue() throws(PlanError) {
        guard let text = facts.template(slot.isController ? "issue.c" : "issue.p") else { return }
        try put("/etc/issue", .file(text), reason: "greeting of a \(slot.isController ? "controller" : "node")")
    }

    private mutating func planOwnUnits() throws(PlanError) {
        let wanted = "multi-user.target.wants"
        let getty = "getty.target.wants"
        try removeLink("getty@ttyGS0.service", in: getty, reason: "older scripts linked the wrong getty")
        if slot.isController {
            try enable("clusterctrl-init.service", in: wanted, reason: "a controller drives its nodes")
            let netboot = "clusterctrl-rpiboot.service"
            if facts.unitFile(netboot) != nil, !isTurnedOff(netboot) {
                try enable(netboot, in: wanted, reason: "a controller boots nodes over USB")
            }
            for (name, folder) in [("clusterctrl-composite.service", wanted), ("serial-getty@ttyGS0.service", getty)] {
                try removeLink(name, in: folder, reason: "a controller is no USB device")
            }
        } else {
            try removeLink("clusterctrl-init.service", in: wanted, reason: "a node drives no other nodes")
            try enable("clusterctrl-composite.service", in: wanted, reason: "a node is a USB device")
            let console = "serial-getty@ttyGS0.service"
            if !isTurnedOff(console) { try enable(console, in: getty, reason: "a node has a console on USB") }
        }
    }

    /// A service that a slot can do without yields to the profile.
    func isTurnedOff(_ name: String) -> Bool {
        settings.units.disable.contains(name) || settings.units.mask.contains(name)
    }
}
