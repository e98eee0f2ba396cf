extension TextRule {
    /// sshd takes the first value it finds; a `Match` block ends the part that holds for all, and an `Include` may bring
    /// another value (sshd_config(5)).
    static func setServerOption(_ keyword: String, _ value: String, in text: String) -> String {
        var lines = TextLines(text)
        let end =
            lines.lines.firstIndex { line in
                ["match", "include"].contains(option(line.text, isCommented: false)?.keyword)
            } ?? lines.lines.count
        let wanted = "\(keyword) \(value)"
        let active = lines.lines[..<end].indices.filter {
            option(lines.lines[$0].text, isCommented: false)?.keyword == keyword.lowercased()
        }
        if let first = active.first {
            if option(lines.lines[first].text, isCommented: false)?.value != value.lowercased() {
                lines.lines[first].text = wanted
            }
            lines.remove(active.dropFirst())
            return lines.text
        }
        let commented = lines.lines[..<end].firstIndex {
            option($0.text, isCommented: true)?.keyword == keyword.lowercased()
        }
        if let commented {
            lines.lines[commented].text = wanted
        } else {
            lines.insert(wanted, at: end)
        }
        return lines.text
    }

    /// Keyword and value in small letters; of a default as Debian's file shows them (`#Keyword value`) when
    /// `isCommented`.
    static func option(_ line: String, isCommented: Bool) -> (keyword: String, value: String)? {
        var text = line.trimmed
        if isCommented {
            guard text.hasPrefix("#") else { return nil }
            text.removeFirst()
        }
        let parts = text.split(maxSplits: 1, whereSeparator: { $0 == " " || $0 == "\t" || $0 == "=" })
        guard let keyword = parts.first, !keyword.hasPrefix("#") else { return nil }
        let rest = parts.count > 1 ? parts[1].trimmed : ""
        let value = (rest.hasPrefix("=") ? rest.dropFirst().trimmed : rest).lowercased()
        return (keyword.lowercased(), value)
    }

    /// Type and blob of a key line, whatever options stand before and whatever comment after them (sshd(8),
    /// AUTHORIZED_KEYS FILE FORMAT); the whole line when it holds no key.
    static func keyIdentity(_ line: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        for character in line.trimmed {
            if character == "\"" { isQuoted.toggle() }
            if (character == " " || character == "\t") && !isQuoted {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        let prefixes = ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"]
        guard let type = words.prefix(2).firstIndex(where: { word in prefixes.contains { word.hasPrefix($0) } }),
            type + 1 < words.count
        else { return [line.trimmed] }
        return [words[type], words[type + 1]]
    }

    static func setPasswordHash(
        _ hash: String, user: String, day: Int64, in text: String
    ) throws(TextRuleError) -> String {
        var lines = TextLines(text)
        guard let index = lines.lines.firstIndex(where: { $0.text.hasPrefix(user + ":") }) else {
            throw .userNotFound(user)
        }
        var fields = lines.lines[index].text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard fields.count >= 3 else { throw .malformed("of \(user)") }
        if fields[1] == hash { return text }
        fields[1] = hash
        fields[2] = String(day)
        lines.lines[index].text = fields.joined(separator: ":")
        return lines.text
    }
}
