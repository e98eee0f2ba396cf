import Readers
import Trees

/// The login user, with password and keys: what of them is planned depends on which of them are said.
enum UserSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey(
            "user", .text(.userName), "Login name of the first user; without it the image's own.", example: "pi",
            option: .init("The login name; needs a password hash or keys.", valueName: "name"))
    ]

    static let template = """

        # Login. Make the hash with `piforge hash-password`.
        # user: pi
        # password_hash: "$6$..."          # or password_hash_file: secrets/pi.hash
        # password_login: false
        """

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planUser() }
}

extension Settings {
    /// The login name. Nil with a password hash or keys: the image's first user (uid 1000).
    package var user: String? {
        get { self[UserSetting.self] }
        set { self[UserSetting.self] = newValue }
    }
}

extension Planner {
    fileprivate mutating func planUser() throws(PlanError) {
        let wantsLogin = settings.passwordHash != nil || !settings.authorizedKeys.isEmpty
        guard wantsLogin || settings.user != nil else { return }
        guard let first = facts.firstUser ?? settings.user.flatMap({ facts.user(named: $0) }) else {
            throw .noFirstUser
        }
        let name = settings.user ?? first.name
        let known = facts.user(named: name)
        if known == nil { try checkRename(to: name, first) }
        try removeOtherUserconf(name)
        if let hash = settings.passwordHash {
            if facts.isUserWizardPending, known == nil || known == first {
                try planUserconf(name, hash)
            } else {
                try planShadow(name, hash)
            }
        }
        if facts.isUserWizardPending, wantsLogin, settings.passwordHash == nil || (known != nil && known != first) {
            try silenceWizard(for: name)
        }
        if !settings.authorizedKeys.isEmpty { try planKeys(of: known ?? first) }
    }

    /// A name that the image does not have can only come from userconf, which wants a password too.
    private func checkRename(to name: String, _ first: ImageFacts.User) throws(PlanError) {
        guard facts.isUserWizardPending else { throw .unknownUser(name, firstUser: first.name) }
        guard settings.passwordHash != nil || facts.pendingUser?.name == name else {
            throw .userNeedsPassword(name, firstUser: first.name)
        }
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

    /// The base was customised before and not booted since: its userconf.txt would give the first user another name.
    private mutating func removeOtherUserconf(_ name: String) throws(PlanError) {
        guard let other = facts.pendingUser, other.name != name, settings.passwordHash == nil else { return }
        if bringsBootFile("userconf") || bringsBootFile("userconf.txt") { return }
        guard settings.user != nil else {
            return warn(
                "the base's \(other.file) renames \(name) to \(other.name) at the first boot; the keys go along")
        }
        for file in UserConf.fileNames {
            if let path = VolumePath("/" + file) {
                try remove(on: .boot, path, reason: "it would rename \(name) to \(other.name)")
            }
        }
        warn("the base's \(other.file) is removed: it would rename \(name) to \(other.name) on the first boot")
    }

    /// Without a userconf.txt the wizard would ask on the console and keep the boot waiting; what it does at its end
    /// is done here.
    private mutating func silenceWizard(for name: String) throws(PlanError) {
        let isOther = facts.pendingUser.map { $0.name != name && settings.user != nil } ?? false
        let isBrought = bringsBootFile("userconf") || bringsBootFile("userconf.txt")
        let isThere = facts.exists(.boot, "/userconf") || facts.exists(.boot, "/userconf.txt")
        if isBrought || isThere && !isOther { return }
        let reason = "nobody is there to answer the user wizard"
        try remove(ImageFacts.wizardLink, reason: reason)
        keepOff("userconfig.service")
        try enable("getty@tty1.service", in: "getty.target.wants", reason: reason)
        try remove("/etc/ssh/sshd_config.d/rename_user.conf", reason: reason)
        if facts.exists(.root, "/etc/xdg/autostart/piwiz.desktop") {
            warn("the image has a desktop, whose wizard asks for a user on the first login")
        }
    }
}

extension ImageFacts {
    /// What the base's userconf(.txt) names the first user; nil when nobody reads such a file, or it is refused.
    var pendingUser: (name: String, file: String)? {
        guard isUserWizardPending else { return nil }
        for file in UserConf.fileNames {
            guard let path = VolumePath("/" + file), let text = text(.boot, path) else { continue }
            guard case .user(let name, _) = UserConf(lines: TextLines(text).lines.map(\.text)) else { return nil }
            return (name, file)
        }
        return nil
    }
}

// MARK: - What is valid

extension TextFormat {
    static let userName = TextFormat("user name", pattern: "^[a-z][a-z0-9-]{0,31}$", check: Validation.userName)
}

extension Validation {
    /// A login name that userconf takes: `[a-z][a-z0-9-]*`, at most 32 characters, not root
    /// (RPi-Distro/userconf-pi, userconf-service).
    package static func userName(_ name: String) throws(Refusal) {
        guard !name.isEmpty else { throw Refusal("the user name is empty", hint: "pi") }
        guard name != "root" else { throw Refusal("`root` cannot be the login user", hint: "pi") }
        guard name.utf8.count <= 32 else {
            throw Refusal("the user name has \(name.utf8.count) characters, the limit is 32")
        }
        guard !name.contains("_") else {
            throw Refusal(
                "the user name \"\(name)\" has an underscore, which Raspberry Pi OS' userconf refuses",
                hint: String(name.map { $0 == "_" ? "-" : $0 }))
        }
        let rest = name.utf8.dropFirst().allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        guard let first = name.utf8.first, isLower(first), rest else {
            throw Refusal(
                "the user name \"\(name.shortened)\" is not a lower-case letter followed by a-z, 0-9 and hyphens",
                hint: "pi")
        }
    }
}
