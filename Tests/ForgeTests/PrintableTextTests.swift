import Foundation
import Reports
import Testing

/// What of a text reaches a terminal, and what JSON keeps of it.
struct PrintableTextTests {
    @Test(
        "controls become visible, all else stays",
        arguments: [
            ("plain ~ text", "plain ~ text"), ("grün 🍓 é", "grün 🍓 é"), ("a\tb", "a\tb"), ("a\nb", #"a\nb"#),
            ("\u{1B}[31mred\u{7}", #"\x1B[31mred\x07"#), ("\r\u{0}\u{7F}", #"\x0D\x00\x7F"#),
            ("\u{9B}2J\u{85}", #"\u{9B}2J\u{85}"#), ("\u{202E}exe.\u{2066}", #"\u{202E}exe.\u{2066}"#),
            ("\u{200B}\u{FEFF}\u{AD}\u{2028}\u{E0041}", #"\u{200B}\u{FEFF}\u{AD}\u{2028}\u{E0041}"#),
        ])
    func printable(_ text: String, _ expected: String) {
        #expect(text.printable() == expected)
        #expect(text.printable(keepingLines: true) == expected.replacing(#"\n"#, with: "\n"))
    }

    @Test("a line break in CR LF stays alone") func lines() {
        #expect("a\r\nb".printable(keepingLines: true) == "a\\x0D\nb")
    }

    @Test("JSON is without them and loses nothing") func json() throws {
        let texts = (0..<0x3000).compactMap { Unicode.Scalar($0).map { "a\($0)b" } } + ["\u{E0041}\u{1F353}"]
        let bytes = try JSON.encode(texts)
        let controls = String(decoding: bytes, as: UTF8.self).unicodeScalars.filter {
            [.control, .format, .lineSeparator, .paragraphSeparator].contains($0.properties.generalCategory)
        }
        #expect(controls.allSatisfy { $0 == "\n" })
        let found = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String]
        #expect(found?.map { Array($0.unicodeScalars) } == texts.map { Array($0.unicodeScalars) })
    }
}
