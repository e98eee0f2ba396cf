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
        let wanted = Self.line(key: key, value: value)
        guard wanted.utf8.count <= Self.columnLimit else {
            throw .configLineTooLong(wanted, limit: Self.columnLimit)
        }
        let filter = ConfigFilter.all.entering(section)
        let parsed = parsed()
        let active = parsed.indices.filter {
            if case .entry(key, _) = parsed[$0].line { true } else { false }
        }
        let own = active.filter { parsed[$0].filter == filter }
        if Self.accumulates(key) {
            if own.contains(where: { parsed[$0].line == .entry(key: key, value: value) }) { return }
            return add(wanted, to: section, filter)
        }
        // A file that is included later may have a say as well.
        let includes = parsed.lastIndex { if case .entry("include", _) = $0.line { true } else { false } }
        let isLast = own.last.map { $0 == active.last && $0 > includes ?? -1 } ?? false
        guard let last = own.last, !overriding || !filter.isAll || isLast else {
            for index in own.reversed() { lines.lines.remove(at: index) }
            return add(wanted, to: section, filter)
        }
        if parsed[last].line != .entry(key: key, value: value) { lines.lines[last].text = wanted }
    }

    /// Removes the active lines of `key` in exactly that section, or everywhere when it is nil.
    package mutating func remove(_ key: String, section: String?) {
        let filter = section.map { ConfigFilter.all.entering($0) }
        let parsed = parsed()
        for index in parsed.indices.reversed() {
            guard case .entry(key, _) = parsed[index].line, filter == nil || parsed[index].filter == filter else {
                continue
            }
            lines.lines.remove(at: index)
        }
    }

    /// Brings the lines `dtoverlay=dwc2…` that hold for all boards to a mode. When there is none, the line that
    /// images before 2025-11 carry commented out becomes active, or one is added.
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
        if isSet { return }
        let commented = parsed.indices.first { index in
            let text = lines.lines[index].text.trimmed
            guard parsed[index].filter.isAll, text.hasPrefix("#") else { return false }
            guard case .entry("dtoverlay", let value) = Self.parse(String(text.dropFirst())) else { return false }
            return Self.isDWC2(value)
        }
        if let commented {
            lines.lines[commented].text = wanted
        } else {
            add(wanted, to: "all", .all)
        }
    }

    private static func isDWC2(_ value: String) -> Bool { value == "dwc2" || value.hasPrefix("dwc2,") }

    private mutating func add(_ line: String, to section: String, _ filter: ConfigFilter) {
        let parsed = parsed()
        let final = parsed.last?.filter ?? .all
        if filter.isAll {
            if !final.isAll { lines.append("[all]") }
            lines.append(line)
            return
        }
        let block = parsed.lastIndex { $0.filter == filter && $0.line != .other }
        if let block {
            lines.insert(line, at: block + 1)
        } else {
            if !final.isAll { lines.append("[all]") }
            lines.append("[\(section)]")
            lines.append(line)
        }
        if let last = self.parsed().last, !last.filter.isAll { lines.append("[all]") }
    }
}
