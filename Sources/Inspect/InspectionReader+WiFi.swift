import Readers
import Trees

extension InspectionReader {
    static let supplicantPath: VolumePath = "/etc/wpa_supplicant/wpa_supplicant.conf"
    static let connectionsPath: VolumePath = "/etc/NetworkManager/system-connections"

    /// The wireless networks that the system knows, without their passphrases.
    func wirelessNetworks() throws(VolumeError) -> [Inspection.WirelessNetwork] {
        var networks: [Inspection.WirelessNetwork] = []
        for path in [Self.supplicantPath, "/etc/wpa_supplicant/wpa_supplicant-wlan0.conf"] {
            for name in Self.supplicantNames(try source.settings(.root, path) ?? []) {
                networks.append(.init(name: name, file: path.description))
            }
        }
        for name in try source.names(.root, Self.connectionsPath) {
            guard let path = Self.connectionsPath.appending(name), let lines = try source.settings(.root, path),
                let ssid = Self.keyfileName(lines)
            else { continue }
            networks.append(.init(name: ssid, file: path.description))
        }
        return networks
    }

    /// What the first boot puts in the place of wpa_supplicant.conf, until bullseye (raspberrypi-net-mods); nil when
    /// nothing does.
    func arrivingNetworks() throws(VolumeError) -> [String]? {
        guard !isBookwormOrLater, let lines = try source.settings(.boot, "/wpa_supplicant.conf") else { return nil }
        return Self.supplicantNames(lines)
    }

    /// The names in lines such as `ssid="Home"` or `ssid=486f6d65` (wpa_supplicant.conf(5)).
    static func supplicantNames(_ lines: [String]) -> [String] {
        lines.compactMap { line in
            guard line.hasPrefix("ssid=") else { return nil }
            let value = line.dropFirst("ssid=".utf8.count)
            if value.hasPrefix("\""), let end = value.dropFirst().lastIndex(of: "\"") {
                return String(value[value.index(after: value.startIndex)..<end])
            }
            return decoded(String(value))
        }
    }

    private static func decoded(_ digits: String) -> String {
        var bytes: [UInt8] = []
        var rest = digits[...]
        while rest.count >= 2 {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return digits }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The name in a keyfile of a wireless network (nm-settings-keyfile(5)); nil for other connections.
    static func keyfileName(_ lines: [String]) -> String? {
        guard lines.contains("type=wifi") || lines.contains("type=802-11-wireless"),
            let line = lines.first(where: { $0.hasPrefix("ssid=") })
        else { return nil }
        let value = String(line.dropFirst("ssid=".utf8.count))
        let numbers = value.split(separator: ";").map { UInt8($0) }
        guard value.hasSuffix(";"), !numbers.contains(nil) else { return value }
        return String(decoding: numbers.compactMap { $0 }, as: UTF8.self)
    }
}
