package import Identity
package import Readers

/// One value of a setting, validated.
package enum SettingValue: Equatable, Sendable {
    case boolean(Bool)
    case integer(Int)
    case text(String)
    /// A line of config.txt; a nil value removes the key.
    case config(section: String, key: String, value: String?)
    case host(address: String, name: String)
    case file(Settings.FileCopy)
    case secret(IdentitySource)
    case hostKey(HostKey)
    case base(Profile.Base)
    case package(PackageFile)
    /// An item of a mapping with free keys.
    case named(String, text: String)
    /// A member of an object of JSON.
    case json(JSONValue.Member)
    case content(NamedFile)

    var boolean: Bool? { if case .boolean(let flag) = self { flag } else { nil } }
    var integer: Int? { if case .integer(let number) = self { number } else { nil } }
    var text: String? { if case .text(let text) = self { text } else { nil } }
    var base: Profile.Base? { if case .base(let base) = self { base } else { nil } }
    var file: Settings.FileCopy? { if case .file(let copy) = self { copy } else { nil } }
}

/// A file of the user's, by the name that the profile gives it.
package struct NamedFile: Equatable, Sendable {
    package var name: String
    /// As the user would open it.
    package var path: String
    package var bytes: [UInt8]
}

/// What one place (`defaults`, a slot, the flags) says, value by value with its origin; what it does not name, it
/// leaves to the layer below.
package struct SettingsLayer: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        /// The dotted key, such as `wifi.ssid`; an entry for each list item (`authorized_keys`, `units.enable`, `files`).
        package let key: String
        package let value: SettingValue
        package let position: ProfilePosition
        fileprivate(set) var joining = Joining.always

        package init(key: String, value: SettingValue, position: ProfilePosition) {
            self.key = key
            self.value = value
            self.position = position
        }
    }

    /// By the setting's name, in the order in which they were said.
    private var entries: [String: [Entry]] = [:]

    package init() {}

    /// Lays another layer over this one.
    package mutating func merge(_ other: SettingsLayer) { merge([other]) }

    /// Lays others over this one, the later over the earlier; settings that none of them has cost nothing.
    mutating func merge(_ others: [SettingsLayer]) {
        var mergers: [String: EntryMerger] = [:]
        for (name, added) in others.lazy.flatMap(\.entries) {
            var merger = mergers.removeValue(forKey: name) ?? EntryMerger(entries[name] ?? [])
            for entry in added { merger.add(entry) }
            mergers[name] = merger
        }
        for (name, merger) in mergers { entries[name] = merger.merged }
    }

    /// Adds what one place says of a setting; of doubles in it one is kept.
    mutating func add(_ added: [Entry], of setting: any Setting.Type) {
        let joined = added.map { entry in
            var entry = entry
            entry.joining = setting.joining(entry)
            return entry
        }
        entries[setting.name] = EntryMerger((entries[setting.name] ?? []) + joined).merged
    }

    /// The layer without the settings that only one slot can have, such as the host name.
    func withoutSlotKeys() -> SettingsLayer {
        var layer = self
        for setting in Settings.table
        where setting.keys.allSatisfy({ $0.scope.isDisjoint(with: [.profile, .defaults]) }) {
            layer.entries[setting.name] = nil
        }
        return layer
    }

    // MARK: Reading

    /// All entries of a setting, in the order in which they were said.
    func entries(of setting: String) -> [Entry] { entries[setting] ?? [] }

    /// The values of a key that holds a list, in order.
    package func entries(_ key: String) -> [Entry] {
        let name = key.prefix { $0 != "." }
        return (entries[String(name)] ?? []).filter { $0.key == key }
    }

    /// The value that counts for a key that holds one.
    package func entry(_ key: String) -> Entry? { entries(key).last }

    /// What contradicts itself or is only half said for a slot.
    func problems(for slot: Slot) -> [ProfileProblem] {
        Settings.table.flatMap { $0.problems(in: self, for: slot) }
    }
}
