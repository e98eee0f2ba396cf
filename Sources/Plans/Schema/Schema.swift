/// What a key of the profile may hold.
package indirect enum SchemaType: Sendable {
    /// `true` or `false`, unquoted.
    case boolean
    /// A decimal number in a range, unquoted.
    case integer(ClosedRange<Int>)
    case text(TextFormat)
    case list(SchemaType)
    /// One text alone, or a list of some.
    case textOrList(TextFormat)
    /// A mapping with these keys and no others.
    case object([SchemaKey])
    /// A mapping with these keys, or the value of the first of them alone.
    case objectOrFirst([SchemaKey])
    /// True or false, or a mapping with these keys.
    case booleanOr([SchemaKey])
    /// A mapping with free keys.
    case map(key: TextFormat, value: SchemaType)
    /// config.txt: section to key to value; keys outside a section belong to `all`.
    case config
    /// A mapping that another program reads, of anything that JSON knows.
    case json
}

extension SchemaType {
    /// The keys of the mapping that it is or may be.
    var innerKeys: [SchemaKey] {
        switch self {
        case .object(let keys), .objectOrFirst(let keys), .booleanOr(let keys): keys
        default: []
        }
    }
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
    /// Of the keys of a mapping for which this holds, one must be there, and no more.
    package var isAlternative = false
    /// The value is never printed.
    package var isSecret: Bool
    /// The option of the command line that sets it, besides `--set`.
    package var option: Option?

    /// Where the key may stand.
    package struct Scope: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// At the top of the profile.
        package static let profile = Scope(rawValue: 1)
        package static let defaults = Scope(rawValue: 2)
        package static let slot = Scope(rawValue: 4)
        /// After `--set`.
        package static let flag = Scope(rawValue: 8)

        package static let everywhere: Scope = [.defaults, .slot, .flag]
    }

    /// An option of the command line; its name is the key's with hyphens.
    package struct Option: Sendable {
        /// What `--help` says of it.
        package var help: String
        /// What `--help` calls the value; nil for a flag without one.
        package var valueName: String?

        package init(_ help: String, valueName: String? = nil) {
            self.help = help
            self.valueName = valueName
        }
    }

    package init(
        _ name: String, _ type: SchemaType, _ doc: String, example: String, scope: Scope = .everywhere,
        isRequired: Bool = false, isAlternative: Bool = false, isSecret: Bool = false, option: Option? = nil
    ) {
        self.name = name
        self.type = type
        self.doc = doc
        self.example = example
        self.scope = scope
        self.isRequired = isRequired
        self.isAlternative = isAlternative
        self.isSecret = isSecret
        self.option = option
    }
}

/// All keys of a profile.
package enum Schema {
    /// The value of `version` that this program reads.
    package static let version = 1

    /// The keys of all settings.
    private static let allKeys = Settings.table.flatMap { $0.keys }

    /// The keys at the top of a profile, `defaults` and `slots` aside.
    package static let profileKeys = headKeys + allKeys.filter { $0.scope.contains(.profile) }
    /// The keys of `defaults` or a slot.
    package static let settingsKeys = allKeys.filter { !$0.scope.isDisjoint(with: [.defaults, .slot]) }
    /// The keys of `defaults`.
    package static let defaultsKeys = allKeys.filter { $0.scope.contains(.defaults) }
    /// The keys of a slot.
    package static let slotKeys = allKeys.filter { $0.scope.contains(.slot) }
    /// The keys that a flag can set.
    package static let flagKeys = allKeys.filter { $0.scope.contains(.flag) }

    /// A row of the table by its dotted name (`wifi.ssid`), nil when there is none.
    package static func key(_ path: String) -> SchemaKey? { rows[path] }

    private static let rows: [String: SchemaKey] = {
        var rows: [String: SchemaKey] = [:]
        func add(_ keys: [SchemaKey], below prefix: String) {
            for key in keys {
                rows[prefix + key.name] = key
                add(key.type.innerKeys, below: prefix + key.name + ".")
            }
        }
        add(allKeys, below: "")
        return rows
    }()

    /// The keys that are no mapping of further keys, in the order of the table: `ssh`, `wifi.ssid`, `config`.
    package static let settingPaths: [String] = paths(of: flagKeys, below: "")

    private static func paths(of keys: [SchemaKey], below prefix: String) -> [String] {
        keys.flatMap { key in
            let inner = paths(of: key.type.innerKeys, below: prefix + key.name + ".")
            if case .object = key.type { return inner }
            return [prefix + key.name] + inner
        }
    }
}
