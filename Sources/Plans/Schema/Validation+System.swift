/// Time zone, language, keyboard, Wi-Fi, units, owners and addresses.
extension Validation {
    /// A name below /usr/share/zoneinfo: one to three parts; whether the image has it is the planner's question.
    package static func timeZone(_ name: String) throws(Refusal) {
        let hint = "Europe/Berlin, or UTC"
        try characters(name, of: "time zone", others: "/_+-", hint: hint)
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 3, parts.allSatisfy({ $0.utf8.first.map(isLetter) ?? false }) else {
            throw Refusal("\"\(name.shortened)\" is no name of a time zone", hint: hint)
        }
    }

    /// A UTF-8 locale such as `en_GB.UTF-8`, `C.UTF-8`, or `C` and `POSIX`.
    package static func locale(_ name: String) throws(Refusal) {
        if ["C", "POSIX", "C.UTF-8"].contains(name) { return }
        let hint = "en_GB.UTF-8"
        try characters(name, of: "locale", others: "_.-@", hint: hint)
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        let place = parts[0].split(separator: "_", omittingEmptySubsequences: false)
        guard place.count == 2, (2...3).contains(place[0].utf8.count), place[0].utf8.allSatisfy(isLower),
            place[1].utf8.count == 2, place[1].utf8.allSatisfy(isUpper)
        else { throw Refusal("\"\(name.shortened)\" is no locale: language_COUNTRY.UTF-8", hint: hint) }
        let charset = parts.count == 2 ? parts[1].prefix { $0 != "@" } : ""
        guard parts.count == 2, charset == "UTF-8" else {
            throw Refusal("the locale \"\(name.shortened)\" is not spelled as a UTF-8 one", hint: "\(parts[0]).UTF-8")
        }
    }

    /// XKB layouts, such as `gb` or `de,us` (xkeyboard-config(7)).
    package static func keyboardLayout(_ name: String) throws(Refusal) {
        try keyboardWord(name, what: "keyboard layout", others: "_,", hint: "gb")
        guard name.split(separator: ",", omittingEmptySubsequences: false).allSatisfy({ $0.utf8.count >= 2 }),
            name.utf8.allSatisfy({ !isUpper($0) })
        else { throw Refusal("\"\(name.shortened)\" is no keyboard layout", hint: "gb, or de,us") }
    }

    /// A Debian package as apt-get takes it: `docker.io`, `docker.io=20.10.24+dfsg1-1`, `libc6:armhf`. Nothing that
    /// apt-get would take for an option, a file or the removal of a package (`name-`).
    package static func packageName(_ name: String) throws(Refusal) {
        let hint = "docker.io"
        try characters(name, of: "package name", others: "+.-:=~", hint: hint)
        guard let first = name.utf8.first, isLower(first) || isDigit(first), !name.hasSuffix("-") else {
            throw Refusal("\"\(name.shortened)\" is no name of a package", hint: hint)
        }
    }

    /// A command for sh(1).
    package static func command(_ text: String) throws(Refusal) {
        guard text.utf8.contains(where: { $0 > 0x20 }) else { throw Refusal("the command is empty") }
        guard !text.utf8.contains(0) else { throw Refusal("the command has a NUL character") }
    }

    /// An XKB model, variant or options list: letters, digits and `_-:,+`.
    package static func keyboardWord(_ name: String) throws(Refusal) {
        try keyboardWord(name, what: "keyboard setting", others: "_-:,+()", hint: "pc105")
    }

    private static func keyboardWord(
        _ name: String, what: String, others: String, hint: String
    ) throws(Refusal) {
        try characters(name, of: what, others: others, hint: hint)
    }

