extension String {
    /// The text as a terminal may get it: names and contents of images, archives and profiles can hold sequences that
    /// move its cursor, retitle it or turn what follows around.
    ///
    /// Characters that control or format (Unicode categories Cc, Cf, Zl and Zp) become `\x1B` or `\u{202E}`. Tabs stay,
    /// and line breaks with `keepingLines`.
    package func printable(keepingLines: Bool = false) -> String {
        let mustGo = { (scalar: Unicode.Scalar) in
            scalar.isControl && scalar != "\t" && !(keepingLines && scalar == "\n")
        }
        guard unicodeScalars.contains(where: mustGo) else { return self }
        var result = ""
        for scalar in unicodeScalars {
            if mustGo(scalar) {
                result += scalar.escape
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}

extension Unicode.Scalar {
    /// Whether a terminal takes it for something else than a sign to show.
    var isControl: Bool {
        // All of ASCII is decided without the tables.
        if value < 0x7F { return value < 0x20 }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: return true
        default: return false
        }
    }

    fileprivate var escape: String {
        if self == "\n" { return "\\n" }
        let digits = String(value, radix: 16, uppercase: true)
        return value < 0x80 ? "\\x" + String(repeating: "0", count: 2 - digits.count) + digits : "\\u{\(digits)}"
    }
}
