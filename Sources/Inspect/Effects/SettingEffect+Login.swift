import Plans
import Readers
import Trees

/// Who logs in, and with what: judged as sshd does (auth.c, auth2-pubkeyfile.c), after the first boot renamed the user.
extension EffectJudge {
    /// The account that the settings mean, under the name that it has after the first boots.
    struct Target {
        var user: Accounts.User
        var groups: [String]
        /// Where its home lies now: a rename takes it along.
        var home: String
        /// What renames it; nil when nothing does.
        var renaming: String?
    }

    /// Nil when the image has no such user, now or later.
    func target() throws(VolumeError) -> Target? {
        let first = accounts.users.first { $0.id == 1000 }
        let pending = try pendingName()
        guard let name = settings.user ?? pending?.name ?? first?.name else { return nil }
        if let pending, pending.name == name, let first {
            var renamed = first
            renamed.name = name
            renamed.home = "/home/" + name
            let groups = accounts.groups(of: first).map { $0 == first.name ? name : $0 }
            return Target(user: renamed, groups: groups, home: first.home, renaming: pending.file)
        }
        guard let user = accounts.user(named: name) else { return nil }
        let isRenamed = pending != nil && user == first
        return Target(
            user: user, groups: accounts.groups(of: user), home: user.home, renaming: isRenamed ? pending?.file : nil)
    }

    /// The name that the first user gets at the first boot, when it is another one.
    func pendingName() throws(VolumeError) -> (name: String, file: String)? {
        guard reader.facts.isUserWizardPending, case .user(let name, _, let file)? = try reader.userconf(),
            let first = accounts.users.first(where: { $0.id == 1000 }), name != first.name
        else { return nil }
        return (name, file)
    }

    mutating func judgeUser() throws(VolumeError) {
        guard let name = settings.user else { return }
        guard let target = try target() else {
            return refuse("user", .userUnknown, "the image has no user \(name), and no boot makes one")
        }
        if let file = target.renaming, let pending = try pendingName(), pending.name != name {
            refuse(
                "user", .userRenamed, "boot:/\(file) makes the first boot rename \(name) to \(pending.name)",
                hint: "set password_hash as well, or remove boot:/\(file) from the base")
        }
        if let name = try customSettings()?.user, name != target.user.name {
            refuse(
                "user", .userRenamed, "boot:/custom.toml makes the first boot rename the first user to \(name)",
                hint: "leave the user out of custom.toml")
        }
    }

    // MARK: Keys

    mutating func judgeKeys() throws(VolumeError) {
        guard !settings.authorizedKeys.isEmpty, let target = try target() else { return }
        let setting = "authorized_keys"
        let options = options(for: target)
        if let line = options.entry("revokedkeys"), let name = line.arguments.first, name.lowercased() != "none",
            let path = VolumePath(name), try reader.source.status(.root, path)?.kind != .file
        {
            refuse(
                setting, .keysOff,
                "sshd takes no keys, as it finds no list of revoked ones (\(line.origin): \(line.text))",
                hint: "remove that line from the base, or add an empty \(path) with `files`")
        }
        if !options.takesKeys, let line = options.entry("pubkeyauthentication") {
            refuse(
                setting, .keysOff, "sshd takes no keys (\(line.origin): PubkeyAuthentication no)",
                hint: "remove that line from the base")
        }
        try judgeAdmission(setting, of: target, options)
        if !options.isEnough(["publickey"]), let line = options.entry("authenticationmethods") {
            refuse(
                setting, .keysNotEnough,
                "a key alone lets nobody in (\(line.origin): AuthenticationMethods \(line.arguments.joined(separator: " ")))",
                hint: "remove that line from the base")
        }
        let isLocked = accounts.hash(of: target.user).hasPrefix("!") && target.renaming == nil
        if isLocked, !options.usesPAM {
            refuse(
                setting, .accountLocked,
                "the account of \(target.user.name) is locked, and without UsePAM sshd "
                    + "takes no key for it (/etc/shadow)", hint: "set password_hash, or UsePAM yes in the base")
        }
        try judgeKeyFile(of: target, options)
        for key in settings.authorizedKeys { judgeKey(key, options) }
    }

    func options(for target: Target) -> ServerOptions {
        configuration.options(for: .init(user: target.user.name, groups: target.groups))
    }

