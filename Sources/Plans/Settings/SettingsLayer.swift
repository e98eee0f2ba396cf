/// One value of a setting, validated.
package enum SettingValue: Equatable, Sendable {
    case boolean(Bool)
    case integer(Int)
    case text(String)
    /// A line of config.txt; a nil value removes the key.
    case config(section: String, key: String, value: String?)
    case host(address: String, name: String)
    case file(Settings.FileCopy)
}

/// What one place (`defaults`, a slot, the flags) says, value by value with its origin; what it does not name, it
/// leaves to the layer below.
package struct SettingsLayer: Equatable, Sendable {
    package struct Entry: Equatable, Sendable {
        /// The dotted key, such as `wifi.ssid`; an entry a list item (`authorized_keys`, `units.enable`, `files`).
        package var key: String
        package var value: SettingValue
        package var position: ProfilePosition

        package init(key: String, value: SettingValue, position: ProfilePosition) {
            self.key = key
            self.value = value
            self.position = position
        }
    }

    package var entries: [Entry]

    package init(entries: [Entry] = []) { self.entries = entries }

    /// Lays another layer over this one: single values are replaced, lists grow, doubles are dropped.
    package mutating func merge(_ other: SettingsLayer) {
        var copies: [Entry] = []
        for entry in other.entries {
            if case .file = entry.value { copies.append(entry) } else { merge(entry) }
        }
        mergeFiles(copies)
    }

    /// The value that counts for a key that holds one.
    package func entry(_ key: String) -> Entry? { entries.last { $0.key == key } }

    /// The values of a key that holds a list, in order.
    package func entries(_ key: String) -> [Entry] { entries.filter { $0.key == key } }
}

// MARK: - Merging

extension SettingsLayer {
    private mutating func merge(_ entry: Entry) {
        switch (entry.key, entry.value) {
        case ("authorized_keys", .text(let line)):
            let identity = try? Validation.keyIdentity(line)
            replaceOrAppend(entry) { $0.key == entry.key && Self.identity($0) == identity }
        case ("kernel_arguments.set", .text(let argument)):
            dropArguments(supersededBy: argument)
            appendOnce(entry)
        case ("kernel_arguments.remove", .text(let argument)):
            entries.removeAll { $0.key == "kernel_arguments.set" && Self.argument($0, isRemovedBy: argument) }
            appendOnce(entry)
        case ("units.enable", .text), ("units.disable", .text), ("units.mask", .text):
            entries.removeAll { $0.key.hasPrefix("units.") && $0.key != entry.key && $0.value == entry.value }
            appendOnce(entry)
        case (_, .config(let section, let key, let value)):
            mergeConfig(entry, section: section, key: key, value: value)
        case (_, .host), ("packages", .text): appendOnce(entry)
        // A command may be wanted twice.
        case ("run", .text): entries.append(entry)
        default: replaceOrAppend(entry) { $0.key == entry.key }
        }
    }

    private mutating func replaceOrAppend(_ entry: Entry, where isSame: (Entry) -> Bool) {
        if let index = entries.firstIndex(where: isSame) {
            entries[index] = entry
        } else {
            entries.append(entry)
        }
    }

    private mutating func appendOnce(_ entry: Entry) {
        guard !entries.contains(where: { $0.key == entry.key && $0.value == entry.value }) else { return }
        entries.append(entry)
    }

    /// Folders hold thousands of files: their targets are looked up, not searched.
    private mutating func mergeFiles(_ copies: [Entry]) {
        guard !copies.isEmpty else { return }
        var places: [Target: Int] = [:]
        for (index, entry) in entries.enumerated() {
            if case .file(let copy) = entry.value { places[copy.target] = index }
        }
        for entry in copies {
            guard case .file(let copy) = entry.value else { continue }
            if let index = places[copy.target] {
                entries[index] = entry
            } else {
                places[copy.target] = entries.count
                entries.append(entry)
            }
        }
    }

    private static func identity(_ entry: Entry) -> String? {
        guard case .text(let line) = entry.value else { return nil }
        return try? Validation.keyIdentity(line)
    }

    /// `key=value` takes the place of every argument of that key; consoles stand beside each other.
    private mutating func dropArguments(supersededBy argument: String) {
        let key = Validation.kernelKey(argument)
        entries.removeAll { entry in
            guard case .text(let other) = entry.value, Validation.kernelKey(other) == key else { return false }
            switch entry.key {
            case "kernel_arguments.set": return key != "console" && other != argument
            case "kernel_arguments.remove": return key != "console" || other == argument || other == key
            default: return false
            }
        }
    }

    private static func argument(_ entry: Entry, isRemovedBy removed: String) -> Bool {
        guard case .text(let argument) = entry.value else { return false }
        return argument == removed || Validation.kernelKey(argument) == removed
    }

    /// A value replaces the one of the layer below; keys that add up keep those; null removes them all.
    private mutating func mergeConfig(_ entry: Entry, section: String, key: String, value: String?) {
        let addsUp = Validation.accumulatingConfigKeys.contains(key) && value != nil
        entries.removeAll { other in
            guard case .config(section, key, let old) = other.value else { return false }
            return addsUp ? old == nil : true
        }
        appendOnce(entry)
    }
}
