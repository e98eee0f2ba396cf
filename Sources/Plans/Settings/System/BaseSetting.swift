/// A base image of the slot's own, such as one of arm64 for a controller beside nodes of armhf.
enum BaseSetting: Setting {
    typealias Value = Profile.Base?

    static let keys = [
        SchemaKey(
            "base", .objectOrFirst(Schema.baseKeys), "The image that this slot starts from, instead of the profile's.",
            example: "", scope: .slot)
    ]

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value { entries.last?.value.base }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        Profile.Base(node, &decoder).map { [.init(key: key.name, value: .base($0), position: node.position)] } ?? []
    }
}

extension Settings {
    /// The image that the slot starts from; nil for the profile's.
    package var base: Profile.Base? {
        get { self[BaseSetting.self] }
        set { self[BaseSetting.self] = newValue }
    }
}
