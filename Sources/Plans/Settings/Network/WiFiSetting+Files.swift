/// The text of the files that join a wireless network.
extension WiFiSetting {
    /// A keyfile of NetworkManager (nm-settings-keyfile(5)). The uuid comes from the network's name, so that builds
    /// agree.
    static func keyfile(_ wifi: Settings.WiFi) -> String {
        var text = """
            [connection]
            id=piforge-wifi
            uuid=\(uuid(for: wifi.ssid))
            type=wifi

            [wifi]
            mode=infrastructure
            ssid=\(keyfileName(wifi.ssid))

            """
        if wifi.hidden { text += "hidden=true\n" }
        if let psk = wifi.psk { text += "\n[wifi-security]\nkey-mgmt=wpa-psk\npsk=\(keyfileText(psk))\n" }
        return text + "\n[ipv4]\nmethod=auto\n\n[ipv6]\naddr-gen-mode=default\nmethod=auto\n"
    }

    /// Simple names as text, all others as a list of byte values, which needs no escapes.
    private static func keyfileName(_ ssid: String) -> String {
        let isSimple = ssid.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) || $0 == 0x2D
                || $0 == 0x5F
        }
        let hasLetter = ssid.utf8.contains { $0 >= 0x41 }
        return isSimple && hasLetter ? ssid : ssid.utf8.map { "\($0);" }.joined()
    }

    /// GKeyFile's escapes: backslash, and blanks that would be trimmed.
    private static func keyfileText(_ text: String) -> String {
        let escaped = text.map { $0 == "\\" ? "\\\\" : String($0) }.joined()
        let blanks = escaped.prefix(while: { $0 == " " }).count
        let trailing = escaped.reversed().prefix(while: { $0 == " " }).count
        if blanks == escaped.count { return String(repeating: "\\s", count: blanks) }
        return String(repeating: "\\s", count: blanks) + escaped.dropFirst(blanks).dropLast(trailing)
            + String(repeating: "\\s", count: trailing)
    }

    /// A configuration of wpa_supplicant (wpa_supplicant.conf(5)).
    static func supplicant(_ wifi: Settings.WiFi) -> String {
        var text = "ctrl_interface=DIR=/var/run/wpa_supplicant GROUP=netdev\nupdate_config=1\n"
        if let country = wifi.country { text += "country=\(country)\n" }
        text += "\nnetwork={\n\tssid=\(supplicantName(wifi.ssid))\n"
        if wifi.hidden { text += "\tscan_ssid=1\n" }
        if let psk = wifi.psk {
            let isKey = psk.utf8.count == 64 && psk.allSatisfy(\.isHexDigit)
            text += "\tpsk=\(isKey ? psk : "\"\(psk)\"")\n"
        } else {
            text += "\tkey_mgmt=NONE\n"
        }
        return text + "}\n"
    }

    /// In quotes, or as hex digits where quotes or bytes that are no printable ASCII stand in the way.
    private static func supplicantName(_ ssid: String) -> String {
        let isPlain = ssid.utf8.allSatisfy { (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }
        return isPlain ? "\"\(ssid)\"" : ssid.utf8.map { byte($0) }.joined()
    }

    private static func byte(_ value: UInt8) -> String { (value < 16 ? "0" : "") + String(value, radix: 16) }

    /// A version 8 UUID (RFC 9562, 5.8): 122 bits of two FNV-1a sums of the text.
    static func uuid(for text: String) -> String {
        var bytes: [UInt8] = []
        for seed: UInt64 in [0xCBF2_9CE4_8422_2325, 0x8422_2325_CBF2_9CE4] {
            var sum = seed
            for byte in "piforge-wifi:\(text)".utf8 { sum = (sum ^ UInt64(byte)) &* 0x100_0000_01B3 }
            bytes += (0..<8).map { UInt8(truncatingIfNeeded: sum >> (56 - 8 * UInt64($0))) }
        }
        bytes[6] = bytes[6] & 0x0F | 0x80
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = bytes.map { byte($0) }
        return [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-")
    }
}
