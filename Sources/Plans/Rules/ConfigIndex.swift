/// What a config.txt and what it includes say to a board, by key: read once for any number of questions.
package struct ConfigIndex: Sendable {
    package let board: Board
    private var lines: [String: [(value: String, origin: ConfigText.Origin)]] = [:]

    /// `file` gives the text of an included file, nil when there is none.
    package init(_ config: ConfigText, for board: Board, including file: (String) -> String? = { _ in nil }) {
        self.board = board
        var walk = ConfigText.Walk(board)
        var lines = lines
        walk.take(config, at: nil, including: file) { entry, origin in
            let line = (value: ConfigText.withoutRemark(entry.value), origin: origin)
            if ConfigText.accumulates(entry.key) {
                lines[entry.key, default: []].append(line)
            } else {
                lines[entry.key] = [line]
            }
        }
        self.lines = lines
    }

    /// The values in effect, in the order of their lines: one at most, unless the key accumulates.
    package func values(of key: String) -> [String] { lines[key]?.map(\.value) ?? [] }

    /// Where the last line of `key` stands that counts; nil when none does.
    package func origin(of key: String) -> ConfigText.Origin? { lines[key]?.last?.origin }
}
