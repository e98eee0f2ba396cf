import Trees

extension TextFormat {
    static let mode = TextFormat("octal mode", pattern: "^(0o)?[0-7]{3,5}$", check: Validation.mode)
    static let owner = TextFormat("owner", pattern: "^(root|user|[0-9]{1,5})$", check: Validation.owner)

    static let partition = TextFormat(
        "partition", values: ["root", "boot"]
    ) { text throws(Refusal) in
        guard ["root", "boot"].contains(text) else {
            throw Refusal("`\(text.shortened)` is no partition", hint: "root, or boot")
        }
    }

    static let linkText = TextFormat("link", pattern: "^.{1,4095}$") { text throws(Refusal) in
        guard (1...4095).contains(text.utf8.count), !text.utf8.contains(0) else {
            throw Refusal("a link's text has 1 to 4095 bytes and no NUL")
        }
    }

    static let targetPath = TextFormat("path", pattern: "^/") { text throws(Refusal) in
        let shown = text.shortened
        guard text.hasPrefix("/") else { throw Refusal("the target \"\(shown)\" is not absolute", hint: "/\(shown)") }
        guard text == "/" || !text.hasSuffix("/") else {
            throw Refusal("the target \"\(shown)\" ends in a slash", hint: "give the whole path, with the file's name")
        }
        guard text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            throw Refusal("the target \"\(shown)\" has a control character")
        }
        guard let path = VolumePath(text) else { throw Refusal("the target \"\(shown)\" holds `..`") }
        guard path.components.allSatisfy({ $0.utf8.count <= 255 }), text.utf8.count <= 4095 else {
            throw Refusal("the target \"\(shown)\" has a name of more than 255 bytes")
        }
    }
}

/// Modes and owners of files.
extension Validation {
    /// Permission bits in octal, `0` to `7777`, with or without a leading `0` or `0o`.
    package static func mode(_ text: String) throws(Refusal) {
        _ = try modeBits(text)
    }

    /// The bits of a mode that `mode` accepts.
    package static func modeBits(_ text: String) throws(Refusal) -> UInt16 {
        let digits = text.hasPrefix("0o") ? text.dropFirst(2) : text[...]
        guard (3...5).contains(digits.utf8.count), digits.utf8.allSatisfy(isDigit) else {
            throw Refusal("\"\(text.shortened)\" is no mode in octal digits", hint: "mode: \"0644\"")
        }
        guard let bits = UInt16(digits, radix: 8), bits <= 0o7777 else {
            throw Refusal("the mode \"\(text)\" is not in the range 0000 to 7777 in octal", hint: "mode: \"0644\"")
        }
        return bits
    }

    /// An owner or group: a number to 65534, `root` (0), or `user` (1000, the image's first user).
    package static func owner(_ text: String) throws(Refusal) {
        _ = try ownerNumber(text)
    }

    /// The number of an owner that `owner` accepts.
    package static func ownerNumber(_ text: String) throws(Refusal) -> UInt32 {
        switch text {
        case "root": return 0
        case "user": return 1000
        default: break
        }
        let hint = "a number to 65534, `root`, or `user` for the image's first user"
        guard text.utf8.allSatisfy(isDigit), !text.isEmpty else {
            throw Refusal("\"\(text.shortened)\" is no owner that is known before the image is", hint: hint)
        }
        guard let number = UInt32(text), number <= 65534 else {
            throw Refusal("the owner \(text.shortened) is out of range", hint: hint)
        }
        return number
    }
}
