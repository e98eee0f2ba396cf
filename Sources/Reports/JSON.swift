import FoundationEssentials

/// JSON as every part of piforge writes it: sorted keys, two-space indentation, slashes left alone, a final newline.
///
/// No character in it controls a terminal: those that are not ASCII's are written as `\u009B`, too (RFC 8259, section 7).
package enum JSON {
    package static func encode(_ value: some Encodable, indented: Bool = true) throws(ForgeError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting =
            indented ? [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes] : [.sortedKeys, .withoutEscapingSlashes]
        do {
            return escaped(Array(try encoder.encode(value))) + [0x0A]
        } catch {
            throw ForgeError(.bug, "could not encode JSON: \(error)")
        }
    }

    /// Outside of texts there is nothing but ASCII.
    private static func escaped(_ bytes: [UInt8]) -> [UInt8] {
        guard bytes.contains(where: { $0 >= 0x7F }) else { return bytes }
        var result: [UInt8] = []
        for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
            guard scalar.value >= 0x7F, scalar.isControl else {
                result += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
                continue
            }
            for unit in UTF16.encode(scalar) ?? UTF16.encodedReplacementCharacter {
                let digits = String(unit, radix: 16)
                result += Array("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
            }
        }
        return result
    }
}
