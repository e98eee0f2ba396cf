extension [TextRule] {
    /// The text after all rules, one after another. Neighbours that change one file of a known form share what was
    /// parsed of it, so that thousands of them take time in proportion to the text.
    func applied(to text: String) throws(TextRuleError) -> String {
        var text = text
        var rest = self[...]
        while let rule = rest.first {
            switch rule {
            case .setConfigKey, .removeConfigKey: text = try Self.edited(ConfigText(text), by: &rest).text
            case .addHostNames: text = Self.editedHosts(text, by: &rest)
            case .ensureAuthorizedKey: text = Self.withKeys(text, of: &rest)
            default:
                text = try rule.applied(to: text)
                rest.removeFirst()
            }
        }
        return text
    }

    /// Each of these takes the rules of its kind from the front.
    private static func edited(
        _ config: ConfigText, by rules: inout ArraySlice<TextRule>
    ) throws(TextRuleError) -> ConfigText {
        var editor = ConfigEditor(config)
        while let rule = rules.first {
            switch rule {
            case .setConfigKey(let section, let key, let value, let overriding):
                try editor.set(key, to: value, section: section, overriding: overriding)
            case .removeConfigKey(let section, let key): editor.remove(key, section: section)
            default: return editor.config
            }
            rules.removeFirst()
        }
        return editor.config
    }

    private static func editedHosts(_ text: String, by rules: inout ArraySlice<TextRule>) -> String {
        var editor = HostsEditor(text)
        while case .addHostNames(let address, let names)? = rules.first {
            editor.add(names, to: address)
            rules.removeFirst()
        }
        return editor.text
    }

    private static func withKeys(_ text: String, of rules: inout ArraySlice<TextRule>) -> String {
        var lines = TextLines(text)
        var known = Set(lines.lines.map(\.text.trimmed).filter { !$0.hasPrefix("#") }.map(TextRule.keyIdentity))
        while case .ensureAuthorizedKey(let line)? = rules.first {
            if known.insert(TextRule.keyIdentity(line)).inserted { lines.append(line.trimmed) }
            rules.removeFirst()
        }
        return lines.text
    }
}
