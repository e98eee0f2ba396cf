import Trees

/// Whether the ssh server takes passwords.
enum PasswordLoginSetting: Setting {
    typealias Value = Bool?

    static let keys = [
        SchemaKey("password_login", .boolean, "Let ssh take passwords; false takes keys alone.", example: "false")
    ]

    static let serverConfig: VolumePath = "/etc/ssh/sshd_config"
    /// Sorts before what other packages bring: sshd takes the first value that it reads.
    static let serverDropIn: VolumePath = "/etc/ssh/sshd_config.d/00-piforge.conf"

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard reader.settings.passwordLogin != nil else { return }
        try reader.look(.root, [serverConfig, serverDropIn])
        try AuthorizedKeysSetting.lookAtHome(&reader)
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planPasswordLogin() }
}

extension Settings {
    /// False turns password logins over ssh off, true turns them on.
    package var passwordLogin: Bool? {
        get { self[PasswordLoginSetting.self] }
        set { self[PasswordLoginSetting.self] = newValue }
    }
}

extension Planner {
    fileprivate mutating func planPasswordLogin() throws(PlanError) {
        guard let isOn = settings.passwordLogin else { return }
        let reason = "password login \(isOn ? "on" : "off")"
        guard let text = facts.text(.root, PasswordLoginSetting.serverConfig) else {
            throw .missingInImage(
                "\(PasswordLoginSetting.serverConfig)", purpose: "turn password login \(isOn ? "on" : "off")")
        }
        var options = [("PasswordAuthentication", isOn ? "yes" : "no")]
        if !isOn { options.append(("ChallengeResponseAuthentication", "no")) }  // its name in every OpenSSH so far
        if Self.includesDropIns(text) {
            let lines = options.map { "\($0) \($1)\n" }
            try put(PasswordLoginSetting.serverDropIn, text: lines.joined(), reason: reason)
        } else {
            try rewrite(PasswordLoginSetting.serverConfig, options.map { .setServerOption($0, $1) }, reason: reason)
        }
        if !isOn && settings.authorizedKeys.isEmpty && !hasKeys {
            warn("nobody can log in over ssh: passwords are off and there is no authorized key")
        }
    }

    private var hasKeys: Bool {
        guard let user = settings.user.flatMap({ facts.user(named: $0) }) ?? facts.firstUser else { return false }
        return AuthorizedKeysSetting.paths(in: user.home).contains { facts.bytes(.root, $0)?.isEmpty == false }
    }

    /// Debian's file has had the Include at its top since bullseye; what stands before it would win.
    private static func includesDropIns(_ text: String) -> Bool {
        for line in TextLines(text).lines {
            switch TextRule.option(line.text, isCommented: false)?.keyword {
            case "include"? where line.text.contains("/etc/ssh/sshd_config.d/*.conf"): return true
            case "match"?, "passwordauthentication"?: return false
            default: break
            }
        }
        return false
    }
}
