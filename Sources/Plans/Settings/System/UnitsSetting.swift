import Trees

/// systemd units on, off and masked: the links that `systemctl` would make.
enum UnitsSetting: Setting {
    typealias Value = Settings.Units

    static let keys = [
        SchemaKey(
            "units",
            .object([
                SchemaKey("enable", .list(.text(.unitName)), "Units to enable.", example: "[docker.service]"),
                SchemaKey("disable", .list(.text(.unitName)), "Units to disable.", example: "[bluetooth.service]"),
                SchemaKey(
                    "mask", .list(.text(.unitName)), "Units that nothing can start.", example: "[apt-daily.timer]"),
            ]), "systemd units.", example: "")
    ]

    static let template = """

        # units:
        #   enable: [docker.service]
        #   disable: [bluetooth.service]
        #   mask: [apt-daily.timer]
        """

    private static let verbs = ["enable", "disable", "mask"]

    static let unset = Settings.Units()

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        func names(_ verb: String) -> [String] {
            entries.filter { $0.key == "units.\(verb)" }.compactMap(\.value.text)
        }
        var units = unset
        (units.enable, units.disable, units.mask) = (names("enable"), names("disable"), names("mask"))
        return units
    }

    /// The later word on a unit wins.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        func wish(_ key: String) -> String { "\(key) \(entry.value.text ?? "")" }
        let others = verbs.map { "units.\($0)" }.filter { $0 != entry.key }
        return Joining(identity: wish(entry.key), groups: [wish(entry.key)], drops: others.map(wish))
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        var units: [String: String] = [:]
        for verb in verbs {
            for item in node[verb]?.items ?? [] {
                guard let name = item.text else { continue }
                if let other = units[name], other != verb {
                    decoder.report(item.position, "the unit `\(name)` is listed under `\(other)` and `\(verb)`")
                }
                units[name] = verb
            }
        }
        return SettingsDecoder.entries(node, path: name, type: key.type)
    }

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        let units = reader.settings.units
        try reader.look(atUnits: units.enable + units.disable + units.mask)
    }

    static func plan(_ planner: inout Planner) throws(PlanError) {
        let units = planner.settings.units
        try planner.enable(units.enable)
        for name in units.disable { try planner.disable(name) }
        for name in units.mask { try planner.mask(name) }
    }
}

extension Settings {
    package struct Units: Equatable, Sendable {
        /// Unit names with their suffix, such as `docker.service`.
        package var enable: [String] = []
        package var disable: [String] = []
        package var mask: [String] = []
        package init() {}
    }

    package var units: Units {
        get { self[UnitsSetting.self] }
        set { self[UnitsSetting.self] = newValue }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let unitName = TextFormat(
        "unit", pattern: "^[A-Za-z0-9:_.\\\\@-]+\\.(\(Validation.unitSuffixes.joined(separator: "|")))$",
        check: Validation.unitName)
}

extension Validation {
    /// Suffixes of systemd units (systemd.unit(5)); `scope` units cannot be configured.
    package static let unitSuffixes = [
        "service", "socket", "target", "timer", "path", "mount", "automount", "swap", "slice", "device",
    ]

    /// A systemd unit name: letters, digits and `:-_.\@`, a known suffix, at most 255 characters (systemd.unit(5)).
    package static func unitName(_ name: String) throws(Refusal) {
        try characters(name, of: "unit name", others: ":-_.\\@", hint: "ssh.service")
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, let suffix = parts.last, unitSuffixes.contains(String(suffix)) else {
            throw Refusal("the unit name \"\(name.shortened)\" has no suffix such as .service", hint: "\(name).service")
        }
        let stem = name.dropLast(suffix.utf8.count + 1)
        guard let first = stem.first, first != "@", stem.filter({ $0 == "@" }).count <= 1 else {
            throw Refusal("\"\(name.shortened)\" is no unit name", hint: "ssh.service")
        }
        guard name.utf8.count <= 255 else { throw Refusal("the unit name has more than 255 characters") }
    }
}
