import Plans
import Readers
import Trees

/// Who the machine is, and what it has besides: judged as sshd, systemd, ifupdown, dhcpcd, console-setup, swapon and libc
/// do.
extension EffectJudge {
    mutating func judgeMachine() throws(VolumeError) {
        try judgeIdentity()
        try judgeAddress()
        try judgeGroups()
        try judgeSwap()
        guard let keyboard = settings.keyboard, let other = try customSettings()?.values["locale.keymap"],
            other != keyboard.layout
        else { return }
        refuse(
            "keyboard", .keyboardOverridden, "boot:/custom.toml, which the first boot applies, sets \(other)",
            hint: "leave keymap out of custom.toml")
    }

    // MARK: Identity

    /// sshd takes a host key that its configuration names; systemd the id of /etc/machine-id unless the kernel's line has
    /// another one (machine-id(5)).
    private mutating func judgeIdentity() throws(VolumeError) {
        guard let identity = settings.identity else { return }
        let path = MachineIdentity.privatePath
        if identity.hostKey != nil {
            let lines = configuration.options(for: nil).entries("hostkey")
            if !lines.contains(where: { $0.arguments.first == path.description }) {
                let place = lines.first.map { " (\($0.origin): \($0.text))" } ?? ""
                refuse(
                    "the host key", .identityOverridden, "sshd's configuration does not name \(path)\(place)",
                    hint: "remove what makes sshd read another configuration from the base")
            }
        }
        if let id = reader.line.values(of: "systemd.machine_id").last, let own = identity.machineID,
            id != own.description
        {
            refuse(
                "the machine id", .identityOverridden, "systemd.machine_id= on the kernel's line sets \(id)",
                hint: "add systemd.machine_id to kernel_arguments.remove")
        }
    }

    // MARK: Address

    /// ifupdown makes up an interface by all paragraphs that it has; dhcpcd leaves those alone that it is told to
    /// (dhcpcd.conf(5)).
    private mutating func judgeAddress() throws(VolumeError) {
        guard settings.addressing.address != nil else { return }
        let name = slot.ownInterface
        let own: VolumePath = "/etc/network/interfaces.d/clusterctrl"
        let keyfile = VolumePath("/etc/NetworkManager/system-connections/piforge-\(name).nmconnection") ?? .root
        let program =
            if try reader.source.exists(.root, keyfile) { "NetworkManager.service" } else {
                reader.isBookwormOrLater ? "networking.service" : "dhcpcd.service"
            }
        if let why = try idleness(of: program) {
            return refuse("network", .addressOverridden, why, hint: "remove what masks it from the base")
        }
        var files: [VolumePath] = ["/etc/network/interfaces"]
        for name in try reader.source.names(.root, own.parent) {
            if let path = own.parent.appending(name), path != own { files.append(path) }
        }
        for path in files {
            for (index, words) in try lines(path).map(\.blankSeparated).enumerated()
            where words.starts(with: ["iface", name, "inet"]) {
                return refuse(
                    "network", .addressOverridden, "ifupdown sets \(name) up by \(path):\(index + 1) as well",
                    hint: "remove that paragraph from the base")
            }
        }
        guard !reader.isBookwormOrLater else { return }
        for (index, line) in try lines("/etc/dhcpcd.conf").enumerated() {
            let words = line.trimmedBlanks.blankSeparated
            let names = words.dropFirst()
            let isMeant = names.contains { Wildcard($0).matches(name) }
            if words.first == "denyinterfaces" && isMeant || words.first == "allowinterfaces" && !isMeant {
                return refuse(
                    "network", .addressOverridden,
                    "dhcpcd leaves \(name) alone (/etc/dhcpcd.conf:\(index + 1): \(line.trimmedBlanks))",
                    hint: "remove \(name) from that line in the base")
            }
        }
    }

    // MARK: Groups

    /// libc asks what nsswitch.conf names (nsswitch.conf(5)).
    private mutating func judgeGroups() throws(VolumeError) {
        guard !settings.groups.isEmpty else { return }
        for (index, line) in try lines("/etc/nsswitch.conf").enumerated() {
            let words = line.trimmedBlanks.blankSeparated
            guard words.first == "group:" || words.first == "initgroups:" else { continue }
            if !words.contains("files"), !words.contains("compat") {
                return refuse(
                    "groups", .groupsUnread, "programs do not look into /etc/group (/etc/nsswitch.conf:\(index + 1))",
                    hint: "write `group: files` there")
            }
        }
    }

    // MARK: Swap

    /// systemd turns on what /etc/fstab lists, besides what dphys-swapfile makes (systemd.swap(5)).
    private mutating func judgeSwap() throws(VolumeError) {
        guard let size = settings.swap else { return }
        let unit = "dphys-swapfile.service"
        if size > 0 {
            guard reader.line.values(of: "systemd.mask").contains(unit) else { return }
            return refuse(
                "swap", .swapOverridden, "systemd.mask=\(unit) on the kernel's line keeps it from being made",
                hint: "add systemd.mask=\(unit) to kernel_arguments.remove")
        }
        for (index, line) in try lines("/etc/fstab").enumerated() {
            let words = line.trimmedBlanks.blankSeparated
            guard words.count > 2, !words[0].hasPrefix("#"), words[2] == "swap",
                !(words.count > 3 && words[3].split(separator: ",").contains("noauto"))
            else { continue }
            return refuse(
                "swap", .swapOverridden, "/etc/fstab:\(index + 1) turns on \(words[0])",
                hint: "remove that line from the base")
        }
    }
}
