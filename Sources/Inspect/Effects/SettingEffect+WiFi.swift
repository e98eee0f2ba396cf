import Plans
import Readers
import Trees

/// Whether the machine joins the network: judged as NetworkManager, dhcpcd's hook of wpa_supplicant, and the first boot
/// do.
extension EffectJudge {
    mutating func judgeWiFi() throws(VolumeError) {
        guard let wifi = settings.wifi else { return }
        try judgeRadio()
        let keyfile = "/etc/NetworkManager/system-connections/piforge-wifi.nmconnection" as VolumePath
        if try reader.source.exists(.root, keyfile) {
            try judgeManager(keyfile)
        } else {
            try judgeSupplicant(wifi)
        }
        if let ssid = try customSettings()?.values["wlan.ssid"], ssid != wifi.ssid {
            refuse(
                "wifi", .wifiOverridden, "boot:/custom.toml, which the first boot applies, sets \(ssid)",
                hint: "leave wlan out of custom.toml")
        }
    }

    private mutating func judgeRadio() throws(VolumeError) {
        for board in boards {
            let entries = reader.facts.config.effective(for: board, including: reader.facts.configFile)
            let overlays = ["disable-wifi", "pi3-disable-wifi", "disable-wifi-pi5"]
            guard let entry = entries.last(where: { $0.key == "dtoverlay" && overlays.contains($0.value) }) else {
                continue
            }
            refuse(
                "wifi", .wifiOff, "config.txt turns the radio of a \(board.title) off (dtoverlay=\(entry.value))",
                hint: "remove that line, with config: {all: {dtoverlay: null}} for example")
            break
        }
        let drivers: Set<String> = ["brcmfmac", "brcmutil", "cfg80211"]
        for (path, lines) in try settingFiles(in: "/etc/modprobe.d", where: { $0.hasSuffix(".conf") }) {
            for words in lines.map(\.blankSeparated) {
                let isOff =
                    words.first == "blacklist" || words.first == "install" && words.last?.hasSuffix("/false") == true
                guard isOff, words.count > 1, drivers.contains(words[1]) else { continue }
                return refuse(
                    "wifi", .wifiOff, "the driver is not loaded (\(path): \(words.joined(separator: " ")))",
                    hint: "remove that line from the base")
            }
        }
        let barred = reader.line.values(of: "modprobe.blacklist").flatMap { $0.split(separator: ",").map(String.init) }
        if let name = barred.first(where: drivers.contains) {
            refuse("wifi", .wifiOff, "the driver \(name) is not loaded (modprobe.blacklist= on the kernel's line)")
        }
    }

    // MARK: NetworkManager

    private mutating func judgeManager(_ own: VolumePath) throws(VolumeError) {
        // NetworkManager leaves the radio to wpa_supplicant, which it asks for over D-Bus.
        for unit in ["NetworkManager.service", "wpa_supplicant.service"] {
            guard let why = try idleness(of: unit) else { continue }
            refuse("wifi", .wifiUnmanaged, why, hint: "remove what masks it from the base")
            break
        }
        var files: [(path: VolumePath, lines: [String])] = []
        if let lines = try reader.source.settings(.root, "/etc/NetworkManager/NetworkManager.conf") {
            files.append(("/etc/NetworkManager/NetworkManager.conf", lines))
        }
        files += try settingFiles(in: "/etc/NetworkManager/conf.d") { $0.hasSuffix(".conf") }
        for (path, lines) in files {
            guard let line = lines.last(where: { $0.hasPrefix("unmanaged-devices") }) else { continue }
            let devices = line.drop { $0 != "=" }.dropFirst().split(whereSeparator: { ";, ".contains($0) })
            if devices.contains(where: { Self.isWireless(String($0)) }),
                !devices.contains(where: { $0.hasPrefix("except:") && Self.isWireless(String($0.dropFirst(7))) })
            {
                return refuse(
                    "wifi", .wifiUnmanaged, "NetworkManager leaves wlan0 alone (\(path): \(line))",
                    hint: "remove wlan0 from that line in the base")
            }
        }
        try judgeInterfaces()
        let others = try reader.source.names(.root, own.parent).filter { $0 != own.name }
        for name in others {
            guard let path = own.parent.appending(name),
                let lines = try reader.source.settings(.root, path),
                lines.contains("type=wifi") || lines.contains("type=802-11-wireless")
            else { continue }
            let priority = lines.first { $0.hasPrefix("autoconnect-priority=") }.flatMap {
                Int($0.dropFirst("autoconnect-priority=".utf8.count))
            }
            if !lines.contains("autoconnect=false") {
                warn(
                    .wifiOtherNetwork,
                    "\(path) names another wireless network"
                        + ((priority ?? 0) > 0 ? ", which NetworkManager prefers" : ""),
                    hint: "remove it from the base if that network is not wanted")
            }
        }
    }

