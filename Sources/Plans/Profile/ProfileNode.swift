/// One node of a profile's YAML: text, list or mapping, each with its place; no implicit types.
///
/// A scalar stays the text that was written, so `country: NO`, `mode: 0644` and `hostname: 123` keep their meaning.
struct ProfileNode: Equatable, Sendable {
    var position: ProfilePosition
    var content: Content

    indirect enum Content: Equatable, Sendable {
        case scalar(String, isPlain: Bool)
        case list([ProfileNode])
        case map([Pair])
    }

    struct Pair: Equatable, Sendable {
        var key: String
        var position: ProfilePosition
        var value: ProfileNode
    }

    /// An unquoted scalar that YAML reads as "nothing".
    var isNull: Bool {
        guard case .scalar(let text, true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    var text: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    var items: [ProfileNode] {
        if case .list(let items) = content { items } else { [] }
    }

    var pairs: [Pair] {
        if case .map(let pairs) = content { pairs } else { [] }
    }

    /// The value of a key in a mapping; nil in anything else.
    subscript(key: String) -> ProfileNode? { pairs.first { $0.key == key }?.value }

    /// What the node is, for messages: `"16"`, "a list".
    var summary: String {
        switch content {
        case .scalar where isNull: "nothing"
        case .scalar(let text, let isPlain): isPlain ? "`\(text.shortened)`" : "the text \"\(text.shortened)\""
        case .list: "a list"
        case .map: "a mapping"
        }
    }
}

extension String {
    /// At most 60 characters, without line breaks, for a message.
    var shortened: String {
        let line = String(map { $0.isNewline || $0 == "\t" || $0 == "\0" ? " " : $0 })
        return line.count > 60 ? line.prefix(57) + "..." : line
    }
}
