/// /etc/group and /etc/gshadow (group(5), gshadow(5)): a line for each group, its members after the last colon.
extension TextRule {
    /// Group ids of system groups, as Debian's login.defs(5) has them.
    private static let systemGroups = 100...999

    static func addGroupMember(_ user: String, to group: String, in text: String) throws(TextRuleError) -> String {
        try addMember(user, to: group, fieldCount: 4, in: text) { lines in
            // As `groupadd --system`: from the top of the range down.
            let taken = Set(lines.compactMap { fields($0.text).dropFirst(2).first.flatMap { Int($0) } })
            guard let id = systemGroups.reversed().first(where: { !taken.contains($0) }) else { return nil }
            return "\(group):x:\(id):\(user)"
        }
    }

    static func addShadowGroupMember(_ user: String, to group: String, in text: String) throws(TextRuleError) -> String
    {
        try addMember(user, to: group, fieldCount: 4, in: text) { _ in "\(group):!::\(user)" }
    }

    private static func addMember(
        _ user: String, to group: String, fieldCount: Int, in text: String, newLine: ([TextLines.Line]) -> String?
    ) throws(TextRuleError) -> String {
        var lines = TextLines(text)
        guard let index = lines.lines.firstIndex(where: { fields($0.text).first == group }) else {
            guard let line = newLine(lines.lines) else { throw .malformed("without a free id for the group \(group)") }
            lines.append(line)
            return lines.text
        }
        var parts = fields(lines.lines[index].text)
        guard parts.count == fieldCount, let last = parts.popLast() else {
            throw .malformed("with a line of group \(group) that has not \(fieldCount) fields")
        }
        let members = last.split(separator: ",").map(String.init)
        if members.contains(user) { return text }
        lines.lines[index].text = (parts + [(members + [user]).joined(separator: ",")]).joined(separator: ":")
        return lines.text
    }

    private static func fields(_ line: String) -> [String] {
        line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    }
}
