import Plans
import Readers
import Trees

/// Whether the SSH server starts, and for whom it can be reached: judged as systemd, sshd and libwrap do.
extension EffectJudge {
    mutating func judgeServer() throws(VolumeError) {
        let state = try reader.sshState()
        switch settings.ssh {
        case true?: try judgeOpenServer(state)
        case false?:
            if state == .enabled || state == .atFirstBoot {
                refuse(
                    "ssh: false", .sshStillOpen, "the server starts all the same (\(try starter()))",
                    hint: "add ssh.service to units.disable or units.mask")
            }
        case nil:
            if !settings.authorizedKeys.isEmpty, state == .closed || state == .masked || state == .notInstalled {
                warn(
                    .sshClosed, "authorized_keys are of no use yet: nothing opens ssh", hint: "add ssh: true, or --ssh")
            }
        }
    }

    private mutating func judgeOpenServer(_ state: Inspection.SSH.State) throws(VolumeError) {
        let setting = "ssh"
        switch state {
        case .notInstalled:
            return refuse(setting, .sshNotInstalled, "the image has no /usr/sbin/sshd", hint: "install openssh-server")
        case .masked:
            let mask = try reader.mask(of: "ssh.service") ?? "systemd"
            return refuse(
                setting, .sshMasked, "ssh.service is masked (\(mask))", hint: Self.unmasking("ssh.service", mask))
        case .closed, .unknown:
            refuse(
                setting, .sshNotStarted,
                "nothing starts the server: sshswitch.service, which looks for the marker, "
                    + "does not start", hint: "add ssh.service to units.enable")
        case .enabled, .atFirstBoot: break
        }
        if state == .atFirstBoot, try !mountsBoot() {
            refuse(
                setting, .sshNotStarted, "/etc/fstab does not mount the boot partition, so nobody sees the marker",
                hint: "add ssh.service to units.enable")
        }
        let goal = try reader.bootTarget()
        if Self.small.contains(goal.name) {
            refuse(
                setting, .sshNotStarted, "the image starts \(goal.name) alone (\(goal.by))",
                hint: "remove that from the base, or from kernel_arguments")
        }
        if try reader.source.exists(.root, "/etc/ssh/sshd_not_to_be_run") {
            refuse(
                setting, .sshSwitchedOff, "/etc/ssh/sshd_not_to_be_run keeps the server from starting",
                hint: "remove it from the base")
        }
        if let problem = configuration.problems.first {
            refuse(
                setting, .sshdRefusesConfiguration,
                "sshd does not start with its configuration "
                    + "(\(problem.origin): \(problem.why))", hint: "correct that line in the base")
        }
        let options = configuration.options(for: nil)
        if let line = options.loopbackOnly {
            refuse(
                setting, .sshLoopbackOnly, "sshd listens on loopback alone (\(line.origin): \(line.text))",
                hint: "remove that line from the base")
        }
        let access = HostsAccess(allow: try lines("/etc/hosts.allow"), deny: try lines("/etc/hosts.deny"))
        if let rule = access.shuts("sshd") {
            refuse(
                setting, .sshHostsDeny, "/etc/hosts.deny:\(rule.line) shuts sshd for everybody",
                hint: "add the line `sshd: ALL` to /etc/hosts.allow, with `files` for example")
        }
        try judgeHostKeys()
    }

    private mutating func judgeHostKeys() throws(VolumeError) {
        let lines = configuration.options(for: nil).entries("hostkey")
        if let line = lines.first {
            let makesKeys = try reader.makesHostKeys()
            for path in lines.compactMap(\.arguments.first).compactMap({ VolumePath($0) }) {
                if try reader.source.exists(.root, path) { return }
                if makesKeys, InspectionReader.isRemade(path.description) { return }
            }
            return refuse(
                "ssh", .sshNoHostKeys,
                "there is no host key where sshd looks for one (\(line.origin): \(line.text)), so it does not start",
                hint: "remove that line from the base, or put the key there with `files`")
        }
        if try reader.makesHostKeys() { return }
        let names = try reader.source.names(.root, "/etc/ssh")
        if !names.contains(where: { $0.hasPrefix("ssh_host_") && $0.hasSuffix("_key") }) {
            refuse(
                "ssh", .sshNoHostKeys, "there are no host keys, and nothing makes them, so sshd does not start",
                hint: "enable regenerate_ssh_host_keys.service")
        }
    }

    private func mountsBoot() throws(VolumeError) -> Bool {
        if reader.facts.isNetbootTree { return true }
        let mount = reader.facts.bootMount.description
        return try (reader.source.settings(.root, "/etc/fstab") ?? []).map(\.blankSeparated).contains {
            $0.count > 1 && $0[1] == mount
        }
    }

    private func starter() throws(VolumeError) -> String {
        for unit in ["ssh.service", "sshd.service", "ssh.socket"] {
            for folder in try reader.unitFolders() {
                if let path = folder.appending(unit), try reader.isThere(path) { return path.description }
            }
        }
        return try reader.hasMarker() ? "the marker on the boot partition" : "boot:/custom.toml"
    }
}
