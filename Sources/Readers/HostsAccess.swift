/// /etc/hosts.allow and /etc/hosts.deny, which Debian's sshd asks (hosts_access(5), libwrap).
package struct HostsAccess: Equatable, Sendable {
    package struct Rule: Equatable, Sendable {
        package var daemons: [String]
        package var clients: [String]
        /// `allow` or `deny` among the options that Debian's libwrap knows; nil when the file decides.
        package var verdict: String?
        /// From 1.
        package var line: Int
    }

    private let allow: [Rule]
    private let deny: [Rule]

    package init(allow: [String], deny: [String]) {
        self.allow = Self.rules(allow)
        self.deny = Self.rules(deny)
    }

    /// The line of /etc/hosts.deny that shuts a daemon for everybody whom /etc/hosts.allow does not let in; nil when
    /// some line lets somebody in, or none shuts it.
    package func shuts(_ daemon: String) -> Rule? {
        if allow.contains(where: { $0.daemons.contains(where: { Self.isMeant(daemon, $0) }) && $0.verdict != "deny" }) {
            return nil
        }
        return deny.first { rule in
            rule.daemons.contains { Self.isMeant(daemon, $0) } && rule.clients.contains("ALL")
                && rule.verdict != "allow"
        }
    }

    private static func isMeant(_ daemon: String, _ pattern: String) -> Bool {
        pattern == "ALL" || pattern == daemon || pattern.hasPrefix(daemon + "@")
    }

    private static func rules(_ lines: [String]) -> [Rule] {
        var rules: [Rule] = []
        for (index, line) in lines.enumerated() {
            let text = line.trimmedBlanks
            if text.isEmpty || text.hasPrefix("#") { continue }
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { words(of: $0) }
            guard parts.count >= 2 else { continue }
            let verdict = parts.dropFirst(2).flatMap { $0 }.map { $0.lowercased() }.first {
                $0 == "allow" || $0 == "deny"
            }
            // What stands after EXCEPT is left out, so such a rule does not shut anything for everybody.
            rules.append(
                Rule(
                    daemons: Array(parts[0].prefix { $0 != "EXCEPT" }),
                    clients: parts[1].contains("EXCEPT") ? [] : parts[1], verdict: verdict, line: index + 1))
        }
        return rules
    }

    private static func words(of text: Substring) -> [String] {
        text.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "," }).map(String.init)
    }
}
