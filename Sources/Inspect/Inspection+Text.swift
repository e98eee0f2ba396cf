import Reports

extension Inspection {
    /// The report for a person: short sections, what is suspicious last and marked with `!`.
    package var text: [String] {
        var lines = identityLines
        lines += section("partitions", partitionLines)
        lines += section("users", userLines)
        lines += section("ssh", sshLines)
        lines += section("cluster", swarmLines)
        lines += section("kernel line", Self.wrapped(kernel.arguments, width: 96))
        lines += section("config.txt in effect", configLines)
        lines += section("first boot", firstBootLines)
        lines += section("suspicious", findingLines)
        return lines.map { $0.printable() }
    }

    private func section(_ title: String, _ lines: [String]) -> [String] {
        lines.isEmpty ? [] : ["", title] + lines.map { "  " + $0 }
    }

    /// Two columns, the first as wide as its longest entry.
    private static func table(_ rows: [(String, String)]) -> [String] {
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value
        }
    }

    /// Words in lines of at most `width` columns where they fit.
    private static func wrapped(_ words: [String], width: Int) -> [String] {
        var lines: [String] = []
        for word in words {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(word)
            }
        }
        return lines
    }

    /// A text in lines of at most 98 columns, all but the first one indented.
    private static func hanging(_ text: String, indent: String = "    ") -> [String] {
        wrapped(text.split(separator: " ", omittingEmptySubsequences: false).map(String.init), width: 98 - indent.count)
            .enumerated().map { index, line in index == 0 ? line : indent + line }
    }

    // MARK: Identity

    private var identityLines: [String] {
        var rows = [("image", kindText)]
        if isRootKnown {
            let version = identity.version.map { " (\($0))" } ?? ""
            let system = (identity.release ?? "unknown release") + version
            rows.append(("system", system + ", " + (identity.architecture ?? "unknown architecture")))
            rows.append(("host name", identity.hostname ?? "none"))
            rows.append(("boot mount", identity.bootMount))
        }
        if let network { rows += networkRows(network) }
        for network in wifi { rows.append(("Wi-Fi", "\(network.name), by \(network.file)")) }
        return Self.table(rows)
    }

    private var isRootKnown: Bool { identity.isRootReadable }

    private var kindText: String {
        let kind =
            switch identity.kind {
            case .clusterCTRL: "ClusterCTRL image"
            case .clusterHAT: "ClusterHAT image of 2019 or before"
            case .raspberryPiOS: identity.slot == nil ? "Raspberry Pi OS without ClusterCTRL" : "Raspberry Pi OS"
            case .netbootTree: "root tree for a node that boots over USB"
            case .other: isRootKnown ? "a Linux system of another kind" : "not known"
            }
        let state =
            switch identity.conversion {
            case .done: ", converted to \(identity.slot ?? "nothing known")"
            case .pending: ", the first boot makes it \(identity.slot ?? "nothing that works")"
            case .none: identity.kind == .clusterCTRL ? ", no conversion done or pending" : ""
            }
        if identity.wasBooted { return kind + state + ", has run before" }
        return kind + state + (isRootKnown ? ", never booted" : "")
    }

    private func networkRows(_ network: Network) -> [(String, String)] {
        if let node = network.nodeMAC, let controller = network.controllerMAC {
            return [
                ("network", "\(network.address) unless DHCP says otherwise"),
                ("gadget MACs", "\(node) here, \(controller) at the controller"),
            ]
        }
        let netboot = network.netbootAddress.map { ", \($0) for booting them" } ?? ""
        return [("network", "\(network.address) towards the nodes" + netboot)]
    }

    private var partitionLines: [String] {
        guard let disk else { return [] }
        let rows = disk.partitions.map { part in
            let role = part.role.map { " \($0)" } ?? ""
            return (
                "\(part.number)\(role)",
                "type \(part.type), \(Self.size(part.bytes)) at \(Self.size(part.start)), PARTUUID \(part.partuuid)"
            )
        }
        return ["\(disk.scheme), disk id \(disk.id)"] + Self.table(rows)
    }

    private static func size(_ bytes: Int64) -> String {
        bytes % (1 << 20) == 0 ? "\(bytes >> 20) MiB" : bytes % 1024 == 0 ? "\(bytes >> 10) KiB" : "\(bytes) bytes"
    }

    // MARK: Users and ssh

    private var userLines: [String] {
        guard isRootKnown else { return [] }
        var lines: [String] = []
        for user in users {
            lines += Self.hanging("\(user.name) (uid \(user.uid)): \(Self.describe(user))")
            for key in user.keys {
                let options = key.key.options.isEmpty ? "" : " [\(key.key.options.joined(separator: ","))]"
                let refused = key.rejected == nil ? "" : "  (sshd ignores it)"
                lines.append("  key \(Self.describe(key.key))\(options)\(refused)")
            }
        }
        for user in pendingUsers { lines.append("\(user.name): comes with the first boot, by \(user.source)") }
        return lines.isEmpty ? ["none"] : lines
    }

    private static func describe(_ user: Login) -> String {
        var parts: [String] = []
        switch user.password {
        case .set:
            let word = user.defaultPassword.map { " \"\($0)\"" } ?? ""
            parts.append("password\(word) (\(user.hashMethod ?? "unknown"))")
        case .none: parts.append("no password needed")
        case .locked: parts.append("no password")
        }
        if user.mustChangePassword, user.password == .set { parts.append("to be changed at the first login") }
        parts.append(
            user.ways.isEmpty ? "cannot log in" : "logs in by " + user.ways.map(describe).joined(separator: ", "))
        switch user.sudo {
        case .free: parts.append("sudo without password")
        case .password: parts.append("sudo with password")
        case .no: break
        }
        return parts.joined(separator: "; ")
    }

    private static func describe(_ way: Login.Way) -> String {
        switch way {
        case .consolePassword: "console"
        case .consoleWithoutPassword: "console without password"
        case .sshPassword: "ssh password"
        case .sshWithoutPassword: "ssh without password"
        case .sshKey: "ssh key"
        }
    }

    private static func describe(_ key: Key) -> String {
        "\(key.bits) \(key.fingerprint) \(key.comment.isEmpty ? "no comment" : key.comment) (\(key.type))"
    }

    private var sshLines: [String] {
        var lines: [String] = []
        switch ssh.state {
        case .enabled: lines.append("open at every boot")
        case .atFirstBoot: lines.append("opens at the first boot and stays open")
        case .closed: lines.append("closed")
        case .masked: lines.append("closed, and masked so that nothing opens it")
        case .notInstalled: lines.append("no server installed")
        case .unknown: lines.append("not known")
        }
        if ssh.marker { lines[0] += " (marker on the boot partition)" }
        guard isRootKnown, ssh.state != .notInstalled else { return lines }
        if ssh.ports != ["22"] { lines[0] += ", port " + ssh.ports.joined(separator: ", ") }
        let exception = ssh.hasMatchBlocks ? ", with exceptions in Match blocks" : ""
        lines.append((ssh.asksPassword ? "passwords and keys" : "keys only") + exception)
        for key in ssh.hostKeys {
            let text = key.key.map(Self.describe) ?? "\(key.file), fingerprint not known"
            let remark = key.isKept ? ", which no first boot changes" : ""
            lines.append("host key " + text + remark + (key.hasPrivateHalf ? "" : "  (private half missing)"))
        }
        if ssh.makesHostKeys {
            lines.append("host keys are made " + (ssh.hostKeys.isEmpty ? "" : "anew ") + "at the first boot")
        } else if ssh.hostKeys.isEmpty {
            lines.append("no host keys")
        }
        return lines
    }

    // MARK: Boot

    private static let boardNames = [
        "zero": "Zero", "zero2W": "Zero 2 W", "pi4": "controller (Pi 4)", "pi5": "controller (Pi 5)",
    ]

    /// What holds for all boards once, then what each has beyond that.
    private var configLines: [String] {
        guard let first = boards.first, boards.contains(where: { !$0.config.isEmpty }) else { return ["nothing set"] }
        let common = first.config.filter { setting in boards.allSatisfy { $0.config.contains(setting) } }
        var lines = Self.wrapped(common.map(Self.describe), width: 80).enumerated().map { index, line in
            (index == 0 ? "all boards" : "", line)
        }
        for board in boards {
            let own = board.config.filter { !common.contains($0) }
            let texts = Self.wrapped(own.map(Self.describe), width: 76)
            for (index, line) in texts.enumerated() {
                lines.append((index == 0 ? Self.boardNames[board.board] ?? board.board : "", line))
            }
        }
        return Self.table(lines)
    }

    private static func describe(_ setting: BoardReport.Setting) -> String {
        ["initramfs", "include"].contains(setting.key)
            ? "\(setting.key) \(setting.value)" : "\(setting.key)=\(setting.value)"
    }

    private var firstBootLines: [String] {
        let steps = firstBoot.flatMap { Self.hanging("boot \($0.boot): \($0.what)", indent: "        ") }
        guard isRootKnown else { return steps + ["what follows is not known"] }
        var lines = identity.conversion == .pending ? [] : ["no conversion pending"]
        lines += steps
        if firstBoot.isEmpty { lines.append("nothing else to do: every boot is an ordinary one") }
        return lines
    }

    private var findingLines: [String] {
        if findings.isEmpty { return ["nothing"] }
        return findings.flatMap { finding in
            Self.hanging("! \(finding.severity.rawValue): \(finding.what) [\(finding.id.rawValue)]")
                + (finding.hint.map { Self.hanging("  -> \($0)", indent: "     ") } ?? [])
        }
    }
}
