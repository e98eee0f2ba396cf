/// The words after `Match` in sshd_config (OpenSSH, servconf.c, match_cfg_line).
struct MatchCriteria {
    /// Whether a connection is meant, as far as it is known.
    enum Verdict { case yes, no, depends }

    private static let names: Set<String> = [
        "user", "group", "host", "address", "localaddress", "localport", "rdomain", "invalid-user", "version",
        "command", "sessiontype",
    ]
    /// Those without a value.
    private static let bare: Set<String> = ["all", "canonical", "final", "invalid-user"]

    /// Why sshd refuses the words; nil when it takes them.
    static func problem(_ words: [String]) -> String? {
        guard !words.isEmpty else { return "`Match` has no criteria" }
        if words.contains(where: { $0.lowercased() == "all" }), words.count > 1 {
            return "`Match all` stands with other criteria"
        }
        var rest = words[...]
        while let word = rest.popFirst() {
            let (name, value) = split(word)
            if name == "all" { return nil }
            guard names.contains(name) else { return "`Match` does not know the criterion \(word)" }
            if bare.contains(name) || value != nil { continue }
            if rest.popFirst() == nil { return "`Match \(word)` has no value" }
        }
        return nil
    }

    /// `connection` lists what is known; addresses and hosts that are not known make the verdict depend on them.
    static func verdict(_ words: [String], for connection: ServerConfiguration.Connection) -> Verdict {
        var verdict = Verdict.yes
        var rest = words[...]
        while let word = rest.popFirst() {
            var (name, value) = split(word)
            if name == "all" { return .yes }
            if name == "invalid-user" { return .no }
            if value == nil { value = rest.popFirst() }
            let patterns = (value ?? "").split(separator: ",").map(String.init)
            switch name {
            case "user": if !PatternList(patterns).matches(connection.user) { return .no }
            case "group":
                if !connection.groups.contains(where: { PatternList(patterns).matches($0) }) { return .no }
            case "address" where connection.address != nil:
                guard let address = connection.address,
                    patterns.contains(address) || patterns.contains("*")
                        || patterns.contains(address.contains(":") ? "::/0" : "0.0.0.0/0")
                else { return .no }
            case "localport" where connection.port != nil:
                if connection.port.map(patterns.contains) != true { return .no }
            case "address", "host", "localaddress":
                // Every address there is.
                if !patterns.contains("*"), !Set(patterns).isSuperset(of: ["0.0.0.0/0", "::/0"]) { verdict = .depends }
            default: verdict = .depends
            }
        }
        return verdict
    }

    /// `User=sam` is `User sam`.
    private static func split(_ word: String) -> (name: String, value: String?) {
        guard let equals = word.firstIndex(of: "=") else { return (word.lowercased(), nil) }
        return (word[..<equals].lowercased(), String(word[word.index(after: equals)...]))
    }
}

/// Patterns of OpenSSH with `*`, `?` and, before a pattern, `!`, which excludes (match.c, match_pattern_list).
struct PatternList {
    private let patterns: [String]

    init(_ patterns: [String]) { self.patterns = patterns }

    func matches(_ text: String) -> Bool {
        var isMeant = false
        for pattern in patterns {
            let isNegated = pattern.hasPrefix("!")
            guard Wildcard(isNegated ? pattern.dropFirst() : pattern[...], takesBrackets: false).matches(text) else {
                continue
            }
            if isNegated { return false }
            isMeant = true
        }
        return isMeant
    }
}
