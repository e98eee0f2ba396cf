/// What a part of a JSON document looks like, for its schema (JSON Schema, draft 2020-12).
indirect enum Shape: Encodable, Sendable {
    case text
    /// 64 lower-case hexadecimal digits.
    case digest
    /// A number of bytes or things, which is not negative.
    case count
    case integer
    case flag
    case choice([String])
    case list(Shape)
    case either([Shape])
    /// The shape, or null.
    case nullable(Shape)
    case null
    case object([Field])
    /// Exactly this text.
    case constant(String)

    /// A member of an object.
    struct Field: Sendable {
        let name: String
        let shape: Shape
        let doc: String
        let isRequired: Bool

        /// One that is always there.
        static func always(_ name: String, _ shape: Shape, _ doc: String) -> Field {
            Field(name: name, shape: shape, doc: doc, isRequired: true)
        }

        /// One that is left out where there is nothing to say.
        static func maybe(_ name: String, _ shape: Shape, _ doc: String) -> Field {
            Field(name: name, shape: shape, doc: doc, isRequired: false)
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ text: String) { stringValue = text }
        init?(stringValue: String) { self.init(stringValue) }
        init?(intValue: Int) { nil }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch self {
        case .text: try container.encode("string", forKey: Key("type"))
        case .digest:
            try container.encode("string", forKey: Key("type"))
            try container.encode("^[0-9a-f]{64}$", forKey: Key("pattern"))
        case .count:
            try container.encode("integer", forKey: Key("type"))
            try container.encode(0, forKey: Key("minimum"))
        case .integer: try container.encode("integer", forKey: Key("type"))
        case .null: try container.encode("null", forKey: Key("type"))
        case .flag: try container.encode("boolean", forKey: Key("type"))
        case .choice(let words): try container.encode(words, forKey: Key("enum"))
        case .list(let element):
            try container.encode("array", forKey: Key("type"))
            try container.encode(element, forKey: Key("items"))
        case .either(let shapes): try container.encode(shapes, forKey: Key("anyOf"))
        case .nullable(let shape): try container.encode([shape, .null], forKey: Key("anyOf"))
        case .constant(let text): try container.encode(text, forKey: Key("const"))
        case .object(let fields): try encode(fields, to: &container)
        }
    }

    private func encode(_ fields: [Field], to container: inout KeyedEncodingContainer<Key>) throws {
        try container.encode("object", forKey: Key("type"))
        try container.encode(fields.filter(\.isRequired).map(\.name), forKey: Key("required"))
        var properties = container.nestedContainer(keyedBy: Key.self, forKey: Key("properties"))
        for field in fields {
            let encoder = properties.superEncoder(forKey: Key(field.name))
            try field.shape.encode(to: encoder)
            var property = encoder.container(keyedBy: Key.self)
            try property.encode(field.doc, forKey: Key("description"))
        }
    }
}
