extension Schema {
    /// What stands before and after the generated part of docs/profile.md.
    package static let referenceStart = "<!-- keys: generated from Sources/Plans/Settings -->"
    package static let referenceEnd = "<!-- end of keys -->"

    /// The reference of all keys in Markdown, generated from the table.
    package static var reference: String {
        let groups: [(title: String, keys: [SchemaKey])] = [
            ("At the top of the profile", profileKeys),
            ("In `defaults` and in each slot", settingsKeys),
        ]
        return groups.map { group in
            var lines = ["### \(group.title)", "", "| key | value | what it does | example |", "|---|---|---|---|"]
            lines += rows(group.keys, below: "")
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private static func rows(_ keys: [SchemaKey], below prefix: String) -> [String] {
        keys.flatMap { key -> [String] in
            var notes = key.doc
            if key.isRequired { notes += " Required." }
            if key.scope.contains(.slot), !key.scope.contains(.defaults) { notes += " In a slot alone." }
            if key.isSecret { notes += " Never printed." }
            let inner: [SchemaKey] =
                switch key.type {
                case .object(let keys), .objectOrFirst(let keys), .booleanOr(let keys): keys
                case .list(.object(let keys)): keys
                default: []
                }
            let isList = if case .list = key.type { true } else { false }
            let example = key.example.isEmpty || key.example.utf8.count > 60 ? "" : code(key.example)
            let row = "| `\(prefix)\(key.name)` | \(escaped(describe(key.type))) | \(escaped(notes)) | \(example) |"
            return [row] + rows(inner, below: prefix + key.name + (isList ? "[]." : "."))
        }
    }

    private static func describe(_ type: SchemaType) -> String {
        switch type {
        case .boolean: "true or false"
        case .integer(let range) where range.count == 1: "\(range.lowerBound)"
        case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
        case .text(let format):
            format.values.isEmpty ? format.name : format.values.map { "`\($0)`" }.joined(separator: " or ")
        case .list(.object): "list of mappings"
        case .list(.text(let format)): "list: \(format.name)"
        case .list: "list"
        case .textOrList(let format): "\(format.name), or list of some"
        case .object: "mapping"
        case .objectOrFirst(let keys): "mapping, or \(keys.first.map { "its `\($0.name)` alone" } ?? "")"
        case .booleanOr: "true or false, or mapping"
        case .map(let key, .text(let format)): "mapping: \(key.name) to \(format.name)"
        case .map(let key, _): "mapping: \(key.name) to list"
        case .config, .json: "mapping"
        }
    }

    private static func code(_ text: String) -> String { "`\(escaped(text))`" }

    /// A bar would end a table's cell.
    private static func escaped(_ text: String) -> String {
        String(text.flatMap { $0 == "|" ? "\\|" : String($0) })
    }
}
