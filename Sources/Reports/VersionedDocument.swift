/// A document with the name and version of its schema in it: `"schema": "piforge/build/1"`.
///
/// A version may gain fields; what a field means, and that it is there, stays.
package struct VersionedDocument<Content: Encodable>: Encodable {
    private let content: Content
    private let schema: String

    package init(_ content: Content, schema: String) {
        self.content = content
        self.schema = schema
    }

    private enum CodingKeys: String, CodingKey { case schema }

    package func encode(to encoder: any Encoder) throws {
        try content.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(schema, forKey: .schema)
    }
}
