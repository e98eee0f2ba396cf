/// The entries of `config`, brought into the form section to key to value.
private struct SectionEntries {
    private var sections: [(name: String, position: ProfilePosition, entries: [ProfileNode.Pair])] = []
    private var indices: [String: Int] = [:]
    private var lines: [String: ProfilePosition] = [:]

    /// Returns where the section has the key already; else adds it.
    mutating func add(
        _ entry: ProfileNode.Pair, to section: String, at position: ProfilePosition
    ) -> ProfilePosition? {
        let line = "[\(section)] \(entry.key)"
        if let other = lines[line] { return other }
        lines[line] = entry.position
        let index = indices[section] ?? sections.count
        if index == sections.count {
            indices[section] = index
            sections.append((section, position, []))
        }
        sections[index].entries.append(entry)
        return nil
    }

    /// Each section in the order in which it first occurs.
    var pairs: [ProfileNode.Pair] {
        sections.map { section in
            let map = ProfileNode(position: section.position, content: .map(section.entries))
            return .init(key: section.name, position: section.position, value: map)
        }
    }
}

/// The `config` key: config.txt by section.
extension SchemaChecker {
    /// Brings `{arm_boost: 1, pi0: {…}}` into the form section to key to value, with `all` for what has no section.
    mutating func checkConfig(_ node: ProfileNode) -> ProfileNode? {
        guard case .map(let pairs) = node.content else {
            report(node.position, "`config` takes a mapping, not \(node.summary)", hint: "config: {arm_boost: 1}")
            return nil
        }
        var sections = SectionEntries()
        for pair in pairs {
            let isSection = Validation.isConfigSection(pair.key)
            if case .map(let entries) = pair.value.content {
                guard isSection else {
                    reportSection(pair)
                    continue
                }
                for entry in entries { add(entry, to: pair.key, at: pair.position, sections: &sections) }
            } else if isSection {
                guard !pair.value.isNull else { continue }
                report(
                    pair.value.position, "`\(pair.key)` is a section of config.txt and takes a mapping",
                    hint: "\(pair.key): {key: value}")
            } else {
                add(pair, to: "all", at: pair.position, sections: &sections)
            }
        }
        var result = node
        result.content = .map(sections.pairs)
        return result
    }

    private mutating func reportSection(_ pair: ProfileNode.Pair) {
        let near = SchemaSuggestion.nearest(to: pair.key, in: Validation.configSectionNames)
        report(
            pair.position, "config.txt has no section [\(pair.key.shortened)]",
            hint: near.map { "did you mean `\($0)`?" } ?? "all, pi0, pi02, pi4, …, gpio4=1 or 0xSERIAL")
    }

    private mutating func add(
        _ entry: ProfileNode.Pair, to section: String, at position: ProfilePosition, sections: inout SectionEntries
    ) {
        guard checkEntry(entry, section: section) else { return }
        if let other = sections.add(entry, to: section, at: position) {
            report(
                entry.position,
                "`\(entry.key)` is given twice for the section all, first in line \(other.line)",
                hint: "take one of them out")
        }
    }

    private mutating func checkEntry(_ entry: ProfileNode.Pair, section: String) -> Bool {
        do {
            try Validation.configKey(entry.key)
        } catch {
            report([ProfileProblem(entry.position, error)])
            return false
        }
        guard !(section == "all" && entry.key == "gpu_mem") else {
            report(entry.position, "`gpu_mem` has a setting of its own", hint: "gpu_mem: 16, outside of `config`")
            return false
        }
        switch entry.value.content {
        case .map:
            report(entry.value.position, "`\(entry.key)` takes a value, not a mapping")
            return false
        case .scalar(let text, _):
            return entry.value.isNull || checkLine(entry.key, text, at: entry.value.position)
        case .list(let items):
            guard Validation.accumulatingConfigKeys.contains(entry.key) else {
                report(
                    entry.value.position, "of several lines `\(entry.key)=` the firmware takes the last alone",
                    hint: "give one value; lists are for dtoverlay, dtparam and gpio")
                return false
            }
            var isRight = true
            for item in items {
                if let text = item.text, !item.isNull {
                    isRight = checkLine(entry.key, text, at: item.position) && isRight
                } else {
                    report(item.position, "`\(entry.key)` takes a list of values, not \(item.summary)")
                    isRight = false
                }
            }
            return isRight
        }
    }

    private mutating func checkLine(_ key: String, _ value: String, at position: ProfilePosition) -> Bool {
        do {
            try Validation.configLine(key: key, value: value)
            return true
        } catch {
            report([ProfileProblem(position, error)])
            return false
        }
    }
}
