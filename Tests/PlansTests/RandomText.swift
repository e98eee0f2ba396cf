/// SplitMix64, so that a seed in a test's name tells everything.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

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
