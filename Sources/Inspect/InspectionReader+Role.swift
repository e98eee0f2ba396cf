import Readers
import Plans
import Trees

extension InspectionReader {
    /// Whether everything that names the slot names the same one, and the right units start.
    mutating func checkRole() throws(VolumeError) {
        guard hasRoot else { return }
        try checkDefaults()
        try checkNames()
        try checkLinks()
        if let slot = convertedSlot {
            try checkAddresses(slot)
            try checkUnits(slot)
            try checkForwarding(slot)
        }
        try checkGadgetProduct()
    }

    private mutating func checkDefaults() throws(VolumeError) {
        guard facts.isConvertedBefore, facts.slot == nil, facts.netbootSlot == nil, facts.missingTools.isEmpty else {
            return
        }
        report(
            .error, .roleDefaults, "/etc/default/clusterctrl names no valid TYPE and ID",
            hint: "TYPE is c (for cbridge), cnat or node; a node has ID=1 to 252 too")
    }

    /// Host name, /etc/hosts and slot.
    private mutating func checkNames() throws(VolumeError) {
        guard let name = facts.hostname, !name.isEmpty else {
            report(.warning, .hostnameMissing, "the image has no host name in /etc/hostname")
            return
        }
        let own = try (source.settings(.root, "/etc/hosts") ?? []).map(\.blankSeparated)
            .filter { $0.first == "127.0.1.1" }.flatMap { $0.dropFirst() }
        if own.isEmpty {
            report(.note, .hostsLine, "/etc/hosts has no line 127.0.1.1, so sudo cannot resolve the host name \(name)")
        } else if !own.contains(name) {
            report(
                .warning, .hostsLine,
                "/etc/hosts calls 127.0.1.1 \(own.joined(separator: " ")), but the host name is \(name)",
                hint: "write the line 127.0.1.1 \(name)")
        }
        guard let slot = convertedSlot else { return }
        for other in ([name] + own).compactMap({ Slot($0) }) where other != slot {
            report(.warning, .roleNames, "the image is \(slot), but /etc/hostname or /etc/hosts says \(other)")
            return
        }
    }

    /// The fallback address of usb0: 8086's scripts mark its line in dhclient.conf and dhcpcd.conf.
    private mutating func checkAddresses(_ slot: Slot) throws(VolumeError) {
        var number = 253
        if case .node(let own) = slot { number = own }
        let wanted = ClusterNetwork.data.address(of: number)
        for path: VolumePath in ["/etc/dhcp/dhclient.conf", "/etc/dhcpcd.conf"] {
            for line in try source.settings(.root, path) ?? [] {
                let isMarked = line.hasSuffix("# ClusterCTRL Px") || line.contains("#ClusterCTRL")
                guard isMarked, let start = line.firstRange(of: ClusterNetwork.data.prefix) else { continue }
                let address = line[start.lowerBound...].prefix { $0.isNumber || $0 == "." }
                if address != wanted {
                    report(.error, .roleAddress, "\(path) falls back to \(address) on usb0, but \(slot) has \(wanted)")
                }
            }
        }
        if facts.kind == .stock {
            return slot.isController ? try checkBridge(slot) : try checkLayer(slot, address: wanted)
        }
        guard let release = facts.release, release >= .bookworm else { return }
        let interfaces = try source.settings(.root, "/etc/network/interfaces.d/clusterctrl")
        let needed = slot.isController ? "br0" : "usb0"
        if interfaces?.contains(where: { $0.hasPrefix("iface \(needed)") }) != true {
            report(
                .error,
                .roleNetwork,
                "/etc/network/interfaces.d/clusterctrl does not set up \(needed), so \(slot) has no cluster network")
        } else if try !source.exists(.root, "/usr/sbin/ifup") {
            report(
                .error, .roleNetwork, "the image has no ifup, so nothing sets up \(needed)", hint: "install ifupdown")
        } else if let mask = try mask(of: "networking.service") {
            report(.error, .roleNetwork, "networking.service is masked (\(mask)), so nothing sets up \(needed)")
        }
    }

