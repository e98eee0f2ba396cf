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

    /// How a new line shall end: as the first one does.
    var lineEnd: String { lines.first?.end == "\r\n" ? "\r\n" : "\n" }

    mutating func append(_ text: String) { insert(text, at: lines.count) }

    /// Makes `text` the line number `index`; a last line without an end gets one first.
    mutating func insert(_ text: String, at index: Int) {
        let end = lineEnd
        if index >= lines.count {
            if let last = lines.indices.last {
                switch lines[last].end {
                case "": lines[last].end = end
                case "\r": lines[last].end = "\r\n"
                default: break
                }
            }
            lines.append(Line(text: text, end: end))
        } else {
            lines.insert(Line(text: text, end: end), at: index)
        }
    }
}

extension StringProtocol {
    /// Without the blanks and tabs at both ends.
    var trimmed: String {
        var bytes = Array(utf8)[...]
        while let first = bytes.first, first == 0x20 || first == 0x09 || first == 0x0D { bytes = bytes.dropFirst() }
        while let last = bytes.last, last == 0x20 || last == 0x09 || last == 0x0D { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The runs between blanks and tabs.
    var words: [String] {
        utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }).map { String(decoding: $0, as: UTF8.self) }
    }
}
