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

/// What a key of the profile may hold.
package indirect enum SchemaType: Sendable {
    /// `true` or `false`, unquoted.
    case boolean
    /// A decimal number in a range, unquoted.
    case integer(ClosedRange<Int>)
    case text(TextFormat)
    case list(SchemaType)
    /// A mapping with these keys and no others.
    case object([SchemaKey])
    /// A mapping with free keys.
    case map(key: TextFormat, value: SchemaType)
    /// config.txt: section to key to value; keys outside a section belong to `all`.
    case config
}

/// One key of the profile. The decoder, `schema.json`, the flags and the reference in docs/profile.md read this table.
package struct SchemaKey: Sendable {
    package var name: String
    package var type: SchemaType
    /// One sentence.
    package var doc: String
    /// The value as it is written in YAML.
    package var example: String
    package var scope: Scope
    package var isRequired: Bool
    /// The value is never printed.
    package var isSecret: Bool

    package enum Scope: Sendable {
        /// In `defaults` and in each slot.
        case everywhere
        /// In a slot alone.
        case slot
        /// At the top of the profile, and as a flag.
        case profile
    }

    package init(
        _ name: String, _ type: SchemaType, _ doc: String, example: String, scope: Scope = .everywhere,
        isRequired: Bool = false, isSecret: Bool = false
    ) {
        self.name = name
        self.type = type
        self.doc = doc
        self.example = example
        self.scope = scope
        self.isRequired = isRequired
        self.isSecret = isSecret
    }
}

/// All keys of a profile.
package enum Schema {
    /// The value of `version` that this program reads.
    package static let version = 1

    /// The keys of `defaults`.
    package static let defaultsKeys = settingsKeys.filter { $0.scope == .everywhere }
    /// The keys of a slot.
    package static let slotKeys = settingsKeys.filter { $0.scope != .profile }
    /// The keys that a flag can set: those of a slot, and `domain`.
    package static let flagKeys = slotKeys + profileKeys.filter { $0.name == "domain" }

    /// A row of the table by its dotted name (`wifi.ssid`), nil when there is none.
    package static func key(_ path: String) -> SchemaKey? {
        var keys = flagKeys
        var found: SchemaKey?
        for name in path.split(separator: ".") {
            guard let key = keys.first(where: { $0.name == name }) else { return nil }
            found = key
            if case .object(let inner) = key.type { keys = inner } else { keys = [] }
        }
        return found
    }

    /// The keys that are no mapping of further keys, in the order of the table: `ssh`, `wifi.ssid`, `config`.
    package static let settingPaths: [String] = paths(of: flagKeys, below: "")

    private static func paths(of keys: [SchemaKey], below prefix: String) -> [String] {
        keys.flatMap { key in
            if case .object(let inner) = key.type { return paths(of: inner, below: prefix + key.name + ".") }
            return [prefix + key.name]
        }
    }
}
