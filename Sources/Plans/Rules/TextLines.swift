/// A text as lines, each with the line end it has; joined again they are the same text.
///
/// The lines are cut at the byte `\n` (a CR before it belongs to the line end), not at Swift characters, for which
/// CRLF is one character and no newline.
struct TextLines: Equatable, Sendable {
    struct Line: Equatable, Sendable {
        var text: String
        /// `\n`, `\r\n`, or in a last line without a newline nothing or `\r`.
        var end: String
    }

    var lines: [Line] = []

    init(_ text: String) {
        let bytes = text.utf8
        var start = bytes.startIndex
        while start < bytes.endIndex {
            guard let newline = bytes[start...].firstIndex(of: 0x0A) else {
                let hasReturn = bytes.last == 0x0D
                let stop = hasReturn ? bytes.index(before: bytes.endIndex) : bytes.endIndex
                lines.append(
                    Line(text: String(Substring(bytes[start..<stop])), end: hasReturn ? "\r" : ""))
                return
            }
            var stop = newline
            if stop > start, bytes[bytes.index(before: stop)] == 0x0D { stop = bytes.index(before: stop) }
            let next = bytes.index(after: newline)
            lines.append(
                Line(text: String(Substring(bytes[start..<stop])), end: String(Substring(bytes[stop..<next]))))
            start = next
        }
    }

    var text: String {
        var result = ""
        for line in lines {
            result += line.text
            result += line.end
        }
        return result
    }

    /// How a new line ends: as the first one does, whose end is given.
    static func lineEnd(after first: String?) -> String { first == "\r\n" ? "\r\n" : "\n" }

    /// The end of a line that was the last one, when another with the end `new` follows.
    static func completed(_ end: String, with new: String) -> String {
        switch end {
        case "": new
        case "\r": "\r\n"
        default: end
        }
    }

    /// Takes the lines at these numbers away, which ascend.
    mutating func remove(_ numbers: some Sequence<Int>) {
        var numbers = numbers.makeIterator()
        var next = numbers.next()
        var kept: [Line] = []
        kept.reserveCapacity(lines.count)
        for (number, line) in lines.enumerated() {
            if number == next { next = numbers.next() } else { kept.append(line) }
        }
        lines = kept
    }

    mutating func append(_ text: String) { insert(text, at: lines.count) }

    /// Makes `text` the line number `index`; a last line without an end gets one first.
    mutating func insert(_ text: String, at index: Int) {
        let end = Self.lineEnd(after: lines.first?.end)
        if index >= lines.count {
            if let last = lines.indices.last { lines[last].end = Self.completed(lines[last].end, with: end) }
            lines.append(Line(text: text, end: end))
        } else {
            lines.insert(Line(text: text, end: end), at: index)
        }
    }
}

extension StringProtocol where UTF8View: BidirectionalCollection {
    /// Without the blanks and tabs at both ends.
    var trimmed: String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
        let start = utf8.firstIndex { !isBlank($0) } ?? utf8.endIndex
        var end = utf8.endIndex
        while end > start, isBlank(utf8[utf8.index(before: end)]) { end = utf8.index(before: end) }
        return String(self[start..<end])
    }

    /// The runs between blanks and tabs.
    var words: [String] {
        utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).map { String(decoding: $0, as: UTF8.self) }
    }
}
