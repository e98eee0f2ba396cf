/// A name in a folder, compared by its bytes as file systems do.
///
/// For Swift's `String`, an é of one code point equals one of two, and a combining mark after `/` is a part of that
/// character.
package struct FileName: Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }
}

extension FileName: Hashable {
    package static func == (a: FileName, b: FileName) -> Bool {
        a.text.utf8.count == b.text.utf8.count && a.text.utf8.elementsEqual(b.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // The end of a name is a byte that no UTF-8 has.
        hasher.combine(0xFF as UInt8)
    }
}

extension FileName: Comparable {
    package static func < (a: FileName, b: FileName) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }
}

extension String {
    /// Whether the first byte is `/`.
    package var isAbsolutePath: Bool { utf8.first == 0x2F }

    /// What stands between the bytes `/`; nothing for two of them in a row.
    package var pathComponents: [String] { utf8.split(separator: 0x2F).map { String(decoding: $0, as: UTF8.self) } }
}

extension Sequence<FileName> {
    /// The names in the order of their bytes.
    package func sortedTexts() -> [String] { sorted().map(\.text) }
}
