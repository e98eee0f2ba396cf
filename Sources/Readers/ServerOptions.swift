/// What sshd's configuration says for one connection, or for everybody (sshd_config(5)).
package struct ServerOptions: Equatable, Sendable {
    /// A line that counts.
    package struct Entry: Equatable, Sendable {
        package var keyword: String
        package var arguments: [String]
        package var origin: ServerConfiguration.Origin

        /// It says yes.
        package var isOn: Bool { arguments.first?.lowercased() == "yes" }

        /// As a person writes it.
        package var text: String { "\(keyword) \(arguments.joined(separator: " "))" }
    }

    package let version: ServerVersion
    let values: [String: [Entry]]
    /// Lines of `Match` blocks that may or may not hold, by address or host.
    package let exceptions: [Entry]
    /// There are `Match` blocks, which may say otherwise for some users or addresses.
    package let hasMatchBlocks: Bool

    /// The line that decides; nil when sshd's default holds.
    package func entry(_ keyword: String) -> Entry? { values[keyword]?.first }

    /// All lines of an option whose every line counts.
    package func entries(_ keyword: String) -> [Entry] { values[keyword] ?? [] }

    package func arguments(_ keyword: String) -> [String] { (values[keyword] ?? []).flatMap(\.arguments) }

    private func isOn(_ keyword: String, default value: Bool) -> Bool {
        entry(keyword)?.arguments.first.map { $0.lowercased() != "no" } ?? value
    }

    // MARK: Ways to log in

    package var takesPasswords: Bool { isOn("passwordauthentication", default: true) }

    /// Passwords asked for by PAM, which sshd calls keyboard-interactive.
    package var takesInteractive: Bool { usesPAM && interactiveEntry.isOn }

    /// Until 8.6 either of two options turned it on, one of them by default (sshd.c, main).
    package var interactiveEntry: (entry: Entry?, isOn: Bool) {
        let keyboard = "kbdinteractiveauthentication"
        guard version < .joinedInteractive else { return (entry(keyboard), isOn(keyboard, default: true)) }
        let challenge = "challengeresponseauthentication"
        if isOn(challenge, default: true) { return (entry(challenge), true) }
        return (entry(keyboard) ?? entry(challenge), isOn(keyboard, default: false))
    }

    package var asksPassword: Bool { takesPasswords || takesInteractive }
    package var takesKeys: Bool { isOn("pubkeyauthentication", default: true) }
    package var takesEmptyPasswords: Bool { isOn("permitemptypasswords", default: false) }
    package var checksModes: Bool { isOn("strictmodes", default: true) }
    package var usesPAM: Bool { isOn("usepam", default: false) }
    package var rootLogin: String {
        let value = entry("permitrootlogin")?.arguments.first?.lowercased() ?? "prohibit-password"
        return value == "without-password" ? "prohibit-password" : value
    }

    /// Whether one method alone is enough (AuthenticationMethods: alternatives between blanks, steps between commas).
    package func isEnough(_ methods: Set<String>) -> Bool {
        let alternatives = entry("authenticationmethods")?.arguments ?? ["any"]
        return alternatives.contains { alternative in
            alternative.lowercased() == "any"
                || alternative.split(separator: ",").allSatisfy { step in
                    methods.contains(String(step.prefix(while: { $0 != ":" })))
                }
        }
    }

    /// AuthenticationMethods when none of its alternatives is turned on, for which sshd refuses to start (sshd.c, main).
    var unsatisfiableMethods: Entry? {
        guard let entry = entry("authenticationmethods") else { return nil }
        var methods: Set<String> = []
        if takesKeys { methods.insert("publickey") }
        if takesPasswords { methods.insert("password") }
        if interactiveEntry.isOn { methods.insert("keyboard-interactive") }
        if isOn("hostbasedauthentication", default: false) { methods.insert("hostbased") }
        if isOn("gssapiauthentication", default: false) { methods.insert("gssapi-with-mic") }
        return isEnough(methods) ? nil : entry
    }

    // MARK: Where it listens

    package var ports: [String] {
        let ports = arguments("port")
        return ports.isEmpty ? ["22"] : ports
    }

    /// The line that lets it listen on the machine's own loopback address alone.
    package var loopbackOnly: Entry? {
        let lines = values["listenaddress"] ?? []
        let isLocal = lines.allSatisfy { line in
            let text = line.arguments.first ?? ""
            return text.hasPrefix("127.") || text == "localhost" || text.hasPrefix("localhost:") || text == "::1"
                || text.hasPrefix("[::1]")
        }
        return isLocal ? lines.first : nil
    }

    // MARK: Keys

    /// The patterns of AuthorizedKeysFile; none when keys are read from no file.
    package var keyFiles: [String] {
        let files = entry("authorizedkeysfile")?.arguments ?? [".ssh/authorized_keys", ".ssh/authorized_keys2"]
        return files.map { $0.lowercased() } == ["none"] ? [] : files
    }

    /// A pattern of AuthorizedKeysFile as an absolute path (sshd_config(5), TOKENS).
    package static func keyPath(_ pattern: String, user: String, id: UInt32, home: String) -> String {
        var result = ""
        var isToken = false
        for character in pattern {
            if isToken {
                switch character {
                case "h": result += home
                case "u": result += user
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
        return result.hasPrefix("/") ? result : home + "/" + result
    }

    /// The line that keeps keys of `type`, such as `ssh-rsa`, from being taken; nil when they are.
    package func refusal(ofKeyType type: String) -> Entry? {
        guard let line = entry("pubkeyacceptedalgorithms"), let text = line.arguments.first else { return nil }
        let algorithms = type == "ssh-rsa" ? ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"] : [type]
        let list = PatternList(text.drop(while: { "+-^".contains($0) }).split(separator: ",").map(String.init))
        switch text.first {
        case "+", "^": return nil
        case "-": return algorithms.allSatisfy(list.matches) ? line : nil
        default: return algorithms.contains(where: list.matches) ? nil : line
        }
    }

    /// The smallest RSA key in bits (RequiredRSASize, from 9.1 on; before, 1024).
    package var leastRSABits: Int { entry("requiredrsasize")?.arguments.first.flatMap { Int($0) } ?? 1024 }

    // MARK: Who

    /// The line of AllowUsers that lets a user in from some places alone; nil when it is from everywhere, or nowhere.
    package func limit(ofUser user: String) -> Entry? {
        var limiting: Entry?
        for line in values["allowusers"] ?? [] {
            for pattern in line.arguments {
                let parts = pattern.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
                guard PatternList([String(parts[0])]).matches(user) else { continue }
                if parts.count < 2 || parts[1] == "*" { return nil }
                limiting = limiting ?? line
            }
        }
        return limiting
    }

    /// The line that keeps a user out from everywhere: DenyUsers, AllowUsers, DenyGroups, AllowGroups, in the order
    /// in which sshd asks (auth.c, allowed_user).
    package func refusal(ofUser user: String, groups: [String]) -> Entry? {
        func naming(_ keyword: String) -> Entry? {
            (values[keyword] ?? []).first { line in
                if keyword.hasSuffix("users") {
                    // Who comes from elsewhere may be let in, so `sam@host` keeps nobody out.
                    return line.arguments.contains { pattern in
                        let parts = pattern.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
                        let isEverywhere = parts.count < 2 || parts[1] == "*"
                        guard isEverywhere || keyword == "allowusers" else { return false }
                        return PatternList([String(parts[0])]).matches(user)
                    }
                }
                return groups.contains { PatternList(line.arguments).matches($0) }
            }
        }
        if let line = naming("denyusers") { return line }
        if let line = entry("allowusers"), naming("allowusers") == nil { return line }
        if let line = naming("denygroups") { return line }
        if let line = entry("allowgroups"), naming("allowgroups") == nil { return line }
        return nil
    }
}
