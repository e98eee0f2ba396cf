/// config.txt: lines of `key=value` below `[filter]` headers.
package struct ConfigText: Equatable, Sendable {
    var lines: TextLines

    /// What a line says.
    enum Line: Equatable, Sendable {
        case header(String)
        /// `key=value`; for `initramfs` and `include`, which have no `=`, the value is the rest of the line.
        case entry(key: String, value: String)
        /// A comment, a blank line, or nothing that the firmware knows.
        case other
    }

    /// The firmware ignores what is beyond this column, or takes it for a line of its own.
    package static let columnLimit = 98

    /// Keys whose every line counts, in order; of all others the last line wins.
    private static let accumulating: Set<String> = [
        "dtoverlay", "dtparam", "device_tree_param", "gpio", "include", "hdmi_timings",
    ]

    package init(_ text: String) { lines = TextLines(text) }

    init(_ lines: TextLines) { self.lines = lines }

    package var text: String { lines.text }

    package static func accumulates(_ key: String) -> Bool { accumulating.contains(key) }

    static func parse(_ line: String) -> Line {
        let text = line.trimmed
        if text.isEmpty || text.hasPrefix("#") { return .other }
        if text.hasPrefix("[") {
            guard let end = text.utf8.firstIndex(of: 0x5D) else { return .other }
            // Longer ones mean no board, and are compared for each line.
            return .header(String(text[text.index(after: text.startIndex)..<end].prefix(columnLimit)).trimmed)
        }
        for key in ["initramfs", "include"] where text.hasPrefix(key + " ") {
            return .entry(key: key, value: String(text.dropFirst(key.count)).trimmed)
        }
        guard let equals = text.utf8.firstIndex(of: 0x3D) else { return .other }
        let value = text[text.utf8.index(after: equals)...]
        return .entry(key: text[..<equals].trimmed, value: value.trimmed)
    }

    static func line(key: String, value: String) -> String {
        key == "initramfs" || key == "include" ? "\(key) \(value)" : "\(key)=\(value)"
    }

    /// Each line with the filter that holds for it; a header belongs to what it begins.
    func parsed() -> [(line: Line, filter: ConfigFilter)] {
        var filter = ConfigFilter.all
        return lines.lines.map { raw in
            let line = Self.parse(raw.text)
            if case .header(let name) = line { filter = filter.entering(name) }
            return (line, filter)
        }
    }
}

// MARK: - Evaluation

extension ConfigText {
    /// A setting that counts.
    package struct Entry: Equatable, Sendable {
        package var key: String
        package var value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// All entries that count on a board, in the order of the file, includes in their place; `file` gives the text
    /// of an included file, nil when there is none. Includes deeper than 8 are not followed, nor more than 200 or than
    /// 1 MiB in all.
    package func entries(for board: Board, including file: (String) -> String? = { _ in nil }) -> [Entry] {
        var result: [Entry] = []
        var walk = Walk(board)
        walk.take(self, at: nil, including: file) { entry, _ in result.append(entry) }
        return result
    }

    /// A pass over a text and what it includes, as a board's firmware reads them.
    struct Walk {
        private let board: Board
        private var filter = ConfigFilter.all
        /// Files that include each other multiply.
        private var includesLeft = 200
        private var bytesLeft = 1 << 20

        private static let depthLimit = 8

        init(_ board: Board) { self.board = board }

        /// Visits each entry that counts with the place of its line; `name` is the text's own, nil for config.txt.
        mutating func take(
            _ config: ConfigText, at name: String?, depth: Int = 0, including file: (String) -> String?,
            visit: (Entry, Origin) -> Void
        ) {
            for (index, raw) in config.lines.lines.enumerated() {
                switch ConfigText.parse(raw.text) {
                case .header(let name): filter = filter.entering(name)
                case .entry("include", let other) where filter.matches(board) && depth < Self.depthLimit:
                    guard includesLeft > 0, let text = file(other), text.utf8.count <= bytesLeft else { continue }
                    includesLeft -= 1
                    bytesLeft -= text.utf8.count
                    take(ConfigText(text), at: other, depth: depth + 1, including: file, visit: visit)
                case .entry(let key, let value) where filter.matches(board):
                    visit(Entry(key: key, value: value), Origin(file: name, line: index + 1))
                case .entry, .other: break
                }
            }
        }
    }

    /// What is in effect on a board: of each key that does not accumulate the last value, at its last place.
    /// A remark after ` #`, as 8086 writes them, is not part of a value.
    package func effective(for board: Board, including file: (String) -> String? = { _ in nil }) -> [Entry] {
        let all = entries(for: board, including: file).map { Entry(key: $0.key, value: Self.withoutRemark($0.value)) }
        var last: [String: Int] = [:]
        for (index, entry) in all.enumerated() { last[entry.key] = index }
        return all.enumerated().filter { Self.accumulates($1.key) || last[$1.key] == $0 }.map(\.element)
    }

    /// The names after `include`, in any section.
    package var includes: [String] {
        lines.lines.compactMap {
            if case .entry("include", let name) = Self.parse($0.text) { name } else { nil }
        }
    }

    package static func withoutRemark(_ value: String) -> String {
        guard let range = value.firstRange(of: " #") else { return value }
        return String(value[..<range.lowerBound]).trimmed
    }
}
