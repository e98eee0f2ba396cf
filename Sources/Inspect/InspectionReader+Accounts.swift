import Readers
import Trees

extension InspectionReader {
    /// Who can log in, and whom the first boot makes.
    mutating func accounts() throws(VolumeError) -> (users: [Inspection.Login], pending: [Inspection.PendingUser]) {
        let settings = try serverSettings()
        let groups = try self.groups()
        let sudoers = try self.sudoers()
        let shadow = try shadowFields()
        if shadow.isEmpty, hasRoot {
            report(.warning, "the image has no /etc/shadow that names a user: nobody has a password")
        }
        var users: [Inspection.Login] = []
        for account in try passwd() {
            let fields = shadow[account.name] ?? []
            let stored = account.password == "x" ? fields.first ?? "*" : account.password
            let field = PasswordField(stored)
            let names = groups.filter { $0.id == account.group || $0.members.contains(account.name) }.map(\.name)
            let keys = try authorizedKeys(of: account, settings)
            var login = Inspection.Login(
                name: account.name, uid: account.id, home: account.home, shell: account.shell, password: field.state,
                hashMethod: field.method, defaultPassword: field.matching(PasswordField.wellKnown(for: account.name)),
                mustChangePassword: fields.count > 1 && fields[1] == "0", keys: keys, ways: [],
                sudo: account.id == 0 ? .no : sudoers.right(of: account.name, groups: names))
            login.ways = ways(login, field, settings, groups: names)
            let isPerson = account.id == 0 || (1000..<60000).contains(account.id)
            guard isPerson && account.name != "nobody" || !login.ways.isEmpty || !keys.isEmpty else { continue }
            users.append(login)
        }
        checkLogins(users)
        return (users, try pendingUsers())
    }

    // MARK: The account files

    private struct Account {
        var name: String
        var password: String
        var id: UInt32
        var group: UInt32
        var home: String
        var shell: String

        var hasLoginShell: Bool {
            let name = shell.split(separator: "/").last ?? "sh"
            return !["nologin", "false", "sync", "shutdown", "halt"].contains(name)
        }
    }

