import TestSupport

extension SeededGenerator {
    /// A text of fragments that matter and line ends of all sorts.
    mutating func text(of fragments: [String], lines: ClosedRange<Int> = 0...12) -> String {
        var result = ["", "", "", "\u{FEFF}", "\n", " "].randomElement(using: &self) ?? ""
        for _ in 0..<Int.random(in: lines, using: &self) {
            for _ in 0..<Int.random(in: 0...4, using: &self) {
                result += fragments.randomElement(using: &self) ?? ""
                result += ["", " ", " ", "  ", "\t"].randomElement(using: &self) ?? ""
            }
            result += ["\n", "\n", "\n", "\r\n", "", "\r"].randomElement(using: &self) ?? ""
        }
        return result
    }
}
