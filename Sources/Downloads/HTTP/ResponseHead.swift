/// What a response says before its bytes (RFC 9110): the status and the few fields that matter for a download.
struct ResponseHead: Equatable, Sendable {
    /// Of three digits; 0 before a line was read.
    private(set) var status = 0
    /// As it was sent, quotes included; nil when there is none that a request could repeat.
    private(set) var etag: String?
    /// The date of the last change as it was sent.
    private(set) var lastModified: String?
    /// Bytes that follow; nil when the server does not say, or says what is no number.
    private(set) var contentLength: Int64?
    private(set) var contentRange: ContentRange?
    private(set) var hasLocation = false
    /// Whether the empty line was read that ends it.
    private(set) var isComplete = false

    init() {}

    /// Takes one line, its end included; a status line begins anew, after a redirection or an interim response.
    mutating func take(_ line: some Sequence<UInt8>) {
        let text = Substring(decoding: Array(line), as: UTF8.self).trimmed
        if text.hasPrefix("HTTP/") {
            self = ResponseHead()
            let words = text.split(separator: " ", maxSplits: 2)
            status = words.count > 1 ? Int(words[1]) ?? 0 : 0
            return
        }
        guard !text.isEmpty else {
            isComplete = true
            return
        }
        guard let colon = text.firstIndex(of: ":") else { return }
        let value = text[text.index(after: colon)...].trimmed
        switch text[..<colon].lowercased() {
        case "etag": etag = Self.repeatable(value)
        case "last-modified": lastModified = Self.repeatable(value)
        case "content-length": contentLength = Self.count(value)
        case "content-range": contentRange = ContentRange(value)
        case "location": hasLocation = true
        default: break
        }
    }

    /// What an If-Range may hold: a strong ETag, else the date; nil when neither is there.
    var validator: String? {
        if let etag, !etag.hasPrefix("W/") { return etag }
        return lastModified
    }

    /// Whether another response follows this one.
    var isInterim: Bool { status < 200 || (300..<400).contains(status) && status != 304 && hasLocation }

    private static func count(_ text: Substring) -> Int64? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }

    /// Visible ASCII of a sensible length, which can go into a request and a file.
    private static func repeatable(_ text: Substring) -> String? {
        guard (1...512).contains(text.utf8.count), text.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            return nil
        }
        return String(text)
    }
}

/// The field Content-Range (RFC 9110, section 14.4): `bytes 100-199/200`, `bytes 0-9/*`, `bytes */200`.
struct ContentRange: Equatable, Sendable {
    /// Nil where the server says only the size, as with status 416.
    var range: Range<Int64>?
    /// Bytes of the whole; nil when unknown.
    var total: Int64?

    /// Nil for anything else, and for ranges that contradict themselves.
    init?(_ text: some StringProtocol) {
        let words = text.split(separator: " ", omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bytes" else { return nil }
        let parts = words[1].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        if parts[1] != "*" {
            guard let total = Self.number(parts[1]) else { return nil }
            self.total = total
        }
        guard parts[0] != "*" else { return }
        let ends = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]), first <= last,
            last < total ?? .max
        else { return nil }
        range = first..<last + 1
    }

    private static func number(_ text: some StringProtocol) -> Int64? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int64(text)
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        var rest = self
        while let byte = rest.utf8.first, isBlank(byte) { rest = rest.dropFirst() }
        while let byte = rest.utf8.last, isBlank(byte) { rest = rest.dropLast() }
        return rest
    }
}