    private static func isWireless(_ device: String) -> Bool {
        if device == "*" || device == "type:wifi" { return true }
        guard device.hasPrefix("interface-name:") || !device.contains(":") else { return false }
        let name = device.hasPrefix("interface-name:") ? String(device.dropFirst("interface-name:".utf8.count)) : device
        return Wildcard(name.hasPrefix("=") ? name.dropFirst() : name[...]).matches("wlan0")
    }

    /// NetworkManager leaves alone what ifupdown sets up (NetworkManager.conf(5), ifupdown, managed=false).
    private mutating func judgeInterfaces() throws(VolumeError) {
        var files = [("/etc/network/interfaces" as VolumePath, try lines("/etc/network/interfaces"))]
        for name in try reader.source.names(.root, "/etc/network/interfaces.d") {
            if let path = VolumePath("/etc/network/interfaces.d/" + name) { files.append((path, try lines(path))) }
        }
        for (path, lines) in files {
            for (index, words) in lines.map(\.blankSeparated).enumerated()
            where words.count > 1 && words[0] == "iface" && words[1] == "wlan0" {
                return refuse(
                    "wifi", .wifiUnmanaged,
                    "ifupdown sets up wlan0 (\(path):\(index + 1)), so NetworkManager leaves it alone",
                    hint: "remove that paragraph from the base")
            }
        }
    }

    // MARK: wpa_supplicant

    private mutating func judgeSupplicant(_ wifi: Settings.WiFi) throws(VolumeError) {
        if try reader.source.exists(.boot, "/wpa_supplicant.conf"), !reader.isBookwormOrLater {
            refuse(
                "wifi", .wifiOverridden,
                "the first boot moves boot:/wpa_supplicant.conf over "
                    + "/etc/wpa_supplicant/wpa_supplicant.conf", hint: "leave it out of `files`")
        }
        let own: VolumePath = "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"
        if try reader.source.exists(.root, own) {
            refuse(
                "wifi", .wifiOverridden, "dhcpcd starts wpa_supplicant with \(own) instead of wpa_supplicant.conf",
                hint: "remove that file from the base")
        }
        if let why = try idleness(of: "dhcpcd.service"), try reader.source.exists(.root, "/usr/sbin/dhcpcd") {
            refuse("wifi", .wifiUnmanaged, why, hint: "remove what masks it from the base")
        }
        var isGlobal = true
        for (index, line) in try lines("/etc/dhcpcd.conf").enumerated() {
            let words = line.trimmedBlanks.blankSeparated
            switch words.first {
            case "interface", "profile", "ssid":
                isGlobal = words.first == "interface" && words.dropFirst().first == "wlan0"
            case "denyinterfaces" where words.dropFirst().contains(where: { Wildcard($0).matches("wlan0") }),
                "nohook" where isGlobal && words.contains("wpa_supplicant"):
                return refuse(
                    "wifi", .wifiUnmanaged,
                    "dhcpcd does not start wpa_supplicant (/etc/dhcpcd.conf:\(index + 1): \(line.trimmedBlanks))",
                    hint: "remove that from the base")
            default: break
            }
        }
    }

    /// Why a service that is in the image does not start; nil when it does, or is not there.
    func idleness(of unit: String) throws(VolumeError) -> String? {
        try reader.mask(of: unit).map { "\(unit) is masked (\($0))" }
    }
}