    /// A Wi-Fi name: 1...32 bytes (IEEE 802.11, 9.4.2.2) without control characters.
    package static func ssid(_ name: String) throws(Refusal) {
        guard (1...32).contains(name.utf8.count) else {
            throw Refusal("the Wi-Fi name has \(name.utf8.count) bytes, it must have 1 to 32")
        }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw Refusal("the Wi-Fi name has a control character")
        }
    }

    /// A WPA passphrase of 8...63 printable ASCII characters, or 64 hex digits (IEEE 802.11, annex M.4).
    package static func psk(_ text: String) throws(Refusal) {
        let count = text.utf8.count
        if count == 64, text.utf8.allSatisfy(isHexDigit) { return }
        guard (8...63).contains(count) else {
            throw Refusal("the Wi-Fi passphrase has \(count) bytes, it must have 8 to 63 (or be 64 hex digits)")
        }
        guard text.utf8.allSatisfy(isPrintable) else {
            throw Refusal("the Wi-Fi passphrase has a character that is not printable ASCII")
        }
    }

    /// A country for the radio: two capital letters (ISO 3166-1 alpha-2).
    package static func country(_ code: String) throws(Refusal) {
        guard code.utf8.count == 2, code.utf8.allSatisfy(isLetter) else {
            throw Refusal("\"\(code.shortened)\" is no country code of two letters", hint: "GB")
        }
        guard code.utf8.allSatisfy(isUpper) else {
            throw Refusal("the country code \"\(code)\" is not in capital letters", hint: code.uppercased())
        }
        guard code != "UK" else { throw Refusal("the country code of the United Kingdom is GB", hint: "GB") }
    }

    /// Suffixes of systemd units (systemd.unit(5)); `scope` units cannot be configured.
    package static let unitSuffixes = [
        "service", "socket", "target", "timer", "path", "mount", "automount", "swap", "slice", "device",
    ]

    /// A systemd unit name: letters, digits and `:-_.\@`, a known suffix, at most 255 characters (systemd.unit(5)).
    package static func unitName(_ name: String) throws(Refusal) {
        try characters(name, of: "unit name", others: ":-_.\\@", hint: "ssh.service")
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count >= 2, let suffix = parts.last, unitSuffixes.contains(String(suffix)) else {
            throw Refusal("the unit name \"\(name.shortened)\" has no suffix such as .service", hint: "\(name).service")
        }
        let stem = name.dropLast(suffix.utf8.count + 1)
        guard let first = stem.first, first != "@", stem.filter({ $0 == "@" }).count <= 1 else {
            throw Refusal("\"\(name.shortened)\" is no unit name", hint: "ssh.service")
        }
        guard name.utf8.count <= 255 else { throw Refusal("the unit name has more than 255 characters") }
    }

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

    /// An IPv4 address in four decimal parts without leading zeros, or an IPv6 address (RFC 4291 section 2.2).
    package static func address(_ text: String) throws(Refusal) {
        guard isAddress(text) else {
            throw Refusal("\"\(text.shortened)\" is no IPv4 or IPv6 address", hint: "192.168.1.10, or fd00::10")
        }
    }

    /// An address for a further line of /etc/hosts: not 127.0.1.1, whose line names the host itself.
    package static func hostsAddress(_ text: String) throws(Refusal) {
        try address(text)
        guard text != "127.0.1.1" else {
            throw Refusal("the line of 127.0.1.1 names the host itself", hint: "hostname: oneil, in a slot")
        }
    }

    package static func isAddress(_ text: String) -> Bool { isIPv4(text) || isIPv6(text) }

    package static func isIPv4(_ text: String) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(isDigit), let number = Int(part) else {
                    return false
                }
                return number <= 255 && String(number) == part
            }
    }

    private static func isIPv6(_ text: String) -> Bool {
        func groups(_ side: Substring) -> Int? {
            if side.isEmpty { return 0 }
            let parts = side.split(separator: ":", omittingEmptySubsequences: false)
            var count = 0
            for (index, part) in parts.enumerated() {
                if index == parts.count - 1, part.contains(".") {
                    guard isIPv4(String(part)) else { return nil }
                    count += 2
                } else {
                    guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy(isHexDigit) else { return nil }
                    count += 1
                }
            }
            return count
        }
        guard text.utf8.count <= 45, let gap = text.doubleColon else { return groups(text[...]) == 8 }
        let tail = text[text.index(gap, offsetBy: 2)...]
        guard !tail.hasPrefix(":"), !text[..<gap].contains("."), let left = groups(text[..<gap]),
            let right = groups(tail)
        else { return false }
        return left + right <= 7
    }
}

extension String {
    /// Where `::` begins.
    fileprivate var doubleColon: String.Index? {
        indices.first { self[$0...].hasPrefix("::") }
    }
}
