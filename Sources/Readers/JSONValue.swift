/// A value of JSON (RFC 8259), as a program of an image gets it; the members of an object keep their order.
package indirect enum JSONValue: Equatable, Sendable {
    case null
    case boolean(Bool)
    /// As it is written.
    case number(String)
    case text(String)
    case list([JSONValue])
    case object([Member])

    package struct Member: Equatable, Sendable {
        package var name: String
        package var value: JSONValue

        package init(_ name: String, _ value: JSONValue) {
            self.name = name
            self.value = value
        }
    }

    /// Lists and objects inside each other; no configuration has as many.
    private static let depthLimit = 64

    /// Nil for bytes that are no JSON, or nested too deep.
    package init?(_ bytes: [UInt8]) {
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var parser = Parser(bytes: bytes)
        parser.skipBlanks()
        guard let value = parser.value(depth: Self.depthLimit) else { return nil }
        parser.skipBlanks()
        guard parser.isAtEnd else { return nil }
        self = value
    }

    package var members: [Member] { if case .object(let members) = self { members } else { [] } }
    package var items: [JSONValue] { if case .list(let items) = self { items } else { [] } }
    package var text: String? { if case .text(let text) = self { text } else { nil } }

    /// The value of a member; of several with one name the last, as Go's encoding/json takes it.
    package subscript(name: String) -> JSONValue? { members.last { $0.name == name }?.value }

    // MARK: Writing

    /// Over several lines, two blanks a level; without a line's end.
    package var printed: String { printed(indent: "") }

    /// On one line.
    package var summary: String {
        switch self {
        case .list(let items): "[" + items.map(\.summary).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(Self.quoted($0.name)): \($0.value.summary)" }.joined(separator: ", ") + "}"
        default: printed
        }
    }

    private func printed(indent: String) -> String {
        let inner = indent + "  "
        switch self {
        case .null: return "null"
        case .boolean(let flag): return flag ? "true" : "false"
        case .number(let digits): return digits
        case .text(let text): return Self.quoted(text)
        case .list(let items):
            if items.isEmpty { return "[]" }
            return "[\n" + items.map { inner + $0.printed(indent: inner) }.joined(separator: ",\n") + "\n\(indent)]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let lines = members.map { "\(inner)\(Self.quoted($0.name)): \($0.value.printed(indent: inner))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(indent)}"
        }
    }

    /// A string of RFC 8259, section 7.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

// MARK: - Reading

/// Reads one value after the other; nil where the text breaks the grammar.
private struct Parser {
    let bytes: [UInt8]
    var index = 0

    var isAtEnd: Bool { index == bytes.count }
    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    mutating func skipBlanks() {
        while let byte = next, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { index += 1 }
    }

    private mutating func take(_ byte: Character) -> Bool {
        guard next == byte.asciiValue else { return false }
        index += 1
        return true
    }

    private mutating func take(word: String) -> Bool {
        guard bytes[index...].starts(with: word.utf8) else { return false }
        index += word.utf8.count
        return true
    }

    mutating func value(depth: Int) -> JSONValue? {
        guard depth > 0, let byte = next else { return nil }
        switch byte {
        case UInt8(ascii: "{"): return object(depth: depth - 1)
        case UInt8(ascii: "["): return list(depth: depth - 1)
        case UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "t"): return take(word: "true") ? .boolean(true) : nil
        case UInt8(ascii: "f"): return take(word: "false") ? .boolean(false) : nil
        case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONValue? {
        var members: [JSONValue.Member] = []
        index += 1
        skipBlanks()
        if take("}") { return .object([]) }
        repeat {
            skipBlanks()
            guard next == UInt8(ascii: "\""), let name = text() else { return nil }
            skipBlanks()
            guard take(":") else { return nil }
            skipBlanks()
            guard let value = value(depth: depth) else { return nil }
            members.append(.init(name, value))
            skipBlanks()
        } while take(",")
        return take("}") ? .object(members) : nil
    }

    private mutating func list(depth: Int) -> JSONValue? {
        var items: [JSONValue] = []
        index += 1
        skipBlanks()
        if take("]") { return .list([]) }
        repeat {
            skipBlanks()
            guard let value = value(depth: depth) else { return nil }
            items.append(value)
            skipBlanks()
        } while take(",")
        return take("]") ? .list(items) : nil
    }

    private mutating func number() -> JSONValue? {
        let start = index
        while let byte = next, JSONValue.numberBytes.contains(byte) { index += 1 }
        let text = String(decoding: bytes[start..<index], as: UTF8.self)
        return JSONValue.isNumber(text) ? .number(text) : nil
    }

    private mutating func text() -> String? {
        index += 1
        var units: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: units, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escaped() else { return nil }
                units += Array(String(Character(scalar)).utf8)
            case 0..<0x20: return nil
            default: units.append(byte)
            }
        }
        return nil
    }

    /// What stands after a backslash; halves of a pair that have no other half become U+FFFD, as Go has it.
    private mutating func escaped() -> Unicode.Scalar? {
        guard let byte = next else { return nil }
        index += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            guard let unit = hexadecimal() else { return nil }
            if let scalar = Unicode.Scalar(unit) { return scalar }
            let start = index
            if unit < 0xDC00, take("\\"), take("u"), let low = hexadecimal(), (0xDC00..<0xE000).contains(low) {
                return Unicode.Scalar(0x10000 + (unit - 0xD800) << 10 + (low - 0xDC00))
            }
            index = start
            return "\u{FFFD}"
        default: return nil
        }
    }

    private mutating func hexadecimal() -> UInt32? {
        guard index + 4 <= bytes.count else { return nil }
        let digits = bytes[index..<index + 4]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        index += 4
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}

extension JSONValue {
    fileprivate static let numberBytes = Set("0123456789+-.eE".utf8)

    /// Whether a text is a number of JSON: no leading zero, digits on both sides of the point.
    package static func isNumber(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        func digits(_ rest: inout ArraySlice<UInt8>) -> Int {
            let count = rest.prefix { (0x30...0x39).contains($0) }.count
            rest = rest.dropFirst(count)
            return count
        }
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let isZero = rest.first == UInt8(ascii: "0")
        let whole = digits(&rest)
        if whole == 0 || isZero && whole > 1 { return false }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst()
            if digits(&rest) == 0 { return false }
        }
        if let byte = rest.first, byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            rest = rest.dropFirst()
            if let sign = rest.first, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { rest = rest.dropFirst() }
            if digits(&rest) == 0 { return false }
        }
        return rest.isEmpty
    }
}