    /// The lines of /etc/passwd that make sense (passwd(5)).
    private func passwd() throws(VolumeError) -> [Account] {
        try (source.lines(.root, "/etc/passwd") ?? []).compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 7, !fields[0].isEmpty, !fields[0].hasPrefix("#"), let id = UInt32(fields[2]),
                let group = UInt32(fields[3])
            else { return nil }
            let account = Account(
                name: fields[0], password: fields[1], id: id, group: group, home: fields[5], shell: fields[6])
            return account.hasLoginShell ? account : nil
        }
    }

    /// The fields after the name, by name (shadow(5)).
    private func shadowFields() throws(VolumeError) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for line in try source.lines(.root, "/etc/shadow") ?? [] {
            let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            if fields.count > 1, result[fields[0]] == nil { result[fields[0]] = Array(fields.dropFirst()) }
        }
        return result
    }

    private func groups() throws(VolumeError) -> [(name: String, id: UInt32, members: [String])] {
        try (source.lines(.root, "/etc/group") ?? []).compactMap { line in
            let fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard fields.count >= 4, let id = UInt32(fields[2]) else { return nil }
            return (fields[0], id, fields[3].split(separator: ",").map(String.init))
        }
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
        _ login: Inspection.Login, _ field: PasswordField, _ settings: Inspection.ServerSettings, groups: [String]
    ) -> [Inspection.Login.Way] {
        var ways: [Inspection.Login.Way] = []
        if login.password == .set { ways.append(.consolePassword) }
        if login.password == .none { ways.append(.consoleWithoutPassword) }
        guard settings.admits(login.name, groups: groups), !(login.uid == 0 && settings.rootLogin == "no") else {
            return ways
        }
        let rootByPassword = login.uid != 0 || settings.rootLogin == "yes"
        if login.password == .set && settings.asksPassword && rootByPassword { ways.append(.sshPassword) }
        if login.password == .none && settings.asksPassword && settings.takesEmptyPasswords && rootByPassword {
            ways.append(.sshWithoutPassword)
        }
        let isShutOut = field.isLockedForKeys && !settings.usesPAM
        if settings.takesKeys, !isShutOut, login.keys.contains(where: { $0.rejected == nil }) { ways.append(.sshKey) }
        return ways
    }

    private mutating func checkLogins(_ users: [Inspection.Login]) {
        for user in users {
            if let word = user.defaultPassword {
                report(
                    .warning, "user \(user.name) has the well-known password \"\(word)\"",
                    hint: "set another one, with piforge's password_hash for example")
            }
            if user.password == .none {
                report(.error, "user \(user.name) has no password: anybody at the console gets in")
            }
            if user.uid == 0 && user.name != "root" {
                report(.warning, "user \(user.name) has the rights of root (uid 0)")
            }
        }
    }

    // MARK: Keys

    private mutating func authorizedKeys(
        of account: Account, _ settings: Inspection.ServerSettings
    ) throws(VolumeError) -> [Inspection.AuthorizedKey] {
        var keys: [Inspection.AuthorizedKey] = []
        for pattern in settings.keyFiles {
            let name = Self.expanding(pattern, account.name, account.id, account.home)
            guard let path = VolumePath(name.hasPrefix("/") ? name : account.home + "/" + name),
                let lines = try source.lines(.root, path)
            else { continue }
            var refusal = settings.checksModes ? try modeProblem(path, of: account) : nil
            if refusal == nil { refusal = try readProblem(path, of: account) }
            if let refusal {
                report(
                    .error, "sshd ignores \(path): \(refusal)",
                    hint: "it must belong to \(account.name), mode 600, in a folder of theirs with mode 700")
            }
            for (index, line) in lines.enumerated() {
                let text = line.trimmedBlanks
                if text.isEmpty || text.hasPrefix("#") { continue }
                guard let key = Inspection.Key(line: text) else {
                    report(.warning, "line \(index + 1) of \(path) is no key that sshd would take")
                    continue
                }
                if key.type == "DSA" { report(.note, "\(path) has a DSA key, which sshd has not taken since 2015") }
                keys.append(.init(key: key, file: path.description, rejected: refusal))
            }
        }
        return keys
    }

    /// %h, %u, %U and %% (sshd_config(5), TOKENS).
    private static func expanding(_ pattern: String, _ name: String, _ id: UInt32, _ home: String) -> String {
        var result = ""
        var isToken = false
        for character in pattern {
            if isToken {
                switch character {
                case "h": result += home
                case "u": result += name
                case "U": result += String(id)
                default: result.append(character)
                }
                isToken = false
            } else if character == "%" {
                isToken = true
            } else {
                result.append(character)
            }
        }
        return result
    }

    /// StrictModes: the file and every folder up to the home belong to the user or root, and nobody else may write
    /// them (OpenSSH, misc.c, safe_path).
    private func modeProblem(_ path: VolumePath, of account: Account) throws(VolumeError) -> String? {
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
    private func readProblem(_ path: VolumePath, of account: Account) throws(VolumeError) -> String? {
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
    enum UserConf {
        case user(name: String, field: PasswordField, file: String)
        case invalid(file: String, why: String)
    }

    /// The first line of `userconf` or else `userconf.txt`, as userconf-pi reads it: `name:hash`.
    func userconf() throws(VolumeError) -> UserConf? {
        for name in ["userconf", "userconf.txt"] {
            guard let path = VolumePath("/" + name), let lines = try source.lines(.boot, path) else { continue }
            let line = lines.first ?? ""
            guard let colon = line.firstIndex(of: ":") else { return .invalid(file: name, why: "it has no colon") }
            let user = String(line[..<colon])
            let hash = String(line[line.index(after: colon)...].prefix(while: { $0 != ":" }))
            if !Self.isAllowedUser(user) { return .invalid(file: name, why: "userconf takes no user name like that") }
            if hash.isEmpty { return .invalid(file: name, why: "the password is empty") }
            return .user(name: user, field: PasswordField(hash), file: name)
        }
        return nil
    }

    private static func isAllowedUser(_ name: String) -> Bool {
        guard let first = name.utf8.first, name.utf8.count <= 32, name != "root" else { return false }
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        return letters.contains(first)
            && name.utf8.allSatisfy { letters.contains($0) || digits.contains($0) || $0 == UInt8(ascii: "-") }
    }

    mutating func pendingUsers() throws(VolumeError) -> [Inspection.PendingUser] {
        var pending: [Inspection.PendingUser] = []
        switch try userconf() {
        case .user(let name, let field, let file)?:
            if hasRoot && !facts.isUserWizardPending {
                report(
                    .warning, "\(file) on the boot partition has no effect: userconfig.service is not enabled",
                    hint: "set the password in /etc/shadow")
                break
            }
            let word = field.matching(PasswordField.wellKnown(for: name))
            if let word { report(.warning, "\(file) gives \(name) the well-known password \"\(word)\"") }
            if field.state == .locked {
                report(
                    .error, "\(file) has a password for \(name) that is no hash",
                    hint: "make one with piforge hash-password")
            }
            pending.append(.init(name: name, source: file, defaultPassword: word))
        case .invalid(let file, let why)?: report(.error, "userconfig refuses \(file): \(why)")
        case nil: break
        }
        if let user = try customSettings()?.user, runsFirstboot {
            pending.append(.init(name: user, source: "custom.toml"))
        }
        return pending
    }
}