    /// Where sshd looks for keys, and whether it takes what lies there.
    private mutating func judgeKeyFile(of target: Target, _ options: ServerOptions) throws(VolumeError) {
        let account = target.user
        let wanted = Set(settings.authorizedKeys.compactMap { Inspection.Key(line: $0)?.fingerprint })
        var paths: [VolumePath] = []
        for pattern in options.keyFiles {
            let text = ServerOptions.keyPath(pattern, user: account.name, id: account.id, home: target.home)
            guard let path = VolumePath(text) else { continue }
            paths.append(path)
            let keys = try (reader.source.lines(.root, path) ?? []).compactMap {
                Inspection.Key(line: $0.trimmedBlanks)
            }
            guard !wanted.isEmpty, wanted.isSubset(of: Set(keys.map(\.fingerprint))) else { continue }
            if let mount = try mountPoints().first(where: { path.isBelow($0.path) }) {
                return refuse(
                    "authorized_keys", .keysElsewhere,
                    "\(mount.by) mounts something over \(mount.path), so that sshd does not see \(path)",
                    hint: "remove that mount from the base, or put the keys there")
            }
            var stored = account
            stored.home = target.home
            var refusal = options.checksModes ? try reader.modeProblem(path, of: stored) : nil
            if refusal == nil { refusal = try reader.readProblem(path, of: stored) }
            if let refusal {
                refuse(
                    "authorized_keys", .keysUnreadable, "sshd ignores \(path): \(refusal)",
                    hint: "correct owner and mode in the base, or set `files` to do it")
            }
            return
        }
        let line = options.entry("authorizedkeysfile").map { " (\($0.origin): AuthorizedKeysFile)" } ?? ""
        let place = paths.isEmpty ? "reads keys from no file" : "looks for keys in \(Self.list(paths))"
        refuse(
            "authorized_keys", .keysElsewhere, "sshd \(place)\(line)",
            hint: "remove that line from the base, or put the keys there with `files`")
    }

    private static func list(_ paths: [VolumePath]) -> String { paths.map(\.description).joined(separator: " and ") }

    private mutating func judgeKey(_ line: String, _ options: ServerOptions) {
        guard let key = Inspection.Key(line: line) else { return }
        let version = options.version
        let name = key.comment.isEmpty ? key.fingerprint : key.comment
        if let why = key.optionProblem(in: version) {
            refuse("the key \(name)", .keyRefused, "\(why) (OpenSSH \(version))", hint: "leave the option out")
        }
        if key.type.hasSuffix("-SK"), version < .securityKeys {
            refuse(
                "the key \(name)", .keyRefused, "OpenSSH \(version) of this image does not know security keys",
                hint: "ssh-keygen -t ed25519")
        }
        if let line = options.refusal(ofKeyType: key.algorithm) {
            refuse(
                "the key \(name)", .keyRefused, "sshd takes no \(key.algorithm) keys (\(line.origin): \(line.text))",
                hint: "use a key of another type, or remove that line from the base")
        }
        if key.type == "RSA", key.bits < options.leastRSABits {
            let line = options.entry("requiredrsasize").map { " (\($0.origin))" } ?? ""
            refuse(
                "the key \(name)", .keyRefused, "it has \(key.bits) bits, sshd wants \(options.leastRSABits)\(line)",
                hint: "ssh-keygen -t ed25519")
        }
    }

    // MARK: Whoever logs in

    /// What keeps the user out, whatever they bring.
    private mutating func judgeAdmission(
        _ setting: String, of target: Target, _ options: ServerOptions
    ) throws(VolumeError) {
        let user = target.user
        if let line = options.refusal(ofUser: user.name, groups: target.groups) {
            refuse(
                setting, .userRefused, "sshd does not let \(user.name) in (\(line.origin): \(line.text))",
                hint: "name \(user.name) there, or remove that line from the base")
        }
        if user.id == 0, ["no", "forced-commands-only"].contains(options.rootLogin),
            let line = options.entry("permitrootlogin")
        {
            refuse(setting, .userRefused, "sshd does not let root in (\(line.origin): \(line.text))")
        }
        try judgeShell(setting, of: user)
        try judgeSession(setting, of: target, options)
        if user.id != 0, try reader.source.exists(.root, "/etc/nologin") {
            refuse(
                setting, .loginNologin, "/etc/nologin lets nobody but root in", hint: "remove it from the base")
        }
        if let day = accounts.shadows[user.name]?.expires, day >= 0, Int64(day) <= now / 86400 {
            refuse(
                setting, .accountExpired, "the account of \(user.name) has expired (/etc/shadow, eighth field)",
                hint: "empty that field in the base")
        }
    }

    private mutating func judgeShell(_ setting: String, of user: Accounts.User) throws(VolumeError) {
        let shell = user.shell.isEmpty ? "/bin/sh" : user.shell
        guard user.hasLoginShell else {
            return refuse(setting, .userRefused, "the shell of \(user.name) is \(shell) (/etc/passwd:\(user.line))")
        }
        guard let path = VolumePath(shell) else { return }
        let status = try reader.source.status(.root, path)
        if status?.kind != .file || (status?.metadata.mode ?? 0) & 0o111 == 0 {
            refuse(
                setting, .userRefused,
                "the shell of \(user.name), \(shell), is no program of the image (/etc/passwd:\(user.line))")
        }
    }

