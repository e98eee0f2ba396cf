import Readers
import Plans
import Trees

extension InspectionReader {
    /// sshd_config with the files that it includes, as the release's sshd reads them.
    func serverConfiguration() throws(VolumeError) -> ServerConfiguration {
        let source = source
        let words = try serverCommandLine()
        return try ServerConfiguration(
            version: ServerVersion(codename: facts.codename), path: words.path, after: words.lines,
            from: ServerConfiguration.Source<VolumeError>(
                lines: { (path) throws(VolumeError) in
                    guard let path = VolumePath(path) else { return nil }
                    return try source.lines(.root, path)
                },
                paths: { (pattern) throws(VolumeError) in
                    guard let glob = Glob(pattern) else { return [] }
                    var found: [String] = []
                    let paths = try glob.paths { (folder) throws(VolumeError) -> [String] in
                        try VolumePath(folder).map { (path) throws(VolumeError) in try source.names(.root, path) } ?? []
                    }
                    for path in paths {
                        guard let place = VolumePath(path), try source.exists(.root, place) else { continue }
                        found.append(path)
                    }
                    return found
                }))
    }

    /// What systemd starts it with.
    private func serverCommandLine() throws(VolumeError) -> ServerCommandLine {
        func lines(_ path: VolumePath) throws(VolumeError) -> [ServerCommandLine.Line] {
            try (source.lines(.root, path) ?? []).enumerated().map { index, text in
                .init(text, at: .init(path: path.description, line: index + 1))
            }
        }
        var unit: [ServerCommandLine.Line] = []
        for folder in ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] {
            guard let path = VolumePath(folder + "/ssh.service"), try source.exists(.root, path) else { continue }
            unit = try lines(path)
            break
        }
        for folder in ["/etc/systemd/system/ssh.service.d", "/etc/systemd/system/sshd.service.d"] {
            guard let folder = VolumePath(folder) else { continue }
            for name in try source.names(.root, folder) where name.hasSuffix(".conf") {
                if let path = folder.appending(name) { unit += try lines(path) }
            }
        }
        return ServerCommandLine(unit: unit, defaults: try lines("/etc/default/ssh"))
    }

    /// Whether the server starts, and with which keys.
    mutating func ssh() throws(VolumeError) -> Inspection.SSH {
        let configuration = try serverConfiguration()
        let settings = configuration.options(for: nil)
        let state = try sshState()
        try checkMarker(state)
        if let problem = configuration.problems.first, state == .enabled || state == .atFirstBoot {
            report(
                .error, .sshdRefusesConfiguration,
                "sshd does not start with its configuration (\(problem.origin): \(problem.why))",
                hint: "correct that line")
        }
        let files = settings.arguments("hostkey")
        let makesKeys = try makesHostKeys() && (files.isEmpty || files.contains(where: Self.isRemade))
        let keys = try hostKeys(files)
        let opens = state == .enabled || state == .atFirstBoot
        if opens, !makesKeys, !keys.contains(where: \.hasPrivateHalf) {
            report(
                .error, .sshNoHostKeys,
                "ssh opens, but there are no host keys and nothing makes them: the server will not start",
                hint: facts.unitFile("sshd-keygen.service") == nil
                    ? "enable regenerate_ssh_host_keys.service"
                    : "write \"uninitialized\" into /etc/machine-id, so that sshd-keygen.service makes them")
        }
        if keys.contains(where: { $0.hasPrivateHalf && !$0.isKept }), !makesKeys {
            report(
                .note, .hostKeysShared,
                "the image has SSH host keys: all copies of it share them, and whoever has it can pose as them")
        }
        return Inspection.SSH(
            state: state, marker: try hasMarker(), ports: settings.ports, asksPassword: settings.asksPassword,
            hasMatchBlocks: settings.hasMatchBlocks, hostKeys: keys, makesHostKeys: makesKeys)
    }

    /// An open door that nobody has a key to.
    mutating func checkEntrance(_ ssh: Inspection.SSH, users: [Inspection.Login], pending: [Inspection.PendingUser]) {
        guard hasRoot, ssh.state == .enabled || ssh.state == .atFirstBoot, pending.isEmpty else { return }
        let ways: Set<Inspection.Login.Way> = [.sshKey, .sshPassword, .sshWithoutPassword]
        if users.allSatisfy({ ways.isDisjoint(with: $0.ways) }) {
            report(
                .warning, .sshNoLogin, "ssh opens, but no user can log in over it",
                hint: "set authorized_keys or password_hash with piforge")
        }
    }

    func sshState() throws(VolumeError) -> Inspection.SSH.State {
        let hasMarker = try hasMarker()
        guard hasRoot else { return hasMarker ? .atFirstBoot : .unknown }
        guard try source.exists(.root, "/usr/sbin/sshd") else { return .notInstalled }
        if try isMasked("ssh.service") { return .masked }
        for unit in ["ssh.service", "sshd.service", "ssh.socket"] where try isEnabled(unit) { return .enabled }
        if hasMarker, try isEnabled("sshswitch.service"), try !isMasked("sshswitch.service") { return .atFirstBoot }
        if runsFirstboot, try customSettings()?.opensSSH == true { return .atFirstBoot }
        return .closed
    }

    /// A marker that cannot open anything.
    private mutating func checkMarker(_ state: Inspection.SSH.State) throws(VolumeError) {
        guard try hasMarker() else { return }
        if state == .notInstalled {
            report(
                .warning, .sshNotInstalled, "the boot partition has the ssh marker, but the image has no SSH server")
        }
        if state == .masked {
            report(.warning, .sshMasked, "the boot partition has the ssh marker, but ssh.service is masked")
        }
    }

    /// Whether a boot to come replaces the host keys.
    func makesHostKeys() throws(VolumeError) -> Bool {
        if runsFirstboot { return true }
        for unit in ["regenerate_ssh_host_keys.service", "sshd-keygen.service"] where try willStart(unit) {
            return true
        }
        return try isCloudInitActive()
    }

    /// Whether the first boots of Raspberry Pi OS wipe a host key and make another one.
    static func isRemade(_ path: String) -> Bool { path.hasPrefix("/etc/ssh/ssh_host_") }

    /// The host keys in the files that sshd_config names, else every /etc/ssh/ssh_host_*_key; with their .pub.
    private mutating func hostKeys(_ files: [String]) throws(VolumeError) -> [Inspection.SSH.HostKey] {
        var paths = files.compactMap { VolumePath($0) }
        if paths.isEmpty {
            let folder: VolumePath = "/etc/ssh"
            let names = try source.names(.root, folder).filter { $0.hasPrefix("ssh_host_") }
            let stems = Set(names.map { $0.hasSuffix(".pub") ? String($0.dropLast(4)) : $0 })
            paths = stems.filter { $0.hasSuffix("_key") }.sorted().compactMap { folder.appending($0) }
        }
        var keys: [Inspection.SSH.HostKey] = []
        for path in paths {
            guard let publicPath = VolumePath("\(path).pub") else { continue }
            let status = try source.status(.root, path)
            let lines = try source.lines(.root, publicPath)
            let key = lines?.first.flatMap { Inspection.Key(line: $0.trimmedBlanks) }
            if lines != nil, key == nil { report(.warning, .hostKeyMalformed, "\(publicPath) holds no public key") }
            if let data = status?.metadata, data.owner == 0, data.mode & 0o077 != 0 {
                report(
                    .error,
                    .hostKeyOpen,
                    "\(path) has mode \(String(data.mode, radix: 8)): others can read this private key, "
                        + "and sshd refuses it", hint: "set its mode to 600")
            }
            if let data = status?.metadata, data.owner != 0 {
                report(
                    .warning, .hostKeyOpen, "\(path) belongs to uid \(data.owner), who can read this private key",
                    hint: "give it to root")
            }
            keys.append(
                .init(
                    file: path.description, key: key, hasPrivateHalf: status != nil,
                    isKept: !Self.isRemade(path.description)))
        }
        return keys
    }
}
