import Trees

/// config.txt by section, for all that has no setting of its own.
enum ConfigSetting: Setting {
    typealias Value = [Settings.ConfigSection]

    static let keys = [
        SchemaKey(
            "config", .config,
            "config.txt: section to key to value; null removes a key, a list repeats one that adds up.",
            example: "{arm_boost: 1, pi0: {dtoverlay: [disable-bt]}}")
    ]

    static let template = """

        # Any other key of config.txt. Under a section it holds for those boards alone; null removes a key.
        # config:
        #   arm_boost: 1
        #   pi0:
        #     dtoverlay: [disable-bt]
        """

    static let unset: Value = []

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        var sections: Value = []
        var indices: [String: Int] = [:]
        for entry in entries {
            guard case .config(let name, let key, let value) = entry.value else { continue }
            let index = indices[name] ?? sections.count
            if index == sections.count {
                indices[name] = index
                sections.append(.init(name: name, entries: []))
            }
            sections[index].entries.append(.init(key: key, value: value))
        }
        return sections
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        node.pairs.flatMap { section in
            section.value.pairs.flatMap { pair -> [SettingsLayer.Entry] in
                func entry(_ value: String?, _ position: ProfilePosition) -> SettingsLayer.Entry {
                    let value = SettingValue.config(section: section.key, key: pair.key, value: value)
                    return .init(key: name, value: value, position: position)
                }
                if pair.value.isNull { return [entry(nil, pair.position)] }
                if let text = pair.value.text { return [entry(text, pair.value.position)] }
                return pair.value.items.map { entry($0.text, $0.position) }
            }
        }
    }

    /// A value replaces the one of the layer below; keys that add up keep those; null removes them all.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining {
        guard case .config(let section, let key, let value) = entry.value else { return .always }
        let place = "[\(section)] \(key)"
        let removal = "removal of \(place)"
        guard let value else { return Joining(groups: [place, removal], drops: [place]) }
        guard Validation.accumulatingConfigKeys.contains(key) else { return Joining(groups: [place], drops: [place]) }
        return Joining(identity: "\(place)=\(value)", groups: [place], drops: [removal])
    }

    static func plan(_ planner: inout Planner) throws(PlanError) {
        let settings = planner.settings
        var rules: [TextRule] = []
        if let memory = settings.gpuMemory {
            rules = GPUMemorySetting.rules(memory) + (try GPUMemorySetting.firmwareRules(memory, &planner))
        }
        rules += try self.rules(planner)
        guard !rules.isEmpty else { return }
        try planner.rewrite(
            on: .boot, "/config.txt", rules,
            reason: settings.gpuMemory.map { "gpu_mem \($0)" } ?? "config.txt settings")
    }

    /// Removals first, then the values in order.
    private static func rules(_ planner: Planner) throws(PlanError) -> [TextRule] {
        let sections = planner.settings.config
        var removals: [TextRule] = []
        var sets: [TextRule] = []
        let removed = Set(
            sections.flatMap { section in
                section.entries.filter { $0.value == nil }.map { "[\(section.name)] \($0.key)" }
            })
        let owners = owners(of: sections)
        var seen: [String: String] = [:]
        for section in sections {
            for entry in section.entries {
                let line = "[\(section.name)] \(entry.key)"
                guard let value = entry.value else {
                    if let other = seen[line] { throw .contradiction("\(line)=\(other)", "its removal") }
                    removals.append(.removeConfigKey(section: section.name, key: entry.key))
                    continue
                }
                if let other = seen[line], !ConfigText.accumulates(entry.key), other != value {
                    throw .contradiction("\(line)=\(other)", "\(entry.key)=\(value)")
                }
                try GPUMemorySetting.check(section.name, entry.key, value, planner.settings)
                if removed.contains(line) { throw .contradiction("\(line)=\(value)", "its removal") }
                try checkUSBMode(section.name, entry.key, value, planner.slot)
                seen[line] = value
                sets.append(
                    .setConfigKey(
                        section: section.name, key: entry.key, value: value,
                        overriding: section.name == "all" && owners[entry.key] == ["all"]))
            }
        }
        return removals + sets
    }

    /// The sections that have a value of each key.
    private static func owners(of sections: Value) -> [String: Set<String>] {
        var owners: [String: Set<String>] = [:]
        for section in sections {
            for entry in section.entries where entry.value != nil {
                owners[entry.key, default: []].insert(section.name)
            }
        }
        return owners
    }

    private static func checkUSBMode(
        _ section: String, _ key: String, _ value: String, _ slot: Slot
    ) throws(PlanError) {
        guard key == "dtoverlay", value == "dwc2" || value.hasPrefix("dwc2,"), section == "all", !slot.isPlain else {
            return
        }
        let mode = "dwc2,dr_mode=\(slot.isController ? "host" : "peripheral")"
        if value != mode { throw .contradiction("the USB mode dtoverlay=\(mode)", "dtoverlay=\(value)") }
    }
}

extension Settings {
    package struct ConfigSection: Equatable, Sendable {
        package var name: String
        package var entries: [Entry]

        package struct Entry: Equatable, Sendable {
            package var key: String
            /// Nil removes the key. `dtoverlay`, `dtparam` and other accumulating keys may occur more than once.
            package var value: String?
            package init(key: String, value: String?) {
                self.key = key
                self.value = value
            }
        }

        package init(name: String, entries: [Entry]) {
            self.name = name
            self.entries = entries
        }
    }

    /// config.txt settings: section name without brackets (`all`, `pi0`, …) to `key`/`value` pairs in order.
    package var config: [ConfigSection] {
        get { self[ConfigSetting.self] }
        set { self[ConfigSetting.self] = newValue }
    }
}

extension Planner {
    /// Whether an include has the last word on something that was set for all boards.
    mutating func checkConfig(_ config: ConfigText) {
        var wanted = settings.config.filter { $0.name == "all" }.flatMap(\.entries)
        if let memory = settings.gpuMemory { wanted.append(.init(key: "gpu_mem", value: String(memory))) }
        guard !wanted.isEmpty else { return }
        let overridden = Set(settings.config.filter { $0.name != "all" }.flatMap(\.entries).map(\.key))
        let effective = slot.boards.map { board in
            let entries = config.effective(for: board, including: facts.configFile)
            return Dictionary(entries.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
        }
        for entry in wanted where !ConfigText.accumulates(entry.key) && !overridden.contains(entry.key) {
            guard let value = entry.value else { continue }
            for found in effective.compactMap({ $0[entry.key] }) where found != value {
                warn("config.txt includes a file that sets \(entry.key)=\(found) after \(entry.key)=\(value)")
            }
        }
    }
}
