extension ConfigText {
    /// Sets `key` in a section (`all`, `pi0`, …).
    ///
    /// An active line of the key in exactly that section is changed in place; commented defaults are left alone. Else
    /// the line goes to the section's last block, or into a block of its own at the end, after which `[all]` holds
    /// again. With `overriding`, which only `all` knows, no filtered line may come after it. Keys that accumulate get
    /// a line for each value.
    package mutating func set(
        _ key: String, to value: String, section: String, overriding: Bool
    ) throws(TextRuleError) {
        var editor = ConfigEditor(self)
        try editor.set(key, to: value, section: section, overriding: overriding)
        self = editor.config
    }

    /// Removes the active lines of `key` in exactly that section, or everywhere when it is nil.
    package mutating func remove(_ key: String, section: String?) {
        var editor = ConfigEditor(self)
        editor.remove(key, section: section)
        self = editor.config
    }

    /// Brings the lines `dtoverlay=dwc2…` that hold for all boards to a mode. When there is none, a node gets the line that
    /// images before 2025-11 carry commented out, or a new one; a controller needs none and is left as it is, as 8086's
    /// script does.
    ///
    /// Lines for some boards alone (stock images have one below `[cm5]`) follow to `host` only: a node is none of these
    /// boards, but a controller may be one whose image was a node's before.
    package mutating func setUSBMode(_ mode: TextRule.USBMode) {
        let wanted = "dtoverlay=dwc2,dr_mode=\(mode.rawValue)"
        let parsed = parsed()
        var isSet = false
        for index in parsed.indices where parsed[index].filter.isAll || mode == .host {
            guard case .entry("dtoverlay", let value) = parsed[index].line, Self.isDWC2(value) else { continue }
            if lines.lines[index].text != wanted { lines.lines[index].text = wanted }
            if parsed[index].filter.isAll { isSet = true }
        }
        if isSet || mode == .host { return }
        let commented = parsed.indices.first { index in
            let text = lines.lines[index].text.trimmed
            guard parsed[index].filter.isAll, text.hasPrefix("#") else { return false }
            guard case .entry("dtoverlay", let value) = Self.parse(String(text.dropFirst())) else { return false }
            return Self.isDWC2(value)
        }
        if let commented {
            lines.lines[commented].text = wanted
        } else {
            if let last = parsed.last, !last.filter.isAll { lines.append("[all]") }
            lines.append(wanted)
        }
    }

    private static func isDWC2(_ value: String) -> Bool { value == "dwc2" || value.hasPrefix("dwc2,") }
}
