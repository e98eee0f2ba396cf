import Trees

/// The password of the login user, as a hash; `UserSetting` plans it.
enum PasswordHashSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey(
            "password_hash", .text(.passwordHash), "crypt(5) hash of the user's password (`piforge hash-password`).",
            example: "$6$saltsalt$" + String(repeating: "x", count: 86), isSecret: true,
            option: .init(
                "The password's crypt(3) hash, as piforge hash-password prints it, or the word ask.", valueName: "hash")
        ),
        SchemaKey(
            "password_hash_file", .text(.path),
            "File that holds the hash in its first line, instead of `password_hash`; a pipe, too: /dev/fd/3.",
            example: "secrets/pi.hash"),
    ]

    static let takesOneKey = true

    static func decode(
        _ node: ProfileNode, _ key: SchemaKey, _ decoder: inout SettingsDecoder
    ) -> [SettingsLayer.Entry] {
        guard key.name == "password_hash_file" else {
            return SettingsDecoder.entries(node, path: key.name, type: key.type)
        }
        return decoder.firstLine(of: node, check: Validation.passwordHash).map {
            [.init(key: name, value: .text($0), position: node.position)]
        } ?? []
    }

    static let facts: [Target] = [.root("/etc/shadow")]
}

extension Settings {
    /// A crypt(3) hash, such as `$6$salt$…`.
    package var passwordHash: String? {
        get { self[PasswordHashSetting.self] }
        set { self[PasswordHashSetting.self] = newValue }
    }
}

extension Planner {
    /// For the first boot's wizard. It reads `userconf` before `userconf.txt`.
    mutating func planUserconf(_ name: String, _ hash: String) throws(PlanError) {
        let reason = "user \(name) and its password"
        try put(on: .boot, "/userconf.txt", text: "\(name):\(hash)\n", reason: reason, isSecret: true)
        try remove(on: .boot, "/userconf", reason: reason)
    }

    mutating func planShadow(_ name: String, _ hash: String) throws(PlanError) {
        let day = (Double(modified) / 86400).rounded(.down)
        try rewrite(
            "/etc/shadow", [.setPasswordHash(user: name, hash: hash, day: Int64(exactly: day) ?? 0)],
            reason: "password of \(name)", isSecret: true)
    }
}

// MARK: - What is valid

extension TextFormat {
    static let passwordHash = TextFormat(
        "password hash", pattern: "^\\$(6|5|y|2[aby])\\$[^ :]+$", check: Validation.passwordHash)
}

extension Validation {
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
