extension Profile {
    /// One effective value of a slot and where it comes from.
    package struct Origin: Equatable, Sendable {
        /// The dotted key: `wifi.ssid`, `config.pi0.dtoverlay`, `files`.
        package var key: String
        /// One line; a secret is not shown.
        package var value: String
        /// `sg1.yaml:14`, `--hostname`, or `the slot`.
        package var origin: String
    }

    /// Every effective value of a slot in the order of the table, with a row for each item of a list.
    package func origins(for slot: Slot, flags: SettingsLayer? = nil) -> [Origin] {
        let layer = layer(for: slot, flags: flags)
        var rows: [Origin] = []
        for path in Schema.settingPaths {
            let entries = layer.entries(path)
            if path == "hostname", entries.isEmpty, slot != .anyPlain {
                rows.append(Origin(key: path, value: slot.name, origin: "the slot"))
            }
            let isSecret = Schema.key(path)?.isSecret ?? false
            rows += entries.map { entry in
                let (key, value) = entry.printed
                return Origin(key: key, value: isSecret ? "(secret)" : value, origin: entry.position.origin)
            }
        }
        return rows
    }
}

extension SettingsLayer.Entry {
    /// The key and the value as one line each.
    fileprivate var printed: (key: String, value: String) {
        switch value {
        case .boolean(let flag): (key, flag ? "true" : "false")
        case .integer(let number): (key, String(number))
        case .text(let text): (key, text)
        case .config(let section, let name, let text): ("config.\(section).\(name)", text ?? "(removed)")
        case .host(let address, let name): ("hosts.\(address)", name)
        case .file(let copy): (key, copy.summary)
        case .secret(let source): (key, source.path)
        case .base(let base): (key, base.summary)
        case .package(let file): (key, file.summary)
        case .hostKey(let hostKey): (key, hostKey.publicKey.fingerprint)
        case .named(let name, let text): ("\(key).\(name)", text)
        case .json(let member): ("\(key).\(member.name)", member.value.summary)
        case .content(let file): ("\(key).\(file.name)", "\(file.bytes.count) bytes")
        }
    }
}
