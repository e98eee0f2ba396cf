/// A kind of text: its rule, and what JSON Schema can say of that rule.
package struct TextFormat: Sendable {
    /// What a value is called in the reference: "host name".
    package var name: String
    /// An ECMA regular expression that no valid value fails; it may let through what `check` refuses.
    package var pattern: String?
    /// The only values there are, if they can be listed.
    package var values: [String] = []
    package var check: @Sendable (String) throws(Refusal) -> Void

    package init(
        _ name: String, pattern: String? = nil, values: [String] = [],
        check: @escaping @Sendable (String) throws(Refusal) -> Void
    ) {
        self.name = name
        self.pattern = pattern
        self.values = values
        self.check = check
    }
}

// MARK: - Formats of several keys

extension TextFormat {
    static let path = TextFormat("path", pattern: "^.+$") { text throws(Refusal) in
        guard !text.isEmpty else { throw Refusal("the path is empty") }
        guard !text.utf8.contains(0) else { throw Refusal("the path has a NUL character") }
    }

    static let anyText = TextFormat("text") { _ throws(Refusal) in }

    /// What a label of a domain name is; with `labels` for several with dots between them.
    static let labelPattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
    static let labelsPattern = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
}
