/// Users, password hashes and ssh keys.
extension Validation {
    /// A login name that userconf takes: `[a-z][a-z0-9-]*`, at most 32 characters, not root
    /// (RPi-Distro/userconf-pi, userconf-service).
    package static func userName(_ name: String) throws(Refusal) {
        guard !name.isEmpty else { throw Refusal("the user name is empty", hint: "pi") }
        guard name != "root" else { throw Refusal("`root` cannot be the login user", hint: "pi") }
        guard name.utf8.count <= 32 else {
            throw Refusal("the user name has \(name.utf8.count) characters, the limit is 32")
        }
        guard !name.contains("_") else {
            throw Refusal(
                "the user name \"\(name)\" has an underscore, which Raspberry Pi OS' userconf refuses",
                hint: String(name.map { $0 == "_" ? "-" : $0 }))
        }
        let rest = name.utf8.dropFirst().allSatisfy { isLower($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        guard let first = name.utf8.first, isLower(first), rest else {
            throw Refusal(
                "the user name \"\(name.shortened)\" is not a lower-case letter followed by a-z, 0-9 and hyphens",
                hint: "pi")
        }
    }

    /// A crypt(5) hash that Raspberry Pi OS can check: yescrypt, SHA-512, SHA-256 or bcrypt.
    package static func passwordHash(_ hash: String) throws(Refusal) {
        let hint = "piforge hash-password"
        guard hash.utf8.allSatisfy({ isPrintable($0) && $0 != 0x20 && $0 != UInt8(ascii: ":") }) else {
            throw Refusal("a password hash has no blanks, colons or line breaks", hint: hint)
        }
        guard hash.hasPrefix("$") else {
            throw Refusal("this is no crypt(5) hash; a password in plain text does not belong here", hint: hint)
        }
        let parts = hash.split(separator: "$", omittingEmptySubsequences: false).dropFirst().map(String.init)
        let isWell: Bool
        switch parts.first {
        case "6": isWell = isSHACrypt(parts.dropFirst(), digest: 86)
        case "5": isWell = isSHACrypt(parts.dropFirst(), digest: 43)
        case "y":
            isWell =
                parts.count == 4 && isCryptText(parts[1]) && isCryptText(parts[2]) && parts[2].utf8.count <= 86
                && isCryptText(parts[3]) && parts[3].utf8.count == 43
        case "2a", "2b", "2y":
            isWell =
                parts.count == 3 && parts[1].utf8.count == 2 && (Int(parts[1]).map { (4...31).contains($0) } ?? false)
                && isCryptText(parts[2]) && parts[2].utf8.count == 53
        case "1": throw Refusal("MD5 hashes (`$1$`) can be broken in minutes", hint: hint)
        default: throw Refusal("the kind of password hash `$\(parts.first?.shortened ?? "")$` is not known", hint: hint)
        }
        guard isWell else {
            throw Refusal("the password hash has not the shape of a `$\(parts[0])$` one: is it cut off?", hint: hint)
        }
    }

    /// `[rounds=N$]salt$digest` (crypt(5)): a salt to 16 characters and a digest of a fixed length.
    private static func isSHACrypt(_ parts: ArraySlice<String>, digest: Int) -> Bool {
        var parts = parts
        if let first = parts.first, first.hasPrefix("rounds=") {
            guard let rounds = Int(first.dropFirst(7)), (1000...999_999_999).contains(rounds) else { return false }
            parts = parts.dropFirst()
        }
        guard parts.count == 2, let salt = parts.first, let hash = parts.last else { return false }
        return (1...16).contains(salt.utf8.count) && !salt.contains("!") && !salt.contains("*")
            && hash.utf8.count == digest && isCryptText(hash)
    }

    private static func isCryptText(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                isLetter($0) || isDigit($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/")
            }
    }
}

// MARK: - Keys

extension Validation {
    /// Key types of authorized_keys that OpenSSH still accepts (sshd(8), "AUTHORIZED_KEYS FILE FORMAT").
    package static let keyTypes = [
        "ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
        "sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
    ]

    /// A line of authorized_keys: `[options] type base64 [comment]`, whose blob is of that type.
    package static func authorizedKey(_ line: String) throws(Refusal) {
        _ = try keyIdentity(line)
    }

    /// Type and base64 text of a line that `authorizedKey` accepts: two lines with the same identity are the same key.
    package static func keyIdentity(_ line: String) throws(Refusal) -> String {
        guard !line.contains("PRIVATE KEY") else {
            throw Refusal(
                "this is a private key: it must never leave your machine", hint: "use the file that ends in .pub")
        }
        guard line.unicodeScalars.allSatisfy({ $0 == "\t" || ($0.value >= 0x20 && $0.value != 0x7F) }) else {
            throw Refusal("a key is one line; this has a line break or control character", hint: "one list item a key")
        }
        guard line.first != " ", line.last != " ", !line.isEmpty else {
            throw Refusal(line.isEmpty ? "the key is empty" : "the key begins or ends with a blank")
        }
        guard !line.hasPrefix("#") else { throw Refusal("this is a comment, not a key") }
        let words = splitOutsideQuotes(line)
        guard let index = words.prefix(2).firstIndex(where: keyTypes.contains) else {
            throw unknownType(words)
        }
        guard words.count > index + 1, let blob = base64(words[index + 1]) else {
            throw Refusal(
                "the part after `\(words[index])` is not base64: is the key cut off or wrapped?",
                hint: "copy the one line of the .pub file")
        }
        try checkBlob(blob, type: words[index])
        return words[index] + " " + words[index + 1]
    }

    private static func unknownType(_ words: [String]) -> Refusal {
        let word = words.first ?? ""
        if words.prefix(2).contains("ssh-dss") {
            return Refusal("DSA keys (`ssh-dss`) are refused by OpenSSH", hint: "ssh-keygen -t ed25519")
        }
        if words.prefix(2).contains(where: { $0.contains("-cert-v01@openssh.com") }) {
            return Refusal("this is a certificate, not a public key", hint: "use the .pub file without -cert")
        }
        return Refusal(
            "`\(word.shortened)` is no key type that OpenSSH knows",
            hint: "ssh-ed25519 AAAA… comment; a file of keys goes under authorized_keys_files")
    }

    /// Splits at blanks, but not at those inside double quotes, which options may hold (`command="a b"`).
    private static func splitOutsideQuotes(_ line: String) -> [String] {
        var words: [String] = []
        var word = ""
        var isQuoted = false
        var previous: Character = " "
        for character in line {
            if character == "\"", previous != "\\" { isQuoted.toggle() }
            if !isQuoted, character == " " || character == "\t" {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
            previous = character
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// Checks the fields of a public key blob: RFC 4253 section 6.6, RFC 5656 section 3.1, RFC 8709, PROTOCOL.u2f.
    private static func checkBlob(_ blob: [UInt8], type: String) throws(Refusal) {
        var fields: [ArraySlice<UInt8>] = []
        var rest = blob[...]
        while !rest.isEmpty {
            guard let length = bigEndian(rest), rest.count - 4 >= length else {
                throw Refusal("the `\(type)` key is cut off or damaged", hint: "copy the one line of the .pub file")
            }
            fields.append(rest.dropFirst(4).prefix(length))
            rest = rest.dropFirst(4 + length)
        }
        guard let name = fields.first, name.elementsEqual(type.utf8) else {
            let inner = fields.first.map { String(decoding: $0, as: UTF8.self).shortened } ?? ""
            throw Refusal("the key says `\(type)` but holds a key of type `\(inner)`")
        }
        let counts = fields.dropFirst().map(\.count)
        let isWell: Bool
        switch type {
        case "ssh-ed25519": isWell = counts == [32]
        case "sk-ssh-ed25519@openssh.com": isWell = counts.count == 2 && counts[0] == 32 && counts[1] > 0
        case "ssh-rsa":
            try checkRSA(Array(fields.dropFirst()))
            isWell = true
        default:
            let curve = type.hasPrefix("sk-") ? "nistp256" : String(type.suffix(8))
            let points = ["nistp256": 65, "nistp384": 97, "nistp521": 133]
            isWell =
                counts.count == (type.hasPrefix("sk-") ? 3 : 2) && fields[1].elementsEqual(curve.utf8)
                && counts[1] == points[curve] && fields[2].first == 4 && counts.last != 0
        }
        guard isWell else { throw Refusal("the `\(type)` key has fields of the wrong size") }
    }

    /// An RSA key: exponent, then modulus, which OpenSSH takes from 1024 bits on.
    private static func checkRSA(_ fields: [ArraySlice<UInt8>]) throws(Refusal) {
        guard fields.count == 2, let exponent = fields.first, let modulus = fields.last,
            (1...8).contains(exponent.count),
            let last = exponent.last, last & 1 == 1, let first = modulus.first, first & 0x80 == 0
        else { throw Refusal("the `ssh-rsa` key has fields of the wrong size") }
        let digits = modulus.drop { $0 == 0 }
        let bits = digits.count * 8 - (digits.first?.leadingZeroBitCount ?? 0)
        guard bits >= 1024 else {
            throw Refusal("the RSA key has \(bits) bits, OpenSSH takes 1024 or more", hint: "ssh-keygen -t ed25519")
        }
        guard bits <= 16384 else { throw Refusal("the RSA key has \(bits) bits, OpenSSH takes 16384 or less") }
    }

    private static func bigEndian(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    }

    /// Decodes base64 with its padding (RFC 4648 section 4); nil for anything else.
    package static func base64(_ text: String) -> [UInt8]? {
        let bytes = Array(text.utf8)
        guard bytes.count.isMultiple(of: 4), !bytes.isEmpty else { return nil }
        let padding = bytes.reversed().prefix { $0 == UInt8(ascii: "=") }.count
        guard padding <= 2 else { return nil }
        var output: [UInt8] = []
        var buffer: UInt32 = 0
        var bits = 0
        for byte in bytes.dropLast(padding) {
            guard let value = sixBits(byte) else { return nil }
            buffer = (buffer << 6 | value) & 0xFF_FFFF
            bits += 6
            if bits >= 8 {
                bits -= 8
                output.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
            }
        }
        guard buffer & ((1 << UInt32(bits)) - 1) == 0 else { return nil }
        return output
    }

    private static func sixBits(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
