import Trees

/// The wireless network to join: a file for NetworkManager or wpa_supplicant, whichever runs in the image.
enum WiFiSetting: Setting {
    typealias Value = Settings.WiFi?

    static let keys = [
        SchemaKey(
            "wifi",
            .object([
                SchemaKey("ssid", .text(.ssid), "Name of the network, 1 to 32 bytes.", example: "Home"),
                SchemaKey(
                    "psk", .text(.psk), "Passphrase of 8 to 63 characters, or 64 hex digits.",
                    example: "correct horse battery", isSecret: true),
                SchemaKey(
                    "psk_file", .text(.path), "File that holds the passphrase in its first line.",
                    example: "secrets/wifi"),
                SchemaKey("hidden", .boolean, "The network does not announce its name.", example: "false"),
                SchemaKey(
                    "country", .text(.country), "Country whose radio rules hold (ISO 3166-1).", example: "GB"),
            ]), "The wireless network to join.", example: "")
    ]

    static let template = """

        # wifi: {ssid: Home, psk_file: secrets/wifi, country: GB}
        """

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        func last(_ key: String) -> SettingValue? { entries.last { $0.key == key }?.value }
        return last("wifi.ssid")?.text.map { ssid in
            Settings.WiFi(
                ssid: ssid, psk: last("wifi.psk")?.text, hidden: last("wifi.hidden")?.boolean ?? false,
                country: last("wifi.country")?.text)
        }
    }

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        let entries = node.pairs.flatMap { pair -> [SettingsLayer.Entry] in
            guard pair.key == "psk_file" else {
                let single = ProfileNode(position: node.position, content: .map([pair]))
                return SettingsDecoder.entries(single, path: name, type: key.type)
            }
            return decoder.firstLine(of: pair.value, check: Validation.psk).map {
                [.init(key: "wifi.psk", value: .text($0), position: pair.value.position)]
            } ?? []
        }
        if let file = node["psk_file"], node["psk"] != nil {
            decoder.report(file.position, "`psk` and `psk_file` are both given", hint: "take one of them out")
        }
        return entries
    }

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        guard layer.entry("wifi.ssid") == nil, let other = layer.entries(of: name).first else { return [] }
        return [ProfileProblem(other.position, "`wifi` has no `ssid`", hint: "ssid: Home")]
    }

    // MARK: The image

    static let keyfilePath: VolumePath = "/etc/NetworkManager/system-connections/piforge-wifi.nmconnection"
    static let statePath: VolumePath = "/var/lib/NetworkManager/NetworkManager.state"
    static let supplicantPath: VolumePath = "/etc/wpa_supplicant/wpa_supplicant.conf"
    /// What raspberrypi-net-mods moves over wpa_supplicant.conf at the first boot, until bullseye.
    static let arrivingPath: VolumePath = "/wpa_supplicant.conf"
    static let radioFolder: VolumePath = "/var/lib/systemd/rfkill"

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard reader.settings.wifi != nil else { return }
        try reader.look(.root, [keyfilePath, statePath, supplicantPath])
        try reader.look(.boot, arrivingPath)
        try reader.list(radioFolder)
        try reader.look(.root, reader.facts.paths(in: radioFolder, suffix: ":wlan"))
    }

    static func kernelLine(_ planner: Planner) -> KernelLineWish {
        guard let country = planner.settings.wifi?.country, planner.release >= .bookworm else { return .init() }
        return KernelLineWish(arguments: ["cfg80211.ieee80211_regdom=\(country)"])
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planWiFi() }
}

extension Settings {
    package struct WiFi: Equatable, Sendable {
        package var ssid: String
        /// A passphrase of 8...63 characters or 64 hex digits; nil for an open network.
        package var psk: String?
        package var hidden: Bool
        /// Two capital letters (ISO 3166-1).
        package var country: String?
        package init(ssid: String, psk: String?, hidden: Bool, country: String?) {
            self.ssid = ssid
            self.psk = psk
            self.hidden = hidden
            self.country = country
        }
    }

    package var wifi: WiFi? {
        get { self[WiFiSetting.self] }
        set { self[WiFiSetting.self] = newValue }
    }
}

