/// Addresses of http and https.
extension Validation {
    /// Whether a text is meant as an address and not as a path.
    package static func isURL(_ text: String) -> Bool {
        let start = text.prefix(8).lowercased()
        return start.hasPrefix("https://") || start.hasPrefix("http://")
    }

    /// An address of http or https with a host, of visible ASCII (RFC 3986), and without a name and password, which
    /// would be printed.
    package static func url(_ text: String) throws(Refusal) {
        guard isURL(text) else {
            throw Refusal(
                "\"\(text.shortened)\" is no address of https or http", hint: "https://example.org/base.img.xz")
        }
        guard text.utf8.count <= 2000 else { throw Refusal("the address has more than 2000 characters") }
        if let bad = text.unicodeScalars.first(where: {
            !(0x21...0x7E).contains($0.value) || "\"<>\\^`{}|".unicodeScalars.contains($0)
        }) {
            let shown = bad.properties.isWhitespace ? "a blank" : "the character \"\(bad)\""
            throw Refusal("the address \"\(text.shortened)\" has \(shown)", hint: "write it as %XX, as browsers do")
        }
        let rest = text.drop { $0 != ":" }.dropFirst(3)
        let host = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        guard !host.isEmpty else { throw Refusal("the address \"\(text.shortened)\" has no host") }
        guard !host.contains("@") else {
            throw Refusal("the address has a user or a password in it", hint: "put them into ~/.netrc")
        }
    }
}
