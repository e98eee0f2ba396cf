import FoundationEssentials

/// JSON as every part of piforge writes it: sorted keys, two-space indentation, slashes left alone, a final newline.
package enum JSON {
    package static func encode(_ value: some Encodable, indented: Bool = true) throws(ForgeError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            indented ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value)) + [0x0A]
        } catch {
            throw ForgeError(.bug, "could not encode JSON: \(error)")
        }
    }
}
