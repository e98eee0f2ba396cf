/// A base image of the slot's own, such as one of arm64 for a controller beside nodes of armhf.
enum BaseSetting: Setting {
    typealias Value = Profile.Base?

    static let keys = [
        SchemaKey(
            "base", .objectOrFirst(Schema.baseKeys), "The image that this slot starts from, instead of the profile's.",
            example: "", scope: .slot)
    ]

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        func last(_ key: String) -> String? { entries.last { $0.key == key }?.value.text }
        return last("base.image").map { Profile.Base(image: $0, sha256: last("base.sha256")) }
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        SettingsDecoder.entries(node, path: key.name, type: key.type).map { entry in
            guard entry.key == "base.image", let path = entry.value.text else { return entry }
            return .init(key: entry.key, value: .text(decoder.files.resolve(path)), position: entry.position)
        }
    }
}

extension Settings {
    /// The image that the slot starts from; nil for the profile's.
    package var base: Profile.Base? {
        get { self[BaseSetting.self] }
        set { self[BaseSetting.self] = newValue }
    }
}
