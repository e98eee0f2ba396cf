import Trees

/// The ssh server: on through the marker that Raspberry Pi OS looks for on the boot partition (in netboot trees as a
/// unit), off for good.
enum SSHSetting: Setting {
    typealias Value = Bool?

    static let keys = [
        SchemaKey(
            "ssh", .boolean, "Turn the ssh server on at the first boot (the `ssh` marker), or off.", example: "true",
            option: .init("Open the SSH server at first boot."))
    ]

    static let template = """

        # The ssh server runs from the first boot on.
        ssh: true
        """

    static let service = "ssh.service"
    static let socket = "ssh.socket"
    static let markerReader = "sshswitch.service"
    static let alias: VolumePath = "/etc/systemd/system/sshd.service"

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard reader.settings.ssh != nil else { return }
        try reader.look(atUnits: [service, socket, markerReader])
        try reader.look(.root, alias)
    }

    static func plan(_ planner: inout Planner) throws(PlanError) {
        switch planner.settings.ssh {
        case true?: try planner.openServer()
        case false?: try planner.closeServer()
        case nil: break
        }
    }
}

extension Planner {
    /// By the marker, where something looks for it. A start uses it up, and a node without a card that keeps its
    /// changes in memory forgets what came of it.
    fileprivate mutating func openServer() throws(PlanError) {
        let units = settings.units
        let reader = SSHSetting.markerReader
        let isTurnedOff = units.disable.contains(reader) || units.mask.contains(reader)
        if medium == .card, facts.unitFile(reader) != nil, !facts.enablingLinks(of: reader).isEmpty,
            !facts.isMasked(reader), !isTurnedOff
        {
            if !units.mask.contains(SSHSetting.service) { try unmask(SSHSetting.service, reason: "ssh on") }
            return try rewrite(on: .boot, "/ssh", [], missing: 0o644, reason: "ssh on")
        }
        try enable(SSHSetting.service, in: "multi-user.target.wants", reason: "ssh on")
    }

    /// No marker, and none of the links that it or a person left.
    fileprivate mutating func closeServer() throws(PlanError) {
        let reason = "ssh off"
        for unit in [SSHSetting.service, SSHSetting.socket] { keepOff(unit) }
        for path: VolumePath in ["/ssh", "/ssh.txt"] { try remove(on: .boot, path, reason: reason) }
        for unit in [SSHSetting.service, SSHSetting.socket] where !settings.units.enable.contains(unit) {
            for path in facts.enablingLinks(of: unit) { try remove(path, reason: reason) }
        }
        if facts.linkText(SSHSetting.alias) != nil, !settings.units.enable.contains(SSHSetting.service) {
            try remove(SSHSetting.alias, reason: reason)
        }
    }
}

extension Settings {
    /// True opens the server, false makes sure that nothing does.
    package var ssh: Bool? {
        get { self[SSHSetting.self] }
        set { self[SSHSetting.self] = newValue }
    }
}
