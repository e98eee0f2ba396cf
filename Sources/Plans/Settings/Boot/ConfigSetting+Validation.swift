/// Sections, keys and lines of config.txt.
extension Validation {
    /// Bytes of a config.txt line that the firmware reads (raspberrypi/documentation, what_is_config_txt.adoc).
    package static let configLineLimit = 98

    /// Keys that occur more than once, each time adding to the last (raspberrypi/documentation, config_txt/common.adoc).
    package static let accumulatingConfigKeys: Set<String> = [
        "dtoverlay", "dtparam", "device_tree_overlay", "device_tree_param", "gpio",
    ]

    /// Names of config.txt filters that have no argument (raspberrypi/documentation, config_txt/conditional.adoc).
    package static let configSectionNames = [
        "all", "none", "tryboot", "pi0", "pi0w", "pi02", "pi1", "pi2", "pi3", "pi3+", "pi4", "pi400", "pi5", "pi500",
        "cm0", "cm4", "cm4s", "cm5",
    ]

    /// The section of a config.txt, without brackets.
    package static func isConfigSection(_ name: String) -> Bool {
        if configSectionNames.contains(name) { return true }
        func tail(_ prefix: String) -> Substring? { name.hasPrefix(prefix) ? name.dropFirst(prefix.count) : nil }
        func isHex(_ text: Substring, _ count: ClosedRange<Int>) -> Bool {
            count.contains(text.utf8.count) && text.utf8.allSatisfy(isHexDigit)
        }
        if let digits = tail("board-type=0x") { return isHex(digits, 1...8) }
        if let digits = tail("0x") { return isHex(digits, 1...16) }
        if let text = tail("EDID=") { return !text.isEmpty && text.utf8.allSatisfy { isPrintable($0) && $0 != 0x5D } }
        if let text = tail("HDMI:") { return text == "0" || text == "1" }
        if let text = tail("gpio") {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2, parts[0].utf8.allSatisfy(isDigit), let pin = Int(parts[0]) else { return false }
            return pin <= 53 && String(pin) == parts[0] && (parts[1] == "0" || parts[1] == "1")
        }
        return false
    }

    /// A key of config.txt that is written as `key=value`.
    package static func configKey(_ key: String) throws(Refusal) {
        try characters(key, of: "config.txt key", others: "_-.:", hint: "such as `arm_boost` or `hdmi_group:0`")
        guard key != "initramfs", key != "include" else {
            throw Refusal(
                "`\(key)` is no `key=value` line of config.txt",
                hint: key == "include" ? nil : "auto_initramfs: 1")
        }
    }

    /// One `key=value` line of config.txt, at most 98 bytes of printable ASCII.
    package static func configLine(key: String, value: String) throws(Refusal) {
        guard value.utf8.allSatisfy(isPrintable) else {
            throw Refusal("the value of \(key) is not one line of printable ASCII")
        }
        guard value.first != " ", value.last != " " else {
            throw Refusal("the value of \(key) begins or ends with a blank")
        }
        guard !["true", "false", "yes", "no", "on", "off"].contains(value.lowercased()) else {
            let isOn = ["true", "yes", "on"].contains(value.lowercased())
            throw Refusal("config.txt knows no `\(value)` for \(key)", hint: "\(key): \(isOn ? 1 : 0)")
        }
        let count = key.utf8.count + 1 + value.utf8.count
        guard count <= configLineLimit else {
            throw Refusal(
                "the line \(key)=… has \(count) bytes, the firmware reads \(configLineLimit)",
                hint: "split it, such as `dtoverlay: [name]` and `dtparam: [a=1, b=2]`")
        }
    }
}
