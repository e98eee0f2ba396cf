/// Why a value is refused, in words for the user.
package struct Refusal: Error, Hashable, Sendable {
    /// Lower case, without a full stop.
    package var message: String
    /// What to type instead.
    package var hint: String?

    package init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}

/// The rules that single values must meet, one pure function a kind; each throws a `Refusal` or returns.
package enum Validation {
    /// Labels of a domain name with dots between them; at most 253 characters, no dot at the ends.
    static func labels(of name: String, what: String) throws(Refusal) {
        guard !name.hasSuffix("."), !name.hasPrefix(".") else {
            let trimmed = String(name.drop { $0 == "." }.reversed().drop { $0 == "." }.reversed())
            throw Refusal("the \(what) \"\(name.shortened)\" begins or ends with a dot", hint: trimmed)
        }
        guard name.utf8.count <= 253 else {
            throw Refusal("the \(what) has \(name.utf8.count) characters, the limit is 253")
        }
        for part in name.split(separator: ".", omittingEmptySubsequences: false) {
            try label(String(part), what: "label", of: " of the \(what) \"\(name.shortened)\"")
        }
    }

    /// The cluster's name, which begins the names of the outputs: `[a-z0-9][a-z0-9-]*`, at most 63 characters.
    package static func clusterName(_ name: String) throws(Refusal) {
        try label(name, what: "cluster name")
    }

    /// A SHA-256 digest: 64 lower-case hex digits.
    package static func sha256(_ text: String) throws(Refusal) {
        let digits = text.utf8.allSatisfy { isHexDigit($0) }
        guard digits, text.utf8.count == 64 else {
            throw Refusal(
                "a SHA-256 digest has 64 hex digits, this has \(text.utf8.count) characters"
                    + (digits ? "" : ", not all hex digits"),
                hint: "sha256sum IMAGE prints it")
        }
        guard text == text.lowercased() else {
            throw Refusal("the digest has capital letters", hint: text.lowercased())
        }
    }

    /// One label of a domain name; `whole` names what it is a part of, for the message.
    static func label(_ name: String, what: String, of whole: String = "") throws(Refusal) {
        guard !name.isEmpty else { throw Refusal("the \(what)\(whole) is empty") }
        let subject = "the \(what) \"\(name.shortened)\"\(whole)"
        if let bad = name.unicodeScalars.first(where: { !isLabelCharacter($0) }) {
            let isUpper = name.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
            if isUpper { throw Refusal("\(subject) has capital letters", hint: name.lowercased()) }
            let spelling = bad == "_" ? ": " + String(name.map { $0 == "_" ? "-" : $0 }) : ""
            throw Refusal("\(subject) has the character \"\(bad)\"", hint: "letters a-z, digits and hyphens" + spelling)
        }
        guard name.utf8.count <= 63 else {
            throw Refusal("the \(what)\(whole) has \(name.utf8.count) characters, the limit is 63")
        }
        guard !name.hasPrefix("-"), !name.hasSuffix("-") else {
            throw Refusal("\(subject) begins or ends with a hyphen")
        }
    }
}

// MARK: - Characters

extension Validation {
    static func isLetter(_ byte: UInt8) -> Bool { isLower(byte) || isUpper(byte) }
    static func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    static func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }

    /// Printable ASCII, the blank included.
    static func isPrintable(_ byte: UInt8) -> Bool { (0x20...0x7E).contains(byte) }

    private static func isLabelCharacter(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.isASCII, let byte = UInt8(exactly: scalar.value) else { return false }
        return isLower(byte) || isDigit(byte) || byte == UInt8(ascii: "-")
    }

    /// Throws for the first byte that is no letter, digit or one of `others`.
    static func characters(
        _ text: String, of what: String, others: String, hint: String? = nil
    ) throws(Refusal) {
        guard !text.isEmpty else { throw Refusal("the \(what) is empty", hint: hint) }
        let bad = text.unicodeScalars.first { scalar in
            guard scalar.isASCII, let byte = UInt8(exactly: scalar.value) else { return true }
            return !isLetter(byte) && !isDigit(byte) && !others.unicodeScalars.contains(scalar)
        }
        if let bad {
            let shown = bad.properties.isWhitespace || bad.value < 0x20 ? "a blank" : "the character \"\(bad)\""
            throw Refusal("the \(what) \"\(text.shortened)\" has \(shown)", hint: hint)
        }
    }
}
