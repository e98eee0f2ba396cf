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
        var found: Origin?
        var walk = Walk(board)
        walk.take(self, at: nil, including: file) { entry, origin in
            if entry.key == key { found = origin }
        }
        return found
    }
}
