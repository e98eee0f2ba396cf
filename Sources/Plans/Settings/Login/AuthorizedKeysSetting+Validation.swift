import Readers

/// Lines of authorized_keys.
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
        if index == 1, let why = AuthorizedKeyOptions(words[0], version: ServerVersion(codename: nil)).problem {
            throw Refusal(
                "\(why): what stands before `\(words[index])` is no list of options",
                hint: "drop the host names that known_hosts and ssh-keyscan write before a key")
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
