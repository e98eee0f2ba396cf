import Readers

/// A JSON value with its keys in the order in which they were given.
private indirect enum JSONText {
    case text(String)
    case number(Int)
    case flag(Bool)
    case list([JSONText])
    case object([(String, JSONText)])

    /// The value over several lines, two blanks a level.
    func printed(indent: String = "") -> String {
        let inner = indent + "  "
        switch self {
        case .text(let text): return JSONValue.quoted(text)
        case .number(let number): return String(number)
        case .flag(let flag): return flag ? "true" : "false"
        case .list(let items):
            if items.allSatisfy({ if case .object = $0 { false } else { true } }) {
                return "[" + items.map { $0.printed() }.joined(separator: ", ") + "]"
            }
            return "[\n" + items.map { inner + $0.printed(indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let pairs):
            guard !pairs.isEmpty else { return "{}" }
            let lines = pairs.map { "\(inner)\(JSONValue.quoted($0.0)): \($0.1.printed(indent: inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        }
    }
}

extension Schema {
    /// The JSON Schema (draft 2020-12) of a profile, the text of profiles/schema.json.
    package static var json: String {
        let slotPattern = "^(cnat|cbridge|plain|p([1-9]|[1-9][0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-2]))$"
        let plainPattern = "^(?!(all|cnat|cbridge|plain|p[0-9]*)$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
        let plain = JSONText.object([
            ("$ref", .text("#/$defs/slot")), ("properties", .object([("role", .object([("const", .text("plain"))]))])),
            ("required", .list([.text("role")])),
        ])
        var properties = profileKeys.map { ($0.name, schema($0)) }
        properties.append(
            (
                "defaults",
                nullable(
                    .object([
                        ("description", .text("Settings of every slot; what a slot says itself comes on top.")),
                        ("$ref", .text("#/$defs/defaults")),
                    ]))
            ))
        properties.append(
            (
                "slots",
                .object([
                    ("description", .text("The slots that exist, each with settings of its own or none.")),
                    ("type", .text("object")),
                    ("minProperties", .number(1)),
                    (
                        "patternProperties",
                        .object([
                            (slotPattern, nullable(.object([("$ref", .text("#/$defs/slot"))]))), (plainPattern, plain),
                        ])
                    ),
                    ("additionalProperties", .flag(false)),
                ])
            ))
        let required = profileKeys.filter(\.isRequired).map { JSONText.text($0.name) } + [.text("slots")]
        let root = JSONText.object([
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            ("title", .text("piforge profile")),
            ("type", .text("object")),
            ("properties", .object(properties)),
            ("required", .list(required)),
            ("additionalProperties", .flag(false)),
            ("$defs", .object([("defaults", object(defaultsKeys)), ("slot", object(slotKeys))])),
        ])
        return root.printed() + "\n"
    }

    private static func nullable(_ schema: JSONText) -> JSONText {
        .object([("anyOf", .list([schema, .object([("type", .text("null"))])]))])
    }

    private static func schema(_ key: SchemaKey) -> JSONText {
        guard case .object(let pairs) = schema(key.type) else { return .object([]) }
        return .object([("description", .text(key.doc))] + pairs)
    }

    private static func object(_ keys: [SchemaKey]) -> JSONText {
        var pairs: [(String, JSONText)] = [
            ("type", .text("object")),
            ("properties", .object(keys.map { ($0.name, schema($0)) })),
        ]
        let required = keys.filter(\.isRequired)
        if !required.isEmpty { pairs.append(("required", .list(required.map { .text($0.name) }))) }
        let alternatives = keys.filter(\.isAlternative).map { key in
            JSONText.object([("required", .list([.text(key.name)]))])
        }
        if !alternatives.isEmpty { pairs.append(("oneOf", .list(alternatives))) }
        pairs.append(("additionalProperties", .flag(false)))
        return .object(pairs)
    }

    private static func schema(_ type: SchemaType) -> JSONText {
        switch type {
        case .boolean: return .object([("type", .text("boolean"))])
        case .integer(let range) where range.count == 1: return .object([("const", .number(range.lowerBound))])
        case .integer(let range):
            return .object([
                ("type", .text("integer")), ("minimum", .number(range.lowerBound)),
                ("maximum", .number(range.upperBound)),
            ])
        case .text(let format):
            // An editor reads `owner: 0` and `mode: 0644` as numbers, the decoder reads what is written.
            let isNumeric = ["owner", "octal mode"].contains(format.name)
            var pairs: [(String, JSONText)] = [
                ("type", isNumeric ? .list([.text("string"), .text("integer")]) : .text("string"))
            ]
            if let pattern = format.pattern { pairs.append(("pattern", .text(pattern))) }
            if !format.values.isEmpty { pairs.append(("enum", .list(format.values.map { .text($0) }))) }
            return .object(pairs)
        case .list(let element): return .object([("type", .text("array")), ("items", schema(element))])
        case .textOrList(let format):
            return .object([("anyOf", .list([schema(.text(format)), schema(.list(.text(format)))]))])
        case .object(let keys): return object(keys)
        case .objectOrFirst(let keys):
            return .object([("anyOf", .list(keys.prefix(1).map { schema($0.type) } + [object(keys)]))])
        case .booleanOr(let keys): return .object([("anyOf", .list([schema(.boolean), object(keys)]))])
        case .map(let key, let value):
            return .object([
                ("type", .text("object")),
                ("propertyNames", .object([("pattern", .text(key.pattern ?? ""))])),
                ("additionalProperties", schema(value)),
            ])
        case .config: return config
        case .json: return .object([("type", .text("object"))])
        }
    }

    /// `config`: values at the first level belong to the section `all`.
    private static var config: JSONText {
        let line = JSONText.list([.text("string"), .text("number"), .text("null")])
        let values = JSONText.object([("type", .list([.text("string"), .text("number")]))])
        let list = JSONText.object([("type", .text("array")), ("items", values)])
        let entry = JSONText.object([("anyOf", .list([.object([("type", line)]), list]))])
        let section = JSONText.object([("type", .text("object")), ("additionalProperties", entry)])
        return .object([
            ("type", .text("object")),
            ("additionalProperties", .object([("anyOf", .list([.object([("type", line)]), list, section]))])),
        ])
    }
}
