/// Lines of piforge's between two marks, in files whose other lines are somebody else's.
extension TextRule {
    static func setBlock(_ title: String, _ wanted: [String], in text: String) -> String {
        var lines = TextLines(text)
        let (first, last) = ("# piforge: \(title)", "# piforge: end of \(title)")
        let block = wanted.isEmpty ? [] : [first] + wanted + [last]
        guard let start = lines.lines.firstIndex(where: { $0.text.trimmed == first }) else {
            for line in block { lines.append(line) }
            return lines.text
        }
        // A block without an end is taken to end where it begins: what follows may be anybody's.
        let end = lines.lines[start...].firstIndex { $0.text.trimmed == last } ?? start
        if lines.lines[start...end].map(\.text) == block { return text }
        let other = start > 0 ? lines.lines.first : lines.lines.dropFirst(end + 1).first
        let lineEnd = TextLines.lineEnd(after: other?.end)
        lines.lines.replaceSubrange(start...end, with: block.map { TextLines.Line(text: $0, end: lineEnd) })
        return lines.text
    }

    /// A line that must come before all others of its kind.
    static func ensureFirstLine(_ line: String, in text: String) -> String {
        var lines = TextLines(text)
        if lines.lines.first?.text == line { return text }
        lines.lines.removeAll { $0.text == line }
        lines.insert(line, at: 0)
        return lines.text
    }
}
