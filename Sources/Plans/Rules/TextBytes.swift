/// A lossless passage between a file's bytes and a `String`.
///
/// Bytes that are no UTF-8 become U+10FF00 plus the byte, a private use area that no text of an image is known to
/// use; a file that does hold those characters has their bytes passed one by one. So every file comes back byte for
/// byte, and rules can edit the lines around a stray Latin-1 letter.
enum TextBytes {
    private static let escapeBase: UInt32 = 0x10FF00

    static func decode(_ bytes: [UInt8]) -> String {
        if let text = String(validating: bytes, as: UTF8.self), !text.unicodeScalars.contains(where: isEscape) {
            return text
        }
        // Bytes, not scalars: a String that grows by single scalars copies itself each time.
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        var parser = Unicode.UTF8.ForwardParser()
        var source = bytes.makeIterator()
        var position = 0
        while true {
            switch parser.parseScalar(from: &source) {
            case .valid(let encoded):
                if isEscape(Unicode.UTF8.decode(encoded)) {
                    for byte in encoded { escape(byte, into: &text) }
                } else {
                    text.append(contentsOf: encoded)
                }
                position += encoded.count
            case .error(let length):
                for byte in bytes[position..<min(position + length, bytes.count)] { escape(byte, into: &text) }
                position += length
            case .emptyInput:
                return String(decoding: text, as: UTF8.self)
            }
        }
    }

    static func encode(_ text: String) -> [UInt8] {
        guard text.unicodeScalars.contains(where: isEscape) else { return Array(text.utf8) }
        return text.unicodeScalars.flatMap { scalar in
            isEscape(scalar) ? [UInt8(truncatingIfNeeded: scalar.value)] : Array(String(scalar).utf8)
        }
    }

    private static func isEscape(_ scalar: Unicode.Scalar) -> Bool { scalar.value & 0xFFFF00 == escapeBase }

    /// Appends U+10FF00 plus the byte in UTF-8, which is F4 8F and two bytes that hold its upper two and lower six bits.
    private static func escape(_ byte: UInt8, into text: inout [UInt8]) {
        text += [0xF4, 0x8F, 0xBC | byte >> 6, 0x80 | byte & 0x3F]
    }
}
