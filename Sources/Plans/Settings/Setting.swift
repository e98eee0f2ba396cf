/// One setting of a slot, with all that concerns it in one file: its rows in the schema, how it is read and merged,
/// what it must know of an image, and what it plans.
///
/// A type without cases conforms, and `Settings.table` lists it. What most settings do alike has a default here.
protocol Setting: SendableMetatype {
    /// What `Settings` holds of it.
    associatedtype Value: Equatable & Sendable

    // MARK: The profile

    /// Its keys, mostly one. The first one's name identifies the setting.
    static var keys: [SchemaKey] { get }
    /// Its lines in the profile that `piforge init` writes; an empty first line begins a paragraph.
    static var template: String { get }
    /// The value when nobody says anything.
    static var unset: Value { get }
    /// The value that the merged entries of a slot amount to.
    static func value(of entries: [SettingsLayer.Entry]) -> Value

    /// Makes entries of one key's node, which the schema has checked; reads files that it names, and reports what
    /// contradicts itself in one place.
    static func decode(_ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder) -> [SettingsLayer.Entry]
    /// Whether one place may say only one of its keys.
    static var takesOneKey: Bool { get }
    /// How an entry joins those that the layers below have.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining
    /// What contradicts itself or is only half said in the merged layers of a slot.
    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem]

    // MARK: The image

    /// What must be known of an image before this is planned; looked at when the setting is said.
    static var facts: [Target] { get }
    /// Looks at what depends on the value, or on what else the image has.
    static func look(_ reader: inout FactsReader) throws(PlanError)
    /// What it wants of the kernel's command line.
    static func kernelLine(_ planner: Planner) -> KernelLineWish
    /// Adds its edits; called in the order of the table, whether the setting is said or not.
    static func plan(_ planner: inout Planner) throws(PlanError)
}

extension Setting {
    /// What identifies it: the name of its first key.
    static var name: String { keys.first?.name ?? "" }

    static func has(_ key: String) -> Bool { keys.contains { $0.name == key } }

    static var template: String { "" }
    static var facts: [Target] { [] }
    static var takesOneKey: Bool { false }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        SettingsDecoder.entries(node, path: key.name, type: key.type)
    }

    /// A single value takes the place of the one below; a list grows by what it does not have yet.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        if case .list? = Schema.key(entry.key)?.type, case .text(let text) = entry.value {
            return .once("\(entry.key) \(text)")
        }
        return .replacing(entry.key)
    }

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] { [] }

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard reader.settings[Self.self] != unset else { return }
        for target in facts { try reader.look(target.partition, target.path) }
    }

    static func kernelLine(_ planner: Planner) -> KernelLineWish { KernelLineWish() }
    static func plan(_ planner: inout Planner) throws(PlanError) {}
}

// MARK: - Values of one kind

extension Setting where Value == Bool? {
    static var unset: Value { nil }
    static func value(of entries: [SettingsLayer.Entry]) -> Value { entries.last?.value.boolean }
}

extension Setting where Value == Int? {
    static var unset: Value { nil }
    static func value(of entries: [SettingsLayer.Entry]) -> Value { entries.last?.value.integer }
}

extension Setting where Value == String? {
    static var unset: Value { nil }
    static func value(of entries: [SettingsLayer.Entry]) -> Value { entries.last?.value.text }
}

extension Setting where Value == [String] {
    static var unset: Value { [] }
    static func value(of entries: [SettingsLayer.Entry]) -> Value { entries.compactMap(\.value.text) }
}
