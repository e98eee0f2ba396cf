import Readers
import Trees

extension InspectionReader {
    /// Who can log in, and whom the first boot makes.
    mutating func accounts() throws(VolumeError) -> (users: [Inspection.Login], pending: [Inspection.PendingUser]) {
        let configuration = try serverConfiguration()
        let files = try accountFiles()
        let sudoers = try self.sudoers()
        if files.shadows.isEmpty, hasRoot {
            report(.warning, .noShadow, "the image has no /etc/shadow that names a user: nobody has a password")
        }
        var users: [Inspection.Login] = []
        var triesLeft = Self.passwordTries
        for account in files.users where account.hasLoginShell {
            let field = PasswordField(files.hash(of: account))
            let names = files.groups(of: account)
            let options = configuration.options(for: .init(user: account.name, groups: names))
            let keys = try authorizedKeys(of: account, options)
            let candidates = field.state == .set && triesLeft > 0 ? PasswordField.wellKnown(for: account.name) : []
            if !candidates.isEmpty { triesLeft -= 1 }
            var login = Inspection.Login(
                name: account.name, uid: account.id, home: account.home, shell: account.shell, password: field.state,
                hashMethod: field.method, defaultPassword: field.matching(candidates),
                mustChangePassword: files.shadows[account.name]?.changed == 0, keys: keys, ways: [],
                sudo: account.id == 0 ? .no : sudoers.right(of: account.name, groups: names))
            let scheme = PasswordScheme(hash: files.hash(of: account))
            let isChecked = scheme?.isKnown(to: facts.codename) ?? true
            if !isChecked, let scheme {
                report(
                    .warning, .passwordScheme,
                    "the password of \(account.name) lets nobody in: \(scheme.rawValue) is nothing that "
                        + "\(facts.codename ?? "this release")'s libcrypt knows",
                    hint: "set another one, with piforge's password_hash for example")
            }
            login.ways = ways(login, field, options, groups: names).filter {
                isChecked || ![.consolePassword, .sshPassword].contains($0)
            }
            let isPerson = account.id == 0 || (1000..<60000).contains(account.id)
            guard isPerson && account.name != "nobody" || !login.ways.isEmpty || !keys.isEmpty else { continue }
            users.append(login)
        }
        checkLogins(users)
        return (users, try pendingUsers())
    }

    /// Users whose passwords are compared with well-known ones, which takes up to half a second each.
    private static let passwordTries = 20

    // MARK: The account files

    func accountFiles() throws(VolumeError) -> Accounts {
        Accounts(
            passwd: try source.lines(.root, "/etc/passwd") ?? [], shadow: try source.lines(.root, "/etc/shadow") ?? [],
            group: try source.lines(.root, "/etc/group") ?? [])
    }

    /// The rules of /etc/sudoers and /etc/sudoers.d that allow everything (sudoers(5); aliases are not followed).
    private struct Sudoers {
        var rules: [(who: String, isFree: Bool)] = []

        init(_ lines: [String]) {
            for line in lines {
                guard let equals = line.firstIndex(of: "="), let who = line.blankSeparated.first,
                    !who.hasPrefix("Defaults"), line.hasSuffix("ALL")
                else { continue }
                rules.append((who, line[equals...].contains("NOPASSWD:")))
            }
        }

        /// The last rule that matches counts.
        func right(of user: String, groups: [String]) -> Inspection.Login.Sudo {
            let match = rules.last { rule in
                rule.who == user || rule.who == "ALL" || groups.contains { rule.who == "%" + $0 }
            }
            return match.map { $0.isFree ? .free : .password } ?? .no
        }
    }

    private func sudoers() throws(VolumeError) -> Sudoers {
        var lines = try source.settings(.root, "/etc/sudoers") ?? []
        let folder: VolumePath = "/etc/sudoers.d"
        for name in try source.names(.root, folder) where !name.contains(".") && !name.hasSuffix("~") {
            if let path = folder.appending(name) { lines += try source.settings(.root, path) ?? [] }
        }
        return Sudoers(lines)
    }

    // MARK: Ways in

    private func ways(
        _ login: Inspection.Login, _ field: PasswordField, _ settings: ServerOptions, groups: [String]
    ) -> [Inspection.Login.Way] {
        var ways: [Inspection.Login.Way] = []
        if login.password == .set { ways.append(.consolePassword) }
        if login.password == .none { ways.append(.consoleWithoutPassword) }
        guard settings.refusal(ofUser: login.name, groups: groups) == nil,
            !(login.uid == 0 && settings.rootLogin == "no")
        else { return ways }
        let rootByPassword = login.uid != 0 || settings.rootLogin == "yes"
        let asksPassword = settings.asksPassword && settings.isEnough(["password", "keyboard-interactive"])
        if login.password == .set && asksPassword && rootByPassword { ways.append(.sshPassword) }
        if login.password == .none && asksPassword && settings.takesEmptyPasswords && rootByPassword {
            ways.append(.sshWithoutPassword)
        }
        let isShutOut = field.isLockedForKeys && !settings.usesPAM || !settings.isEnough(["publickey"])
        if settings.takesKeys, !isShutOut, login.keys.contains(where: { $0.rejected == nil }) { ways.append(.sshKey) }
        return ways
    }

