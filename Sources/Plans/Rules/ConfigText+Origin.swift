extension ConfigText {
    /// Where a line stands.
    package struct Origin: Equatable, Sendable {
        /// The included file; nil for the text itself.
        package var file: String?
        /// From 1.
        package var line: Int
    }

    /// Where the last line of `key` stands that counts on a board; nil when none does.
    package func origin(
        of key: String, for board: Board, including file: (String) -> String? = { _ in nil }
    ) -> Origin? {
        var filter = ConfigFilter.all
        return origin(of: key, for: board, &filter, in: nil, depth: 0, file)
    }

    private func origin(
        of key: String, for board: Board, _ filter: inout ConfigFilter, in name: String?, depth: Int,
        _ file: (String) -> String?
    ) -> Origin? {
        var found: Origin?
        for (index, raw) in lines.lines.enumerated() {
            switch Self.parse(raw.text) {
            case .header(let name): filter = filter.entering(name)
            case .entry("include", let other) where filter.matches(board) && depth < 8:
                guard let text = file(other) else { continue }
                found =
                    ConfigText(text).origin(of: key, for: board, &filter, in: other, depth: depth + 1, file) ?? found
            case .entry(key, _) where filter.matches(board): found = Origin(file: name, line: index + 1)
            case .entry, .other: break
            }
        }
        return found
    }
}
