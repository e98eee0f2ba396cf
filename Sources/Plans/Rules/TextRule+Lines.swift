extension TextRule {
    static func ensureLine(_ line: String, in text: String) -> String {
        var lines = TextLines(text)
        if lines.lines.contains(where: { $0.text == line }) { return text }
        lines.append(line)
        return lines.text
    }

    static func removeLines(in text: String, where matches: (String) -> Bool) -> String {
        var lines = TextLines(text)
        lines.lines.removeAll { matches($0.text) }
        return lines.text
    }

    /// A changed line keeps its indentation.
    static func setLine(
        _ pattern: LinePattern, to line: String, whenMissing: Missing, in text: String
    ) throws(TextRuleError) -> String {
        var lines = TextLines(text)
        let wanted = line.trimmed
        var isThere = false
        for index in lines.lines.indices {
            let old = lines.lines[index].text
            let trimmed = old.trimmed
            guard trimmed == wanted || pattern.matches(old) else { continue }
            isThere = true
            if trimmed != wanted {
                lines.lines[index].text = old.prefix(while: { $0 == " " || $0 == "\t" }) + wanted
            }
        }
        if !isThere { try add(line, to: &lines, whenMissing, what: pattern.prefix + "…" + pattern.suffix) }
        return lines.text
    }

    static func setActive(
        _ line: String, _ isActive: Bool, whenMissing: Missing, in text: String
    ) throws(TextRuleError) -> String {
        var lines = TextLines(text)
        let wanted = isActive ? line : "#" + line
        let matches = lines.lines.indices.filter { index in
            var other = lines.lines[index].text.trimmed[...]
            while other.hasPrefix("#") || other.hasPrefix(" ") { other = other.dropFirst() }
            return other == line
        }
        for index in matches where (lines.lines[index].text.trimmed.first != "#") != isActive {
            lines.lines[index].text = wanted
        }
        if matches.isEmpty { try add(wanted, to: &lines, whenMissing, what: line) }
        return lines.text
    }

    private static func add(
        _ line: String, to lines: inout TextLines, _ missing: Missing, what: String
    ) throws(TextRuleError) {
        switch missing {
        case .leave: break
        case .append: lines.append(line)
        case .fail: throw .lineNotFound(what)
        }
    }

    static func setWord(_ word: String, present: Bool, _ pattern: LinePattern, in text: String) -> String {
        var lines = TextLines(text)
        for index in lines.lines.indices where pattern.matches(lines.lines[index].text) {
            let words = lines.lines[index].text.words
            let wanted = words.filter { $0 != word } + (present ? [word] : [])
            if wanted != words { lines.lines[index].text = wanted.joined(separator: " ") }
        }
        return lines.text
    }

    // MARK: - NAME=value

    /// Name and value, without quotes, of an assignment that is not commented out.
    static func variable(_ line: String) -> (name: String, value: String)? {
        let text = line.trimmed
        guard !text.hasPrefix("#"), let equals = text.firstIndex(of: "=") else { return nil }
        return (String(text[..<equals]).trimmed, unquoted(String(text[text.index(after: equals)...]).trimmed))
    }

    private static func unquoted(_ value: String) -> String {
        for quote in ["\"", "'"] where value.count > 1 && value.hasPrefix(quote) && value.hasSuffix(quote) {
            return String(value.dropFirst().dropLast())
        }
        return value
    }

    static func setVariable(_ name: String, _ value: String, in text: String) -> String {
        var lines = TextLines(text)
        let matches = lines.lines.indices.filter { variable(lines.lines[$0].text)?.name == name }
        guard let last = matches.last else {
            lines.append("\(name)=\(value)")
            return lines.text
        }
        if variable(lines.lines[last].text)?.value != unquoted(value) { lines.lines[last].text = "\(name)=\(value)" }
        lines.remove(matches.dropLast())
        return lines.text
    }
}
