/// The text of a profile, checked as far as it can be before a YAML parser sees it.
struct ProfileText {
    /// Bytes that a profile may have.
    static let byteLimit = 1 << 20
    let name: String
    /// The text without its byte order mark.
    let utf8: [UInt8]
    private let scalars: [Unicode.Scalar]
    /// The index in `scalars` at which each line begins, with the line breaks that libyaml knows.
    private let lineStarts: [Int]

    /// Decodes UTF-8 and refuses what no profile contains: too much, NUL and other control characters.
    init(_ bytes: [UInt8], name: String) throws(ProfileErrors) {
        self.name = name
        guard bytes.count <= Self.byteLimit else {
            throw ProfileErrors([
                ProfileProblem(
                    ProfilePosition(file: name, line: 1, column: 1),
                    "the profile has \(bytes.count) bytes, the limit is \(Self.byteLimit)",
                    hint: "put large files beside the profile and name them with `source:`")
            ])
        }
        var text = bytes
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text.removeFirst(3) }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw ProfileErrors([Self.invalidUTF8(in: text, name: name)])
        }
        utf8 = text
        scalars = Array(string.unicodeScalars)
        lineStarts = Self.lineStarts(of: scalars)
        let bad = scalars.indices.filter { !Self.isPrintable(scalars[$0]) }
        guard bad.isEmpty else {
            throw ProfileErrors(
                bad.prefix(20).map {
                    ProfileProblem(
                        position(at: $0), "the control character \(Self.codePoint(scalars[$0])) is not allowed",
                        hint: scalars[$0] == "\0"
                            ? "the file looks like a binary one, or like UTF-16: save it as UTF-8" : nil)
                })
        }
    }

    /// The characters of a 1-based line, without its break.
    func line(_ number: Int) -> [Unicode.Scalar] {
        guard number >= 1, number <= lineStarts.count else { return [] }
        let tail = scalars[lineStarts[number - 1]...]
        return Array(tail.prefix { !Self.isBreak($0) })
    }

    private func position(at index: Int) -> ProfilePosition {
        var line = lineStarts.partitioningIndex { $0 > index }
        line = max(line, 1)
        return ProfilePosition(file: name, line: line, column: index - lineStarts[line - 1] + 1)
    }

    private static func invalidUTF8(in bytes: [UInt8], name: String) -> ProfileProblem {
        // The longest valid prefix ends before the first bad byte; its length is found line by line.
        var line = 1
        var start = 0
        while start < bytes.count {
            let end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            if String(validating: bytes[start..<end], as: UTF8.self) == nil { break }
            line += 1
            start = end + 1
        }
        let rest = bytes[min(start, bytes.count)...].prefix(400)
        let column =
            (0...rest.count).last { String(validating: rest.prefix($0), as: UTF8.self) != nil }
            .flatMap { String(validating: rest.prefix($0), as: UTF8.self)?.unicodeScalars.count } ?? 0
        return ProfileProblem(
            ProfilePosition(file: name, line: line, column: column + 1), "the text is not UTF-8",
            hint: "save the file as UTF-8")
    }

    private static func lineStarts(of scalars: [Unicode.Scalar]) -> [Int] {
        var starts = [0]
        for (index, scalar) in scalars.enumerated() where isBreak(scalar) {
            if scalar == "\r", index + 1 < scalars.count, scalars[index + 1] == "\n" { continue }
            starts.append(index + 1)
        }
        return starts
    }

    /// YAML 1.1 section 4.2: LF, CR, NEL, LS and PS.
    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        [0x0A, 0x0D, 0x85, 0x2028, 0x2029].contains(scalar.value)
    }

    /// YAML 1.1 section 4.1, `c-printable`, without the byte order mark.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A, 0x0D, 0x20...0x7E, 0x85, 0xA0...0xD7FF, 0xE000...0xFEFE, 0xFF00...0xFFFD: true
        case 0x1_0000...0x10_FFFF: true
        default: false
        }
    }

    private static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}

extension Array {
    /// The first index whose element fulfils a condition that, once true, stays true.
    fileprivate func partitioningIndex(where condition: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = low + (high - low) / 2
            if condition(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
