/// The options before a key in authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT; OpenSSH, auth-options.c).
package struct AuthorizedKeyOptions: Equatable, Sendable {
    /// In small letters, without their values.
    package private(set) var names: [String] = []
    /// Why sshd does not take the line that has these options; nil when it does.
    package private(set) var problem: String?

    /// Those that may have `no-` before them.
    private static let switches: [String: ServerVersion] = [
        "port-forwarding": .init(7, 0), "agent-forwarding": .init(7, 0), "x11-forwarding": .init(7, 0),
        "pty": .init(7, 0), "user-rc": .init(7, 0), "touch-required": .init(8, 2), "verify-required": .init(8, 4),
    ]
    private static let bare: Set<String> = ["restrict", "cert-authority"]
    private static let valued: [String: ServerVersion] = [
        "command": .init(7, 0), "principals": .init(7, 0), "from": .init(7, 0), "expiry-time": .init(7, 7),
        "environment": .init(7, 0), "permitopen": .init(7, 0), "permitlisten": .init(7, 8), "tunnel": .init(7, 0),
    ]
    /// Those that may occur once only.
    private static let single: Set<String> = ["command", "from", "principals"]

    package init(_ text: String, version: ServerVersion) {
        var rest = text[...]
        var seen: Set<String> = []
        while true {
            let written = rest.prefix { $0 != "," && $0 != "=" && $0 != "\"" }
            let name = written.lowercased()
            names.append(name)
            rest = rest[written.endIndex...]
            if rest.first == "=" {
                guard let first = Self.valued[name], version >= first else {
                    refuse(written)
                    return
                }
                guard let end = Self.quotedEnd(rest.dropFirst()) else {
                    problem = "the value of the key option \(name) is not in double quotes"
                    return
                }
                rest = rest[end...]
                if Self.single.contains(name), !seen.insert(name).inserted {
                    problem = "the key option \(name) occurs twice"
                    return
                }
            } else {
                let plain = name.hasPrefix("no-") ? String(name.dropFirst(3)) : name
                guard Self.bare.contains(name) || Self.switches[plain].map({ version >= $0 }) == true else {
                    refuse(written)
                    return
                }
            }
            guard let next = rest.first else { return }
            guard next == ",", !rest.dropFirst().isEmpty else {
                problem = "the key options end in the middle"
                return
            }
            rest.removeFirst()
        }
    }

    private mutating func refuse(_ name: Substring) { problem = "sshd knows no key option \"\(name)\"" }

    /// The index after the closing quote; nil when the text does not begin with a quote or has no second one.
    private static func quotedEnd(_ text: Substring) -> Substring.Index? {
        guard text.first == "\"" else { return nil }
        var isEscaped = false
        var index = text.index(after: text.startIndex)
        while index < text.endIndex {
            if text[index] == "\"", !isEscaped { return text.index(after: index) }
            isEscaped = text[index] == "\\" && !isEscaped
            index = text.index(after: index)
        }
        return nil
    }
}
