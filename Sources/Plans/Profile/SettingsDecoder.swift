/// Makes layers of nodes that the schema has checked. Each setting decodes its own keys; what they share is here.
struct SettingsDecoder {
    let files: any ProfileFiles
    private(set) var problems: [ProfileProblem] = []
    /// Bytes of the user's files that were read so far.
    var byteCount = 0

    /// Bytes of a file with keys, a passphrase or another short text.
    private static let smallFileLimit = 1 << 20

    init(files: any ProfileFiles) { self.files = files }

    mutating func report(_ position: ProfilePosition, _ message: String, hint: String? = nil) {
        problems.append(ProfileProblem(position, message, hint: hint))
    }

    /// The layer that a mapping stands for; its keys that belong to no setting are left out.
    mutating func layer(_ node: ProfileNode) -> SettingsLayer {
        var layer = SettingsLayer()
        for pair in node.pairs {
            guard let row = Settings.byKey[pair.key] else { continue }
            if row.setting.takesOneKey, let first = node.pairs.first(where: { row.setting.has($0.key) }),
                first.key != pair.key
            {
                report(
                    pair.position, "`\(first.key)` and `\(pair.key)` are both given", hint: "take one of them out")
            }
            layer.add(row.setting.decode(pair.value, row.key, &self), of: row.setting)
        }
        return layer
    }

    /// The entries of a node of a type that needs no code of its own; `path` is the dotted key.
    static func entries(_ node: ProfileNode, path: String, type: SchemaType) -> [SettingsLayer.Entry] {
        func entry(_ value: SettingValue) -> [SettingsLayer.Entry] {
            [SettingsLayer.Entry(key: path, value: value, position: node.position)]
        }
        switch type {
        case .boolean: return entry(.boolean(node.text == "true"))
        case .booleanOr(let keys):
            if case .map = node.content { return entries(node, path: path, type: .object(keys)) }
            return entry(.boolean(node.text == "true"))
        case .integer: return node.text.flatMap { Int($0) }.map { entry(.integer($0)) } ?? []
        case .text: return node.text.map { entry(.text($0)) } ?? []
        case .textOrList(let format):
            return node.items.isEmpty
                ? entries(node, path: path, type: .text(format)) : entries(node, path: path, type: .list(.text(format)))
        case .list(let element): return node.items.flatMap { entries($0, path: path, type: element) }
        case .object(let keys), .objectOrFirst(let keys):
            return node.pairs.flatMap { pair in
                guard let key = keys.first(where: { $0.name == pair.key }) else { return [SettingsLayer.Entry]() }
                return entries(pair.value, path: "\(path).\(key.name)", type: key.type)
            }
        case .map, .config, .json: return []
        }
    }
}

// MARK: - Small files

extension SettingsDecoder {
    /// The bytes of a small file that a node names; nil, and a report, when it cannot be read.
    mutating func bytes(of node: ProfileNode) -> [UInt8]? {
        guard let path = node.text else { return nil }
        do {
            return try files.read(path, limit: Self.smallFileLimit)
        } catch {
            report(node.position, "could not read \(files.resolve(path)): \(error.reason)")
            return nil
        }
    }

    /// The first line of a small file that a node names, which must pass a check; nil, and a report, else.
    mutating func firstLine(
        of node: ProfileNode, check: (String) throws(Refusal) -> Void
    ) -> String? {
        guard let path = node.text, let bytes = bytes(of: node) else { return nil }
        guard let text = String(validating: bytes.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self) else {
            report(node.position, "\(files.resolve(path)) is not a text of UTF-8")
            return nil
        }
        do {
            try check(text)
            return text
        } catch {
            report(node.position, "\(files.resolve(path)): \(error.message)", hint: error.hint)
            return nil
        }
    }
}

extension Substring {
    /// Without blanks and tabs at both ends.
    package var withoutBlanks: String {
        let head = drop { $0 == " " || $0 == "\t" }
        return String(head.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
