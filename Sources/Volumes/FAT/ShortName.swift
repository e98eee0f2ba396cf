/// An 8.3 name: eleven bytes and two flags that show the base or the extension in lower case.
struct ShortName: Hashable, Sendable {
    static let byteCount = 11

    struct CaseFlags: OptionSet, Hashable, Sendable {
        var rawValue: UInt8
        static let lowerBase = CaseFlags(rawValue: 0x08)
        static let lowerExtension = CaseFlags(rawValue: 0x10)
    }

    /// Eight bytes of base and three of extension, padded with spaces, as stored.
    let bytes: [UInt8]
    let caseFlags: CaseFlags

    init(bytes: [UInt8], caseFlags: CaseFlags = []) {
        self.bytes = bytes
        self.caseFlags = caseFlags
    }

    /// `name` as 8.3 with flags, the way Linux stores it (`shortname=mixed`); nil when it needs a long name.
    init?(exactly name: String) {
        let parts = name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Array.init)
        guard let base = parts.first, (1...8).contains(base.count), parts.count <= 2 else { return nil }
        let suffix = parts.count == 2 ? parts[1] : []
        guard parts.count == 1 || (1...3).contains(suffix.count) else { return nil }
        guard let lowerBase = Self.isLower(base), let lowerSuffix = Self.isLower(suffix) else { return nil }
        var flags: CaseFlags = []
        if lowerBase { flags.insert(.lowerBase) }
        if lowerSuffix { flags.insert(.lowerExtension) }
        self.init(base: base.map(Self.upper), suffix: suffix.map(Self.upper), caseFlags: flags)
    }

    private init(base: [UInt8], suffix: [UInt8], caseFlags: CaseFlags = []) {
        let padding = [UInt8](repeating: 0x20, count: 8)
        bytes = Array((base + padding).prefix(8)) + Array((suffix + padding).prefix(3))
        self.caseFlags = caseFlags
    }

    /// The name that stands beside the long name `name`: its letters where they suffice, else `BASE~1.EXT` with the
    /// lowest number that is not taken; nil when all up to 999999 are.
    static func alias(for name: String, isTaken: (ShortName) -> Bool) -> ShortName? {
        let ignored: [Character] = [".", " "]
        var text = name[...]
        while let first = text.first, ignored.contains(first) { text.removeFirst() }
        let dot = text.lastIndex(of: ".")
        let baseText = dot.map { text[..<$0] } ?? text
        let suffixText = dot.map { text[text.index(after: $0)...] } ?? ""
        let base = shorten(baseText)
        let suffix = shorten(suffixText)
        let isFaithful =
            text.count == name.count && !base.isLossy && !suffix.isLossy && base.bytes.count <= 8
            && suffix.bytes.count <= 3
        if isFaithful {
            let plain = ShortName(base: base.bytes, suffix: suffix.bytes)
            if !isTaken(plain) { return plain }
        }
        let stem = base.bytes.isEmpty ? [UInt8(ascii: "_")] : base.bytes
        for number in 1...999_999 {
            let tail = Array("~\(number)".utf8)
            let candidate = ShortName(base: stem.prefix(8 - tail.count) + tail, suffix: suffix.bytes)
            if !isTaken(candidate) { return candidate }
        }
        return nil
    }

    /// The name as shown, in Unicode; bytes above 7F are read in code page 437, what no path can hold as U+FFFD.
    var text: String {
        var base = bytes.prefix(8)
        if base.first == 0x05 { base[base.startIndex] = 0xE5 }  // E5 marks a deleted slot (fatgen103)
        let suffix = bytes.dropFirst(8)
        let first = Self.text(base, lower: caseFlags.contains(.lowerBase))
        let second = Self.text(suffix, lower: caseFlags.contains(.lowerExtension))
        return second.isEmpty ? first : first + "." + second
    }

    /// What every part of a long name carries of the short one (fatgen103, ChkSum).
    var checksum: UInt8 {
        bytes.reduce(0) { sum, byte in (sum >> 1 | sum << 7) &+ byte }
    }

    // MARK: Letters

    private static let punctuation = Array("$%'-_@~`!(){}^#&".utf8)

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: punctuation.contains(byte)
        }
    }

    private static func upper(_ byte: UInt8) -> UInt8 { (0x61...0x7A).contains(byte) ? byte - 0x20 : byte }

    /// Whether the letters are lower case; nil when they are mixed or a byte is not allowed.
    private static func isLower(_ part: [UInt8]) -> Bool? {
        guard part.allSatisfy(isAllowed) else { return nil }
        let hasLower = part.contains { (0x61...0x7A).contains($0) }
        let hasUpper = part.contains { (0x41...0x5A).contains($0) }
        return hasLower && hasUpper ? nil : hasLower
    }

    /// Upper case without dots and spaces, `_` for what is not allowed.
    private static func shorten(_ part: Substring) -> (bytes: [UInt8], isLossy: Bool) {
        var bytes: [UInt8] = []
        var isLossy = false
        for scalar in part.unicodeScalars {
            if scalar == "." || scalar == " " {
                isLossy = true
            } else if scalar.isASCII, let byte = UInt8(exactly: scalar.value), isAllowed(byte) {
                bytes.append(upper(byte))
            } else {
                bytes.append(UInt8(ascii: "_"))
                isLossy = true
            }
        }
        return (bytes, isLossy)
    }

    private static func text(_ part: ArraySlice<UInt8>, lower: Bool) -> String {
        var bytes = part
        while bytes.last == 0x20 { bytes.removeLast() }
        var text = String.UnicodeScalarView()
        for byte in bytes {
            let shown = lower && (0x41...0x5A).contains(byte) ? byte + 0x20 : byte
            text.append(scalar(shown))
        }
        return String(text)
    }

    private static func scalar(_ byte: UInt8) -> Unicode.Scalar {
        if byte >= 0x80 { return highHalf[Int(byte - 0x80)] }
        return byte < 0x20 || byte == UInt8(ascii: "/") ? "\u{FFFD}" : Unicode.Scalar(byte)
    }

    /// 80...FF of code page 437, Linux's default for FAT.
    private static let highHalf = Array(
        ("ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
            + "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{A0}").unicodeScalars)
}