    private mutating func checkLogins(_ users: [Inspection.Login]) {
        for user in users {
            if let word = user.defaultPassword {
                report(
                    .warning, .knownPassword, "user \(user.name) has the well-known password \"\(word)\"",
                    hint: "set another one, with piforge's password_hash for example")
            }
            if user.password == .none {
                report(.error, .noPassword, "user \(user.name) has no password: anybody at the console gets in")
            }
            if user.uid == 0 && user.name != "root" {
                report(.warning, .secondRoot, "user \(user.name) has the rights of root (uid 0)")
            }
        }
    }

    // MARK: Keys

    private mutating func authorizedKeys(
        of account: Accounts.User, _ settings: ServerOptions
    ) throws(VolumeError) -> [Inspection.AuthorizedKey] {
        var keys: [Inspection.AuthorizedKey] = []
        for pattern in settings.keyFiles {
            let name = ServerOptions.keyPath(pattern, user: account.name, id: account.id, home: account.home)
            guard let path = VolumePath(name),
                let lines = try source.lines(.root, path)
            else { continue }
            var refusal = settings.checksModes ? try modeProblem(path, of: account) : nil
            if refusal == nil { refusal = try readProblem(path, of: account) }
            if let refusal {
                report(
                    .error, .keysUnreadable, "sshd ignores \(path): \(refusal)",
                    hint: "it must belong to \(account.name), mode 600, in a folder of theirs with mode 700")
            }
            for (index, line) in lines.enumerated() {
                let text = line.trimmedBlanks
                if text.isEmpty || text.hasPrefix("#") { continue }
                guard let key = Inspection.Key(line: text) else {
                    report(.warning, .keyMalformed, "line \(index + 1) of \(path) is no key that sshd would take")
                    continue
                }
                if key.type == "DSA" {
                    report(.note, .keyRefused, "\(path) has a DSA key, which sshd has not taken since 2015")
                }
                keys.append(.init(key: key, file: path.description, rejected: refusal))
            }
        }
        return keys
    }

    /// StrictModes: the file and every folder up to the home belong to the user or root, and nobody else may write
    /// them (OpenSSH, misc.c, safe_path).
    func modeProblem(_ path: VolumePath, of account: Accounts.User) throws(VolumeError) -> String? {
        guard let place = try source.place(.root, path) else { return nil }
        var home = VolumePath(account.home)
        if let path = home { home = try source.place(.root, path) }
        var chain = [place]
        for folder in place.ancestors.reversed() {
            chain.append(folder)
            if folder == home { break }
        }
        for step in chain {
            guard let status = try source.status(.root, step) else { continue }
            let data = status.metadata
            if data.owner != 0 && data.owner != account.id {
                return "\(step) belongs to uid \(data.owner), not to \(account.name)"
            }
            if data.mode & 0o022 != 0 {
                return "\(step) has mode \(String(data.mode, radix: 8)), so others may write it"
            }
        }
        return nil
    }

    /// sshd reads the file with the user's own rights.
    func readProblem(_ path: VolumePath, of account: Accounts.User) throws(VolumeError) -> String? {
        guard account.id != 0, let place = try source.place(.root, path) else { return nil }
        for step in [place] + place.ancestors.reversed() {
            guard let status = try source.status(.root, step) else { continue }
            let data = status.metadata
            let shift: UInt16 = data.owner == account.id ? 6 : data.group == account.group ? 3 : 0
            let wanted: UInt16 = status.kind == .directory ? 1 : 4
            if data.mode >> shift & wanted == 0 {
                return "\(account.name) may not read \(step) (owner \(data.owner), mode \(String(data.mode, radix: 8)))"
            }
        }
        return nil
    }
}

// MARK: - userconf

extension InspectionReader {
    /// What userconf(.txt) on the boot partition would do.
    enum PendingUserConf {
        case user(name: String, field: PasswordField, file: String)
        case invalid(file: String, why: String)
    }

    /// The lines of `userconf`, or else of `userconf.txt`.
    func userconfFile() throws(VolumeError) -> (name: String, lines: [String])? {
        for name in UserConf.fileNames {
            guard let path = VolumePath("/" + name), let lines = try source.lines(.boot, path) else { continue }
            return (name, lines)
        }
        return nil
    }

    func userconf() throws(VolumeError) -> PendingUserConf? {
        guard let file = try userconfFile() else { return nil }
        switch UserConf(lines: file.lines) {
        case .user(let name, let hash): return .user(name: name, field: PasswordField(hash), file: file.name)
        case .invalid(let why): return .invalid(file: file.name, why: why)
        }
    }

    mutating func pendingUsers() throws(VolumeError) -> [Inspection.PendingUser] {
        var pending: [Inspection.PendingUser] = []
        switch try userconf() {
        case .user(let name, let field, let file)?:
            if hasRoot && !facts.isUserWizardPending {
                report(
                    .warning, .userconfUnused,
                    "\(file) on the boot partition has no effect: userconfig.service is not enabled",
                    hint: "set the password in /etc/shadow")
                break
            }
            let word = field.matching(PasswordField.wellKnown(for: name))
            if let word {
                report(.warning, .knownPassword, "\(file) gives \(name) the well-known password \"\(word)\"")
            }
            if field.state == .locked {
                report(
                    .error, .userconfRefused, "\(file) has a password for \(name) that is no hash",
                    hint: "make one with piforge hash-password")
            }
            pending.append(.init(name: name, source: file, defaultPassword: word))
        case .invalid(let file, let why)?: report(.error, .userconfRefused, "userconfig refuses \(file): \(why)")
        case nil: break
        }
        if let user = try customSettings()?.user, runsFirstboot {
            pending.append(.init(name: user, source: "custom.toml"))
        }
        return pending
    }
}
