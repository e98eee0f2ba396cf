import Readers
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
        // Until OpenSSH 8.6 that is another option, off by default, which also lets passwords in.
        let base = facts.serverConfiguration(with: [PasswordLoginSetting.serverDropIn: ""], noting: { _, _ in })
        if !isOn, base.options(for: nil).entry("kbdinteractiveauthentication")?.isOn == true {
            options.append(("KbdInteractiveAuthentication", "no"))
        }
        let lines = options.map { "\($0) \($1)\n" }.joined()
        if Self.includesDropIns(text, before: "passwordauthentication"),
            let winner = facts.serverLine(before: lines, takingPasswords: isOn)
        {
            warn(
                "\(winner.origin) says \(winner.text), and sshd takes the first value: sshd_config says it before that")
        } else if Self.includesDropIns(text, before: "passwordauthentication") {
            return try put(PasswordLoginSetting.serverDropIn, text: lines, reason: reason)
        } else if let old = base.options(for: nil).entry("passwordauthentication"), old.isOn != isOn {
            warn("\(old.origin) says \(old.text): password_login says otherwise, so that line does not count any more")
        }
        try rewrite(PasswordLoginSetting.serverConfig, options.map { .setServerOption($0, $1) }, reason: reason)
    }

    /// Debian's file has had the Include at its top since bullseye; a line with the keyword before it would win.
    static func includesDropIns(_ text: String, before keyword: String) -> Bool {
        for line in TextLines(text).lines {
            switch TextRule.option(line.text, isCommented: false)?.keyword {
            case "include"? where line.text.contains("/etc/ssh/sshd_config.d/*.conf"): return true
            case "match"?, keyword?: return false
            default: break
            }
        }
        return false
    }
}

extension ImageFacts {
    /// The line that keeps our drop-in from deciding whether passwords are taken; nil when it does decide.
    fileprivate func serverLine(before text: String, takingPasswords isWanted: Bool) -> ServerOptions.Entry? {
        let options = serverConfiguration(with: [PasswordLoginSetting.serverDropIn: text], noting: { _, _ in })
            .options(for: nil)
        if options.takesPasswords != isWanted { return options.entry("passwordauthentication") }
        return !isWanted && options.interactiveEntry.isOn ? options.interactiveEntry.entry : nil
    }
}
