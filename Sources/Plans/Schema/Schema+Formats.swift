import Trees

extension TextFormat {
    package static let hostname = TextFormat("host name", pattern: label) { text throws(Refusal) in
        try Validation.hostname(text)
    }
    package static let clusterName = TextFormat("name", pattern: label, check: Validation.clusterName)
    package static let domain = TextFormat("domain", pattern: labels, check: Validation.domain)
    package static let hostsName = TextFormat("host name", pattern: labels, check: Validation.hostsName)
    package static let sha256 = TextFormat("SHA-256", pattern: "^[0-9a-f]{64}$", check: Validation.sha256)
    package static let userName = TextFormat(
        "user name", pattern: "^[a-z][a-z0-9-]{0,31}$", check: Validation.userName)
    package static let passwordHash = TextFormat(
        "password hash", pattern: "^\\$(6|5|y|2[aby])\\$[^ :]+$", check: Validation.passwordHash)
    package static let authorizedKey = TextFormat(
        "public key", pattern: "(ssh-|ecdsa-|sk-)[a-z0-9@.-]+[ \\t]+[A-Za-z0-9+/]+=*", check: Validation.authorizedKey)
    package static let kernelArgument = TextFormat(
        "kernel argument", pattern: "^[A-Za-z0-9_.][A-Za-z0-9_.-]*(=[!-~]*)?$", check: Validation.kernelArgument)
    package static let removedKernelArgument = TextFormat(
        "kernel argument", pattern: "^[A-Za-z0-9_.][A-Za-z0-9_.-]*(=[!-~]*)?$",
        check: Validation.removedKernelArgument)
    package static let timeZone = TextFormat(
        "time zone", pattern: "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*){0,2}$", check: Validation.timeZone)
    package static let locale = TextFormat(
        "locale", pattern: "^(C|POSIX|C\\.UTF-8|[a-z]{2,3}_[A-Z]{2}\\.UTF-8(@.+)?)$", check: Validation.locale)
    package static let keyboardLayout = TextFormat(
        "layout", pattern: "^[a-z0-9_]{2,}(,[a-z0-9_]{2,})*$", check: Validation.keyboardLayout)
    package static let keyboardWord = TextFormat(
        "XKB name", pattern: "^[A-Za-z0-9_:,+()-]+$", check: Validation.keyboardWord)
    package static let ssid = TextFormat("text", pattern: "^.{1,32}$", check: Validation.ssid)
    package static let psk = TextFormat("passphrase", pattern: "^[ -~]{8,64}$", check: Validation.psk)
    package static let country = TextFormat("country", pattern: "^[A-Z]{2}$", check: Validation.country)
    package static let unitName = TextFormat(
        "unit", pattern: "^[A-Za-z0-9:_.\\\\@-]+\\.(\(Validation.unitSuffixes.joined(separator: "|")))$",
        check: Validation.unitName)
    package static let packageName = TextFormat(
        "package", pattern: "^[a-z0-9][a-z0-9+.:=~-]*$", check: Validation.packageName)
    package static let command = TextFormat("command", pattern: "^(.|\\n)+$", check: Validation.command)
    package static let mode = TextFormat("octal mode", pattern: "^(0o)?[0-7]{3,5}$", check: Validation.mode)
    package static let owner = TextFormat("owner", pattern: "^(root|user|[0-9]{1,5})$", check: Validation.owner)
    package static let address = TextFormat("address", pattern: "^[0-9A-Fa-f:.]{2,45}$", check: Validation.hostsAddress)

    package static let partition = TextFormat(
        "partition", values: ["root", "boot"]
    ) { text throws(Refusal) in
        guard ["root", "boot"].contains(text) else {
            throw Refusal("`\(text.shortened)` is no partition", hint: "root, or boot")
        }
    }

    package static let path = TextFormat("path", pattern: "^.+$") { text throws(Refusal) in
        guard !text.isEmpty else { throw Refusal("the path is empty") }
        guard !text.utf8.contains(0) else { throw Refusal("the path has a NUL character") }
    }

    package static let anyText = TextFormat("text") { _ throws(Refusal) in }

    package static let linkText = TextFormat("link", pattern: "^.{1,4095}$") { text throws(Refusal) in
        guard (1...4095).contains(text.utf8.count), !text.utf8.contains(0) else {
            throw Refusal("a link's text has 1 to 4095 bytes and no NUL")
        }
    }

    package static let targetPath = TextFormat("path", pattern: "^/") { text throws(Refusal) in
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

    private static let label = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
    private static let labels = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$"
}