    /// NetworkManager sets usb0 up by the keyfile of piforge's layer, and only when it is told to.
    private mutating func checkLayer(_ slot: Slot, address: String) throws(VolumeError) {
        let keyfile: VolumePath = "/etc/NetworkManager/system-connections/piforge-usb0.nmconnection"
        let lines = try source.settings(.root, keyfile) ?? []
        let managed = try source.settings(.root, "/etc/NetworkManager/conf.d/piforge-usb0.conf") ?? []
        let why: String? =
            if !lines.contains("interface-name=usb0") {
                "there is no \(keyfile)"
            } else if !managed.contains("managed=1") {
                "NetworkManager leaves USB gadgets alone unless a file in /etc/NetworkManager/conf.d says otherwise"
            } else if let mask = try mask(of: "NetworkManager.service") {
                "NetworkManager.service is masked (\(mask))"
            } else {
                nil
            }
        if let why {
            report(
                .error, .roleNetwork, "nothing sets up usb0, so \(slot) has no cluster network: \(why)",
                hint: "make the card again")
        } else if !lines.contains("method=manual"), !lines.contains("address1=\(address)/24") {
            report(.error, .roleAddress, "\(keyfile) does not give usb0 the address \(address) of \(slot)")
        }
    }

    /// The bridge of the nodes, their links on it, and the way out of it.
    private mutating func checkBridge(_ slot: Slot) throws(VolumeError) {
        let folder: VolumePath = "/etc/NetworkManager/system-connections"
        var missing: [String] = []
        for (name, line) in [("piforge-br0", "interface-name=br0"), ("piforge-nodes", "master=br0")] {
            guard let path = folder.appending("\(name).nmconnection") else { continue }
            if try source.settings(.root, path)?.contains(line) != true { missing.append("there is no \(path)") }
        }
        for path: VolumePath in ["/usr/local/lib/piforge/nat.nft", "/usr/sbin/nft"]
        where try !source.exists(.root, path) {
            missing.append("there is no \(path)")
        }
        if let mask = try mask(of: "NetworkManager.service") {
            missing.append("NetworkManager.service is masked (\(mask))")
        }
        if let why = missing.first {
            report(
                .error, .roleNetwork, "nothing sets up br0 and the way out of it, so the nodes have no network: \(why)",
                hint: "make the card again")
        }
    }

    /// Which of 8086's units, or of ours in their place, start on which role.
    private mutating func checkUnits(_ slot: Slot) throws(VolumeError) {
        let isStock = facts.kind == .stock
        let roles: [(unit: String, isForController: Bool)] = [
            (isStock ? "piforge-nat.service" : "clusterctrl-init.service", true),
            (isStock ? "piforge-gadget.service" : "clusterctrl-composite.service", false),
            ("serial-getty@ttyGS0.service", false),
        ]
        for (unit, isForController) in roles {
            let isWanted = isForController == slot.isController
            guard try isEnabled(unit) != isWanted else { continue }
            let what = isWanted ? "does not start" : "starts"
            report(
                isWanted ? .error : .warning, isWanted ? .roleUnitMissing : .roleUnitForeign,
                "\(unit) \(what), but \(slot) is a \(slot.isController ? "controller" : "node")")
        }
    }

    /// Links of systemd that lead nowhere.
    private mutating func checkLinks() throws(VolumeError) {
        for folder in try unitFolders() {
            for name in try source.names(.root, folder) {
                guard let path = folder.appending(name), let text = try source.linkText(path), text != "/dev/null",
                    try !source.exists(.root, path)
                else { continue }
                let isOurs =
                    name.hasPrefix("clusterctrl") || name.hasPrefix("piforge")
                    || ["ssh.service", "serial-getty@ttyGS0.service"].contains(name)
                report(
                    isOurs ? .error : .note, .brokenUnitLink,
                    "\(path) leads to \(text), which is not there, so \(name) does not start")
            }
        }
    }

    /// Only CNAT forwards packets. Trixie does not read /etc/sysctl.conf.
    private mutating func checkForwarding(_ slot: Slot) throws(VolumeError) {
        let readsOldFile = facts.release.map { $0 < .trixie } ?? true
        var lines = readsOldFile ? try source.settings(.root, "/etc/sysctl.conf") ?? [] : []
        let folder: VolumePath = "/etc/sysctl.d"
        for name in try source.names(.root, folder) where name.hasSuffix(".conf") && name != "99-sysctl.conf" {
            if let path = folder.appending(name) { lines += try source.settings(.root, path) ?? [] }
        }
        let forwards = lines.contains { line in
            let text = line.filter { $0 != " " && $0 != "\t" }
            return text.hasPrefix("net.ipv4.ip_forward=1") || text.hasPrefix("net/ipv4/ip_forward=1")
        }
        if slot == .cnat, !forwards {
            report(
                .error, .roleForwarding, "cnat does not forward packets, so nodes do not reach the LAN",
                hint:
                    "set net.ipv4.ip_forward=1 in \(readsOldFile ? "/etc/sysctl.conf" : "/etc/sysctl.d/90-clusterctrl.conf")"
            )
        }
    }

