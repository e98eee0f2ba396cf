/// The fields of one paragraph of a control file (deb822(5)), by their names in small letters.
package struct ControlFields: Equatable, Sendable {
    private var values: [String: String] = [:]

    package init() {}

    package subscript(_ name: String) -> String? { values[name] }
    package var isEmpty: Bool { values.isEmpty }

    /// The first paragraph of a text.
    package init(_ text: String) {
        self.init()
        Self.forEach(in: Array(text.utf8)) { fields in
            if isEmpty { self = fields }
        }
    }

    /// Hands out each paragraph. Lines that go on are joined by a newline; what is no field is left out. With `names` (in
    /// small letters) all other fields are, too, which costs less.
    package static func forEach(in bytes: [UInt8], names: Set<String>? = nil, _ visit: (ControlFields) -> Void) {
        var fields = ControlFields()
        var open: String?
        func finish() {
            if !fields.isEmpty { visit(fields) }
            fields = ControlFields()
            open = nil
        }
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
                finish()
            } else if line.first == 0x20 || line.first == 0x09 {
                guard let name = open else { continue }
                fields.values[name, default: ""] += "\n" + text(line)
            } else if let colon = line.firstIndex(of: 0x3A), colon > line.startIndex {
                let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
                open = names?.contains(name) ?? true ? name : nil
                if open != nil { fields.values[name] = text(line[(colon + 1)...]) }
            } else {
                open = nil
            }
        }
        finish()
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }
        var part = bytes.drop(while: isBlank)
        while let last = part.last, isBlank(last) { part.removeLast() }
        return String(decoding: part, as: UTF8.self)
    }
}
