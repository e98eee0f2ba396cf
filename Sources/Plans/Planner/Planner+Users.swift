import Trees

/// ssh, users, keys.
extension Planner {
    static let serverConfig: VolumePath = "/etc/ssh/sshd_config"
    /// Sorts before what other packages bring: sshd takes the first value that it reads.
    static let serverDropIn: VolumePath = "/etc/ssh/sshd_config.d/00-piforge.conf"

    static func keyPaths(in home: VolumePath) -> [VolumePath] {
        [".ssh", ".ssh/authorized_keys"].compactMap { VolumePath("\(home)/\($0)") }
    }

    mutating func planLogin() throws(PlanError) {
        try planMarker()
        try planUser()
        try planPasswordLogin()
    }

    private mutating func planMarker() throws(PlanError) {
        guard let ssh = settings.ssh else { return }
        guard ssh else {
            for path: VolumePath in ["/ssh", "/ssh.txt"] { try remove(on: .boot, path, reason: "ssh off") }
            return
        }
        if facts.unitFile("sshswitch.service") != nil {
            return try rewrite(on: .boot, "/ssh", [], missing: 0o644, reason: "ssh on")
        }
        try enable("ssh.service", in: "multi-user.target.wants", reason: "ssh on")
    }

    // MARK: The user

    private mutating func planUser() throws(PlanError) {
        let wantsLogin = settings.passwordHash != nil || !settings.authorizedKeys.isEmpty
        guard wantsLogin || settings.user != nil else { return warnAboutWizard() }
        guard let first = facts.firstUser ?? settings.user.flatMap({ facts.user(named: $0) }) else {
            throw .noFirstUser
        }
        let name = settings.user ?? first.name
        let known = facts.user(named: name)
        if known == nil { try checkRename(to: name, first) }
        if let hash = settings.passwordHash {
            if facts.isUserWizardPending, known == nil || known == first {
                try planUserconf(name, hash)
            } else {
                try planShadow(name, hash)
            }
        }
        if facts.isUserWizardPending, wantsLogin, settings.passwordHash == nil || (known != nil && known != first) {
            try silenceWizard()
        }
        if !settings.authorizedKeys.isEmpty { try planKeys(of: known ?? first) }
    }

    /// A name that the image does not have can only come from userconf, which wants a password too.
    private func checkRename(to name: String, _ first: ImageFacts.User) throws(PlanError) {
        guard facts.isUserWizardPending else { throw .unknownUser(name, firstUser: first.name) }
        guard settings.passwordHash != nil else { throw .userNeedsPassword(name, firstUser: first.name) }
        let letters: ClosedRange<Character> = "a"..."z"
        let digits: ClosedRange<Character> = "0"..."9"
        guard let start = name.first, letters.contains(start), name.utf8.count <= 32,
            name.allSatisfy({ letters.contains($0) || digits.contains($0) || $0 == "-" })
        else { throw .invalidUserName(name) }
        guard let home = VolumePath("/home/\(name)") else { throw .invalidUserName(name) }
        for file in settings.files where file.target.partition == .root {
            if file.target.path == home || file.target.path.isBelow(home) {
                throw .movedHome(file.target, from: first.home)
            }
        }
    }

    /// userconf reads `userconf` before `userconf.txt`.
    private mutating func planUserconf(_ name: String, _ hash: String) throws(PlanError) {
        let reason = "user \(name) and its password"
        try put(on: .boot, "/userconf.txt", text: "\(name):\(hash)\n", reason: reason, isSecret: true)
        try remove(on: .boot, "/userconf", reason: reason)
    }

    private mutating func planShadow(_ name: String, _ hash: String) throws(PlanError) {
        let day = (Double(modified) / 86400).rounded(.down)
        try rewrite(
            "/etc/shadow", [.setPasswordHash(user: name, hash: hash, day: Int64(exactly: day) ?? 0)],
            reason: "password of \(name)", isSecret: true)
    }

