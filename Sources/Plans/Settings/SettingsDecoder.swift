/// Makes layers of nodes that the schema has checked; reads the files they name and checks what holds between keys.
struct SettingsDecoder {
    let files: any ProfileFiles
    var problems: [ProfileProblem] = []
    /// Bytes of the user's files that were read so far.
    var byteCount = 0

    /// Bytes of a file with keys or a passphrase.
    private static let smallFileLimit = 1 << 20

    init(files: any ProfileFiles) { self.files = files }

    mutating func report(_ position: ProfilePosition, _ message: String, hint: String? = nil) {
        problems.append(ProfileProblem(position, message, hint: hint))
    }

    /// The layer that a mapping of settings stands for.
    mutating func layer(_ node: ProfileNode, keys: [SchemaKey]) -> SettingsLayer {
        var entries: [SettingsLayer.Entry] = []
        decode(node, keys: keys, prefix: "", into: &entries)
        checkPairs(node)
        // Merged into nothing, so that doubles inside one place are dropped too.
        var layer = SettingsLayer()
        layer.merge(SettingsLayer(entries: entries))
        return layer
    }

    private mutating func decode(
        _ node: ProfileNode, keys: [SchemaKey], prefix: String, into entries: inout [SettingsLayer.Entry]
    ) {
        for pair in node.pairs {
            guard let key = keys.first(where: { $0.name == pair.key }) else { continue }
            let path = prefix + key.name
            switch path {
            case "authorized_keys_files": entries += pair.value.items.flatMap { keyLines(in: $0) }
            case "wifi.psk_file": entries += passphrase(in: pair.value)
            case "files": entries += fileEntries(pair.value.items)
            case "hosts": entries += hosts(pair.value)
            case "config": entries += config(pair.value)
            default:
                if case .object(let inner) = key.type {
                    decode(pair.value, keys: inner, prefix: path + ".", into: &entries)
                } else {
                    entries += values(pair.value, path: path, type: key.type)
                }
            }
        }
    }

    private func values(_ node: ProfileNode, path: String, type: SchemaType) -> [SettingsLayer.Entry] {
        func entry(_ value: SettingValue) -> [SettingsLayer.Entry] {
            [SettingsLayer.Entry(key: path, value: value, position: node.position)]
        }
        switch type {
        case .boolean: return entry(.boolean(node.text == "true"))
        case .integer: return node.text.flatMap { Int($0) }.map { entry(.integer($0)) } ?? []
        case .text: return node.text.map { entry(.text($0)) } ?? []
        case .list(let element): return node.items.flatMap { values($0, path: path, type: element) }
        case .object, .map, .config: return []
        }
    }

    private func hosts(_ node: ProfileNode) -> [SettingsLayer.Entry] {
        node.pairs.flatMap { pair in
            pair.value.items.compactMap { item in
                item.text.map {
                    SettingsLayer.Entry(
                        key: "hosts", value: .host(address: pair.key, name: $0), position: item.position)
                }
            }
        }
    }

    private func config(_ node: ProfileNode) -> [SettingsLayer.Entry] {
        node.pairs.flatMap { section in
            section.value.pairs.flatMap { pair -> [SettingsLayer.Entry] in
                func entry(_ value: String?, _ position: ProfilePosition) -> SettingsLayer.Entry {
                    let value = SettingValue.config(section: section.key, key: pair.key, value: value)
                    return SettingsLayer.Entry(key: "config", value: value, position: position)
                }
                if pair.value.isNull { return [entry(nil, pair.position)] }
                if let text = pair.value.text { return [entry(text, pair.value.position)] }
                return pair.value.items.map { entry($0.text, $0.position) }
            }
        }
    }
}

// MARK: - Files with one purpose