    // MARK: Passwords

    mutating func judgePassword() throws(VolumeError) {
        guard let hash = settings.passwordHash, let target = try target() else { return }
        let setting = "password_hash"
        if let scheme = PasswordScheme(hash: hash), !scheme.isKnown(to: reader.facts.codename) {
            refuse(
                setting, .passwordScheme,
                "\(scheme.rawValue) is nothing that \(reader.facts.codename ?? "this release")'s libcrypt knows",
                hint: "piforge hash-password --method sha512")
        }
        if let pending = try userconfHash(), pending.name == target.user.name {
            if pending.hash != hash {
                refuse(setting, .passwordNotUsed, "boot:/\(pending.file) sets another one at the first boot")
            }
        } else if accounts.hash(of: target.user) != hash {
            let file = target.user.password == "x" ? "/etc/shadow" : "/etc/passwd:\(target.user.line)"
            refuse(
                setting, .passwordNotUsed, "the password of \(target.user.name) is checked against the hash in \(file)",
                hint: "write x into the second field of that line in the base")
        } else if try reader.isCloudInitActive(), try reader.cloudUser() == target.user.name {
            refuse(
                setting, .passwordNotUsed, "cloud-init locks the password of its default user",
                hint: "leave `default` out of `users` in user-data")
        }
        if let settings = try customSettings(), settings.user == target.user.name,
            settings.values["user.password"] != nil
        {
            refuse(setting, .passwordNotUsed, "boot:/custom.toml sets another one at the first boot")
        }
        if let day = accounts.shadows[target.user.name]?.expires, day >= 0, Int64(day) <= now / 86400 {
            refuse(
                setting, .accountExpired, "the account of \(target.user.name) has expired (/etc/shadow, eighth field)",
                hint: "empty that field in the base")
        }
    }

    private func userconfHash() throws(VolumeError) -> (name: String, hash: String, file: String)? {
        guard reader.facts.isUserWizardPending, let file = try reader.userconfFile(),
            case .user(let name, let hash) = UserConf(lines: file.lines)
        else { return nil }
        return (name, hash, file.name)
    }

    mutating func judgePasswordLogin() throws(VolumeError) {
        guard let isWanted = settings.passwordLogin else { return }
        if isWanted { return try judgePasswordsTaken() }
        let people = accounts.users.filter { $0.hasLoginShell && ($0.id == 0 || (1000..<60000).contains($0.id)) }
        var renamed: [Target] = []
        if let target = try target(), target.renaming != nil { renamed = [target] }
        let targets =
            renamed
            + people.map { Target(user: $0, groups: accounts.groups(of: $0), home: $0.home, renaming: nil) }
        for target in targets {
            let options = options(for: target)
            guard target.user.id != 0 || options.rootLogin == "yes",
                let line = Self.passwordLine(options), options.isEnough(["password", "keyboard-interactive"])
            else { continue }
            return refuse(
                "password_login", .passwordAccepted, "sshd takes passwords of \(target.user.name) (\(line))",
                hint: "remove that line from the base")
        }
    }

    /// The line that lets somebody log in by password; nil when nothing does.
    private static func passwordLine(_ options: ServerOptions) -> String? {
        func text(_ entry: ServerOptions.Entry?, _ name: String) -> String {
            entry.map { "\($0.origin): \($0.text)" } ?? "\(name) is on by default"
        }
        if options.takesPasswords { return text(options.entry("passwordauthentication"), "PasswordAuthentication") }
        if options.takesInteractive { return text(options.interactiveEntry.entry, "KbdInteractiveAuthentication") }
        let methods = ["passwordauthentication", "kbdinteractiveauthentication", "challengeresponseauthentication"]
        return options.exceptions.first { entry in
            methods.contains(entry.keyword) && entry.arguments.first?.lowercased() == "yes"
                && (entry.keyword == methods[0] || options.usesPAM)
        }.map { "\($0.origin): \($0.text), in a Match block" }
    }

    private mutating func judgePasswordsTaken() throws(VolumeError) {
        guard let target = try target() else { return }
        let options = options(for: target)
        if !options.asksPassword {
            let line = options.entry("passwordauthentication").map { " (\($0.origin): \($0.text))" } ?? ""
            refuse(
                "password_login", .passwordRefused, "sshd takes no passwords of \(target.user.name)\(line)",
                hint: "remove that line from the base")
        } else if !options.isEnough(["password", "keyboard-interactive"]),
            let line = options.entry("authenticationmethods")
        {
            refuse(
                "password_login", .passwordRefused, "a password alone lets nobody in (\(line.origin): \(line.text))",
                hint: "remove that line from the base")
        }
        try judgeAdmission("password_login", of: target, options)
    }
}