    /// Without a userconf.txt the wizard would ask on the console and keep the boot waiting; what it does at its end
    /// is done here.
    private mutating func silenceWizard() throws(PlanError) {
        if facts.exists(.boot, "/userconf") || facts.exists(.boot, "/userconf.txt") { return }
        let reason = "nobody is there to answer the user wizard"
        try remove(ImageFacts.wizardLink, reason: reason)
        try enable("getty@tty1.service", in: "getty.target.wants", reason: reason)
        try remove("/etc/ssh/sshd_config.d/rename_user.conf", reason: reason)
        if facts.exists(.root, "/etc/xdg/autostart/piwiz.desktop") {
            warn("the image has a desktop, whose wizard asks for a user on the first login")
        }
    }

    private mutating func warnAboutWizard() {
        guard settings.ssh == true, facts.isUserWizardPending else { return }
        if facts.exists(.boot, "/userconf") || facts.exists(.boot, "/userconf.txt") { return }
        if bringsBootFile("userconf.txt") || bringsBootFile("userconf") { return }
        warn("nobody can log in: ssh is on, but there is neither a password hash nor an authorized key")
    }

    /// sshd wants folder and file to belong to the user and not to be writable for others (sshd(8), StrictModes).
    private mutating func planKeys(of user: ImageFacts.User) throws(PlanError) {
        let reason = "keys of \(user.name)"
        let folder = Node.Metadata(mode: 0o700, owner: user.id, group: user.group)
        let file = Node.Metadata(mode: 0o600, owner: user.id, group: user.group)
        let paths = Self.keyPaths(in: user.home)
        guard paths.count == 2, let found = facts.found(.root, paths[1]) else {
            throw .notLookedAt(Target(.root, user.home))
        }
        if facts.found(.root, user.home)?.kind == nil {
            try put(
                user.home, .directory, .init(mode: 0o755, owner: user.id, group: user.group), reason: reason)
        }
        try put(paths[0], .directory, folder, reason: reason)
        let rules = settings.authorizedKeys.map { TextRule.ensureAuthorizedKey($0) }
        let isAccepted = found.own.map { old in
            // A link is left to the edit to refuse: what it leads to is nobody's keys.
            old.kind != .file || [0, user.id].contains(old.metadata.owner) && old.metadata.mode & 0o022 == 0
        }
        let target = Target(.root, found.place)
        if isAccepted ?? true {
            try draft.add(Edit(target, .rewrite(rules, missing: file), reason: reason))
        } else {
            var text = facts.text(.root, paths[1]) ?? ""
            do { for rule in rules { text = try rule.applied(to: text) } } catch { throw .edit(.rule(target, error)) }
            try put(paths[1], .file(TextBytes.encode(text)), file, reason: reason)
        }
    }

    // MARK: The server

    private mutating func planPasswordLogin() throws(PlanError) {
        guard let isOn = settings.passwordLogin else { return }
        let reason = "password login \(isOn ? "on" : "off")"
        guard let text = facts.text(.root, Self.serverConfig) else {
            throw .missingInImage("\(Self.serverConfig)", purpose: "turn password login \(isOn ? "on" : "off")")
        }
        var options = [("PasswordAuthentication", isOn ? "yes" : "no")]
        if !isOn { options.append(("ChallengeResponseAuthentication", "no")) }  // its name in every OpenSSH so far
        if Self.includesDropIns(text) {
            let lines = options.map { "\($0) \($1)\n" }
            try put(Self.serverDropIn, text: lines.joined(), reason: reason)
        } else {
            try rewrite(Self.serverConfig, options.map { .setServerOption($0, $1) }, reason: reason)
        }
        if !isOn && settings.authorizedKeys.isEmpty && !hasKeys {
            warn("nobody can log in over ssh: passwords are off and there is no authorized key")
        }
    }

    private var hasKeys: Bool {
        guard let user = settings.user.flatMap({ facts.user(named: $0) }) ?? facts.firstUser else { return false }
        return Self.keyPaths(in: user.home).contains { facts.bytes(.root, $0)?.isEmpty == false }
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
