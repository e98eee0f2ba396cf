import Readers
import Plans
import Trees

extension Inspection {
    /// What sshd_config and the files it includes say for everybody (sshd_config(5)).
    struct ServerSettings: Equatable, Sendable {
        /// Arguments by keyword in small letters; of most keywords the first line counts.
        private(set) var values: [String: [String]] = [:]
        /// There are `Match` blocks, which may say otherwise for some users or addresses.
        private(set) var hasMatchBlocks = false

        private static let accumulating: Set<String> = ["allowusers", "denyusers", "allowgroups", "denygroups", "port"]

        /// `include` gives the texts, as lines, of the files that a pattern names.
        init(
            _ lines: [String], include: (String) throws(VolumeError) -> [[String]]
        ) throws(VolumeError) {
            var isGlobal = true
            try take(lines, &isGlobal, depth: 0, include)
        }

        private mutating func take(
            _ lines: [String], _ isGlobal: inout Bool, depth: Int,
            _ include: (String) throws(VolumeError) -> [[String]]
        ) throws(VolumeError) {
            for line in lines {
                var words = Self.words(of: line)
                guard let keyword = words.first?.lowercased(), !keyword.hasPrefix("#") else { continue }
                words.removeFirst()
                if keyword == "match" {
                    isGlobal = words.first?.lowercased() == "all"
                    if !isGlobal { hasMatchBlocks = true }
                } else if keyword == "include" {
                    guard isGlobal, depth < 16 else { continue }  // sshd's own limit is 16
                    for pattern in words {
                        for included in try include(pattern) {
                            // A Match block ends with the file that it is in.
                            var isGlobalThere = isGlobal
                            try take(included, &isGlobalThere, depth: depth + 1, include)
                        }
                    }
                } else if isGlobal {
                    if Self.accumulating.contains(keyword) {
                        values[keyword, default: []] += words
                    } else if values[keyword] == nil {
                        values[keyword] = words
                    }
                }
            }
        }

        /// Keyword and arguments: between them blanks or one `=`, arguments may be quoted, ` #` begins a remark.
        private static func words(of line: String) -> [String] {
            var words: [String] = []
            var word = ""
            var isQuoted = false
            var wasQuoted = false
            for character in line.trimmedBlanks + " " {
                if character == "\"" {
                    isQuoted.toggle()
                    wasQuoted = true
                } else if !isQuoted && (character == " " || character == "\t" || (character == "=" && words.isEmpty)) {
                    if !word.isEmpty || wasQuoted {
                        if !words.isEmpty && !wasQuoted && word.hasPrefix("#") { return words }
                        words.append(word)
                    }
                    word = ""
                    wasQuoted = false
                } else {
                    word.append(character)
                }
            }
            if words.count > 1, words[1] == "=" { words.remove(at: 1) }
            return words
        }

        private func isOn(_ keyword: String, default value: Bool) -> Bool {
            values[keyword]?.first.map { $0.lowercased() != "no" } ?? value
        }

        var asksPassword: Bool {
            isOn("passwordauthentication", default: true)
                || isOn("usepam", default: false)
                    && isOn(
                        values["kbdinteractiveauthentication"] == nil
                            ? "challengeresponseauthentication" : "kbdinteractiveauthentication", default: true)
        }

        var takesKeys: Bool { isOn("pubkeyauthentication", default: true) }
        var takesEmptyPasswords: Bool { isOn("permitemptypasswords", default: false) }
        var checksModes: Bool { isOn("strictmodes", default: true) }
        var usesPAM: Bool { isOn("usepam", default: false) }
        var rootLogin: String { values["permitrootlogin"]?.first?.lowercased() ?? "prohibit-password" }
        var ports: [String] { values["port"] ?? ["22"] }

        var keyFiles: [String] {
            let files = values["authorizedkeysfile"] ?? [".ssh/authorized_keys", ".ssh/authorized_keys2"]
            return files == ["none"] ? [] : files
        }

        /// Whether AllowUsers, DenyUsers, AllowGroups and DenyGroups let a user in from somewhere.
        func admits(_ user: String, groups: [String]) -> Bool {
            func isNamed(_ keyword: String) -> Bool? {
                values[keyword].map { patterns in
                    let names = keyword.hasSuffix("users") ? [user] : groups
                    return patterns.contains { pattern in
                        names.contains { Wildcard(pattern.prefix(while: { $0 != "@" })).matches($0) }
                    }
                }
            }
            return isNamed("denyusers") != true && isNamed("allowusers") != false && isNamed("denygroups") != true
                && isNamed("allowgroups") != false
        }
    }
}