extension SettingsDecoder {
    private mutating func keyLines(in node: ProfileNode) -> [SettingsLayer.Entry] {
        guard let path = node.text, let bytes = readSmall(path, at: node.position) else { return [] }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            report(
                node.position, "\(files.resolve(path)) is not a text of UTF-8", hint: "use the file that ends in .pub")
            return []
        }
        guard !text.contains("PRIVATE KEY") else {
            report(
                node.position, "\(files.resolve(path)) is a private key: it must never leave your machine",
                hint: "\(path).pub")
            return []
        }
        var entries: [SettingsLayer.Entry] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let line = line.withoutBlanks
            guard !line.isEmpty, !line.hasPrefix("#") else { continue }
            let position = ProfilePosition(file: files.resolve(path), line: index + 1, column: 1)
            do {
                try Validation.authorizedKey(line)
                entries.append(.init(key: "authorized_keys", value: .text(line), position: position))
            } catch {
                report(
                    position, error.message,
                    hint: (error.hint.map { $0 + "; " } ?? "") + "the file is named by \(node.position)")
            }
        }
        if entries.isEmpty, problems.last?.file != files.resolve(path) {
            report(node.position, "\(files.resolve(path)) holds no public key")
        }
        return entries
    }

    private mutating func passphrase(in node: ProfileNode) -> [SettingsLayer.Entry] {
        guard let path = node.text, let bytes = readSmall(path, at: node.position) else { return [] }
        let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
        guard let text = String(validating: line, as: UTF8.self) else {
            report(node.position, "\(files.resolve(path)) is not a text of UTF-8")
            return []
        }
        do {
            try Validation.psk(text)
            return [.init(key: "wifi.psk", value: .text(text), position: node.position)]
        } catch {
            report(node.position, "\(files.resolve(path)): \(error.message)", hint: error.hint)
            return []
        }
    }

    private mutating func readSmall(_ path: String, at position: ProfilePosition) -> [UInt8]? {
        do {
            return try files.read(path, limit: Self.smallFileLimit)
        } catch {
            report(position, "could not read \(files.resolve(path)): \(error.reason)")
            return nil
        }
    }
}

// MARK: - What holds between keys

extension SettingsDecoder {
    /// Contradictions inside one place; between places the upper one wins.
    private mutating func checkPairs(_ node: ProfileNode) {
        if let wifi = node["wifi"], wifi["psk"] != nil, let file = wifi["psk_file"] {
            report(file.position, "`psk` and `psk_file` are both given", hint: "take one of them out")
        }
        checkArguments(node["kernel_arguments"])
        var units: [String: String] = [:]
        for verb in ["enable", "disable", "mask"] {
            for item in node["units"]?[verb]?.items ?? [] {
                guard let name = item.text else { continue }
                if let other = units[name], other != verb {
                    report(item.position, "the unit `\(name)` is listed under `\(other)` and `\(verb)`")
                }
                units[name] = verb
            }
        }
    }

    private mutating func checkArguments(_ node: ProfileNode?) {
        let set = node?["set"]?.items ?? []
        for (index, item) in set.enumerated() {
            guard let argument = item.text, Validation.kernelKey(argument) != "console" else { continue }
            let rival = set[..<index].first { other in
                guard let text = other.text else { return false }
                return text != argument && Validation.kernelKey(text) == Validation.kernelKey(argument)
            }
            if let rival {
                report(
                    item.position,
                    "`\(argument)` and `\(rival.text ?? "")` (line \(rival.position.line)) set the same kernel argument"
                )
            }
        }
        for removed in node?["remove"]?.items ?? [] {
            guard let text = removed.text else { continue }
            for item in set {
                guard let argument = item.text else { continue }
                if argument == text || Validation.kernelKey(argument) == text {
                    report(
                        removed.position, "`\(argument)` is both set and removed",
                        hint: "`set` replaces what has the same key by itself")
                }
            }
        }
    }
}

extension Substring {
    /// Without blanks and tabs at both ends.
    var withoutBlanks: String {
        let head = drop { $0 == " " || $0 == "\t" }
        return String(head.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
