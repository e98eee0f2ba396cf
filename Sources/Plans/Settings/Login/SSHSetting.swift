/// The ssh server: on through the marker that Raspberry Pi OS looks for on the boot partition.
enum SSHSetting: Setting {
    typealias Value = Bool?

    static let keys = [
        SchemaKey(
            "ssh", .boolean, "Turn the ssh server on at the first boot (the `ssh` marker).", example: "true",
            option: .init("Open the SSH server at first boot."))
    ]

    static let template = """

        # The ssh server runs from the first boot on.
        ssh: true
        """

    static func plan(_ planner: inout Planner) throws(PlanError) {
        guard let ssh = planner.settings.ssh else { return }
        guard ssh else {
            try planner.remove(on: .boot, "/ssh", reason: "ssh off")
            return try planner.remove(on: .boot, "/ssh.txt", reason: "ssh off")
        }
        if planner.facts.unitFile("sshswitch.service") != nil {
            return try planner.rewrite(on: .boot, "/ssh", [], missing: 0o644, reason: "ssh on")
        }
        try planner.enable("ssh.service", in: "multi-user.target.wants", reason: "ssh on")
    }
}

extension Settings {
    /// True puts the `ssh` marker, false makes sure that there is none.
    package var ssh: Bool? {
        get { self[SSHSetting.self] }
        set { self[SSHSetting.self] = newValue }
    }
}