    /// The product id that this image's node announces is one that its own controller rules know; both are the same
    /// in all images of a release.
    private mutating func checkGadgetProduct() throws(VolumeError) {
        guard let rules = try source.settings(.root, "/etc/udev/rules.d/90-clusterctrl.rules") else { return }
        let patterns = Self.modelPatterns(rules)
        if patterns.isEmpty { return }
        let scripts: [VolumePath] = [
            "/usr/sbin/composite-clusterctrl", "/sbin/composite-clusterctrl",
            "/usr/share/initramfs-tools/scripts/nfs-top/00_clusterctrl",
            "/etc/initramfs-tools/scripts/nfs-top/00_clusterctrl",
        ]
        var seen: Set<String> = []
        for path in scripts {
            guard let id = Self.productID(try source.settings(.root, path) ?? []), seen.insert(id).inserted else {
                continue
            }
            if !patterns.contains(where: { Wildcard($0).matches(id) }) {
                report(
                    .warning,
                    .gadgetProduct,
                    "\(path) announces USB product 0x\(id), but 90-clusterctrl.rules does not know it: "
                        + "a controller made from this image would not name its network link",
                    hint: "make controller and nodes from one release")
            }
        }
    }

    /// The patterns of `ENV{ID_MODEL_ID}=="…"` in rules for network devices; alternatives stand between `|`.
    static func modelPatterns(_ rules: [String]) -> [String] {
        rules.filter { $0.contains("SUBSYSTEM==\"net\"") }.flatMap { rule -> [String] in
            guard let start = rule.firstRange(of: "ENV{ID_MODEL_ID}==\"") else { return [] }
            return rule[start.upperBound...].prefix(while: { $0 != "\"" }).split(separator: "|").map(String.init)
        }
    }

    /// Four hexadecimal digits from a line such as `echo "0x0021" > idProduct`.
    static func productID(_ script: [String]) -> String? {
        for words in script.map(\.blankSeparated) where words.first == "echo" && words.count >= 4 {
            guard words[2] == ">", words[3] == "idProduct" || words[3].hasSuffix("/idProduct") else { continue }
            let value = words[1].filter { $0 != "\"" && $0 != "'" }.lowercased()
            if value.hasPrefix("0x") { return String(value.dropFirst(2)) }
        }
        return nil
    }

    // MARK: Leftovers

    /// Files on the boot partition that did not, or will not, do what they were put there for.
    mutating func checkLeftovers() throws(VolumeError) {
        if try source.exists(.boot, "/failed_userconf.txt") {
            report(
                .warning, .failedUserconf,
                "the boot partition has failed_userconf.txt: an earlier boot refused userconf.txt",
                hint: "write userconf.txt anew, as name:hash")
        }
        guard hasRoot else { return }
        if try source.exists(.boot, "/custom.toml"), !runsFirstboot {
            report(
                .warning, .customTomlUnused,
                "custom.toml on the boot partition has no effect: no firstboot is pending that would apply it"
            )
        }
        let hasScript = try source.exists(.boot, "/firstrun.sh")
        if hasScript, !line.arguments.contains(where: { $0.key == "systemd.run" }) {
            report(
                .warning, .firstrunUnused,
                "firstrun.sh on the boot partition has no effect: cmdline.txt does not run it")
        }
        if try source.exists(.boot, "/wpa_supplicant.conf"), isBookwormOrLater, facts.codename != nil {
            report(
                .warning, .wpaSupplicantUnused,
                "wpa_supplicant.conf on the boot partition has no effect since bookworm",
                hint: "use NetworkManager, with piforge's wifi for example")
        }
        if try isCloudInitActive(), let name = try cloudHostname(), name != facts.hostname {
            report(.note, .cloudInitHostname, "cloud-init will set the host name \(name) at every boot")
        }
        if facts.release == .buster {
            report(
                .note, .endOfLife, "buster is at the end of its life: it gets no security updates since 2024-06",
                hint: "use an image of bookworm")
        }
        if facts.wasBooted {
            let isNew = facts.release.map { $0 >= .trixie } ?? false
            report(
                .note, .bootedBefore, "the image has run before: copies of it share its machine id",
                hint: isNew ? "write \"uninitialized\" into /etc/machine-id" : "empty /etc/machine-id")
        }
        if case .plain = facts.state, !facts.isConvertedBefore, facts.missingTools.isEmpty, !facts.isNetbootTree {
            report(
                .warning, .notConverted,
                "a ClusterCTRL image that is neither converted nor about to be: it will start without a role",
                hint: "make a card of it with piforge build")
        }
    }
}
