/// The 32 random bytes from which every key and id of a cluster is derived.
///
/// Whoever has them has the host keys of all slots, so they are never printed, not even by a debugger's `dump`.
package struct IdentitySecret: Equatable, Sendable {
    package static let byteCount = 32

    let bytes: [UInt8]

    /// `nil` unless there are exactly 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads the file that `piforge identity new` writes: 64 hexadecimal digits on one line; empty lines and lines that
    /// begin with `#` do not count.
    package init(fileText text: String) throws(IdentityError) {
        let lines = text.split(whereSeparator: \.isNewline).map(\.withoutSurroundingBlanks)
            .filter { !$0.isEmpty && !$0.hasPrefix("#") }
        guard let line = lines.first else { throw .secretIsEmpty }
        guard lines.count == 1, let bytes = Self.bytes(hex: line) else { throw .secretIsNoHex(lineCount: lines.count) }
        guard bytes.count == Self.byteCount else { throw .secretHasWrongSize(digitCount: line.utf8.count) }
        // Nobody draws the same byte 32 times; somebody may well have typed a placeholder.
        guard Set(bytes).count > 1 else { throw .secretIsNotRandom }
        self.bytes = bytes
    }

    /// The text of the file: 64 lower-case hexadecimal digits and a line feed.
    package var fileText: String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\n"
    }

    private static func bytes(hex text: String) -> [UInt8]? {
        let digits = text.map { $0.isASCII ? $0.hexDigitValue.flatMap(UInt8.init(exactly:)) : nil }
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }
}

extension IdentitySecret: CustomStringConvertible, CustomReflectable {
    package var description: String { "(secret)" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

extension Substring {
    fileprivate var withoutSurroundingBlanks: String {
        let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        return String(String(drop(while: isBlank)).reversed().drop(while: isBlank).reversed())
    }
}