extension Planner {
    fileprivate mutating func planWiFi() throws(PlanError) {
        guard let wifi = settings.wifi else { return }
        let hasManager = facts.existsInSbin("NetworkManager")
        let hasSupplicant = facts.existsInSbin("wpa_supplicant")
        let reason = "Wi-Fi \(wifi.ssid)"
        if release >= .bookworm ? hasManager : hasManager && !hasSupplicant {
            try put(
                WiFiSetting.keyfilePath, text: WiFiSetting.keyfile(wifi), mode: 0o600, reason: reason, isSecret: true)
            if facts.bytes(.root, WiFiSetting.statePath) != nil {
                try rewrite(WiFiSetting.statePath, [.setVariable("WirelessEnabled", "true")], reason: reason)
            }
        } else if hasSupplicant, release < .bookworm || facts.existsInSbin("dhcpcd") {
            try put(
                WiFiSetting.supplicantPath, text: WiFiSetting.supplicant(wifi), mode: 0o600, reason: reason,
                isSecret: true)
            if release < .bookworm, facts.exists(.boot, WiFiSetting.arrivingPath),
                !bringsBootFile("wpa_supplicant.conf")
            {
                try remove(
                    on: .boot, WiFiSetting.arrivingPath, reason: "it would take the place of the profile's Wi-Fi")
                warn(
                    "the base's wpa_supplicant.conf is removed from the boot partition: it would undo the profile's Wi-Fi"
                )
            }
        } else {
            throw .noWiFi(release: release.rawValue)
        }
        try unblockRadio(reason)
        if wifi.country == nil {
            warn("no Wi-Fi country is set: channels that need one stay off")
        }
    }

    /// Raspberry Pi OS comes with the radio blocked, by the state that systemd-rfkill restores.
    private mutating func unblockRadio(_ reason: String) throws(PlanError) {
        for path in facts.paths(in: WiFiSetting.radioFolder, suffix: ":wlan") {
            guard facts.found(.root, path)?.own?.kind == .file else { continue }
            try rewrite(path, [.setLine(.init(prefix: ""), to: "0", whenMissing: .append)], reason: reason)
        }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let ssid = TextFormat("text", pattern: "^.{1,32}$", check: Validation.ssid)
    static let psk = TextFormat("passphrase", pattern: "^[ -~]{8,64}$", check: Validation.psk)
    static let country = TextFormat("country", pattern: "^[A-Z]{2}$", check: Validation.country)
}

extension Validation {
    /// A Wi-Fi name: 1...32 bytes (IEEE 802.11, 9.4.2.2) without control characters.
    package static func ssid(_ name: String) throws(Refusal) {
        guard (1...32).contains(name.utf8.count) else {
            throw Refusal("the Wi-Fi name has \(name.utf8.count) bytes, it must have 1 to 32")
        }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw Refusal("the Wi-Fi name has a control character")
        }
    }

    /// A WPA passphrase of 8...63 printable ASCII characters, or 64 hex digits (IEEE 802.11, annex M.4).
    package static func psk(_ text: String) throws(Refusal) {
        let count = text.utf8.count
        if count == 64, text.utf8.allSatisfy(isHexDigit) { return }
        guard (8...63).contains(count) else {
            throw Refusal("the Wi-Fi passphrase has \(count) bytes, it must have 8 to 63 (or be 64 hex digits)")
        }
        guard text.utf8.allSatisfy(isPrintable) else {
            throw Refusal("the Wi-Fi passphrase has a character that is not printable ASCII")
        }
    }

    /// A country for the radio: two capital letters (ISO 3166-1 alpha-2).
    package static func country(_ code: String) throws(Refusal) {
        guard code.utf8.count == 2, code.utf8.allSatisfy(isLetter) else {
            throw Refusal("\"\(code.shortened)\" is no country code of two letters", hint: "GB")
        }
        guard code.utf8.allSatisfy(isUpper) else {
            throw Refusal("the country code \"\(code)\" is not in capital letters", hint: code.uppercased())
        }
        guard code != "UK" else { throw Refusal("the country code of the United Kingdom is GB", hint: "GB") }
    }
}
