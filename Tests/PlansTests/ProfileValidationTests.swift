import Plans
import TestSupport
import Testing

/// The rules of single values: what passes, and why the rest does not.
struct ProfileValidationTests {
    typealias Rule = @Sendable (String) throws(Refusal) -> Void

    /// The refusal's message, nil when the rule lets the text pass.
    private func refusal(_ text: String, _ rule: Rule) -> String? {
        do {
            try rule(text)
            return nil
        } catch {
            return error.message
        }
    }

    private func check(_ rule: Rule, good: [String], bad: [(String, String)]) {
        for text in good { #expect(refusal(text, rule) == nil, "\(text)") }
        for (text, message) in bad { #expect(refusal(text, rule) == message) }
    }

    @Test func hostnames() {
        check(
            Validation.hostname, good: ["oneil", "a", "p1", "node-1", "1st", String(repeating: "a", count: 63)],
            bad: [
                ("", "the host name is empty"), ("localhost", "`localhost` is the name of every machine"),
                ("123", "the host name \"123\" is a number, which programs take for an address"),
                ("-a", "the host name \"-a\" begins or ends with a hyphen"),
                ("a-", "the host name \"a-\" begins or ends with a hyphen"),
                ("a_b", "the host name \"a_b\" has the character \"_\""),
                ("a.b", "the host name \"a.b\" has the character \".\""),
                ("Teal'c", "the host name \"Teal'c\" has the character \"T\""),
                ("ö", "the host name \"ö\" has the character \"ö\""),
                ("Oneil", "the host name \"Oneil\" has capital letters"),
                (String(repeating: "a", count: 64), "the host name has 64 characters, the limit is 63"),
            ])
        #expect(throws: Refusal("`p2` is the name of another slot than p3", hint: "a name of its own, or none")) {
            try Validation.hostname("p2", for: .node(3))
        }
        #expect(throws: Never.self) { try Validation.hostname("p3", for: .node(3)) }
    }

    @Test func domains() {
        check(
            Validation.domain, good: ["chappa.ai", "local", "a-b.c1.example"],
            bad: [
                ("chappa.ai.", "the domain \"chappa.ai.\" begins or ends with a dot"),
                ("a..b", "the label of the domain \"a..b\" is empty"),
                ("a.-b", "the label \"-b\" of the domain \"a.-b\" begins or ends with a hyphen"),
            ])
        #expect(
            throws: Refusal(
                "the label \"my_nas\" of the name \"my_nas.home\" has the character \"_\"",
                hint: "letters a-z, digits and hyphens: my-nas")
        ) { try Validation.hostsName("my_nas.home") }
    }

    @Test func users() {
        check(
            Validation.userName, good: ["pi", "a-1"],
            bad: [
                ("root", "`root` cannot be the login user"),
                ("a_b", "the user name \"a_b\" has an underscore, which Raspberry Pi OS' userconf refuses"),
                ("Pi", "the user name \"Pi\" is not a lower-case letter followed by a-z, 0-9 and hyphens"),
                ("1a", "the user name \"1a\" is not a lower-case letter followed by a-z, 0-9 and hyphens"),
                (String(repeating: "a", count: 33), "the user name has 33 characters, the limit is 32"),
            ])
    }

    @Test("hashes of openssl pass, cut ones and plain text do not", .needs("openssl"))
    func hashes() throws {
        func openssl(_ kind: String) throws -> String {
            let result = try Shell.run("openssl", ["passwd", kind, "secret"])
            try #require(result.status == 0)
            return String(result.output.filter { !$0.isNewline })
        }
        let yescrypt = "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7"
        let bcrypt = "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"
        let sha512 = try openssl("-6")
        check(
            Validation.passwordHash,
            good: [sha512, try openssl("-5"), yescrypt, bcrypt, "$6$rounds=5000" + sha512.dropFirst(2)],
            bad: [
                (String(sha512.dropLast()), "the password hash has not the shape of a `$6$` one: is it cut off?"),
                (yescrypt + "x", "the password hash has not the shape of a `$y$` one: is it cut off?"),
                (String(bcrypt.dropLast()), "the password hash has not the shape of a `$2b$` one: is it cut off?"),
                (try openssl("-1"), "MD5 hashes (`$1$`) can be broken in minutes"),
                ("hunter2", "this is no crypt(5) hash; a password in plain text does not belong here"),
                (sha512 + ":x", "a password hash has no blanks, colons or line breaks"),
                ("$9$x$y", "the kind of password hash `$9$` is not known"),
            ])
    }

    @Test(
        "keys of ssh-keygen pass", .needs("ssh-keygen"),
        arguments: [["ed25519"], ["rsa", "-b", "2048"], ["ecdsa", "-b", "384"], ["ecdsa", "-b", "521"]])
    func generatedKeys(kind: [String]) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/key"
        let made = try Shell.run("ssh-keygen", ["-q", "-t"] + kind + ["-N", "", "-C", "a b", "-f", path])
        try #require(made.status == 0)
        let line = String(try Shell.run("cat", [path + ".pub"]).output.filter { !$0.isNewline })
        let parts = line.split(separator: " ").map(String.init)
        check(
            Validation.authorizedKey,
            good: [line, "command=\"echo \\\"a b\\\"\",no-pty \(line)", "\(parts[0])\t\(parts[1])"],
            bad: [
                ("\(parts[0]) \(parts[1].dropLast(8))", "the `\(parts[0])` key is cut off or damaged"),
                (
                    "\(parts[0]) \(parts[1].dropLast(1))",
                    "the part after `\(parts[0])` is not base64: is the key cut off or wrapped?"
                ),
                (line + "\n", "a key is one line; this has a line break or control character"),
                (try Shell.run("cat", [path]).output, "this is a private key: it must never leave your machine"),
            ])
        let other = parts[0] == "ssh-rsa" ? "ssh-ed25519" : "ssh-rsa"
        #expect(
            refusal("\(other) \(parts[1])", Validation.authorizedKey)
                == "the key says `\(other)` but holds a key of type `\(parts[0])`")
        // What ssh-keygen itself says of the lines that we take.
        try #require(try Shell.run("ssh-keygen", ["-l", "-f", "-"], input: Array((line + "\n").utf8)).status == 0)
    }

    @Test func keys() {
        check(
            Validation.authorizedKey, good: [Fixture.ed25519],
            bad: [
                ("", "the key is empty"), ("# x", "this is a comment, not a key"),
                ("ssh-dss AAAA", "DSA keys (`ssh-dss`) are refused by OpenSSH"),
                ("~/.ssh/id.pub", "`~/.ssh/id.pub` is no key type that OpenSSH knows"),
                ("ssh-ed25519-cert-v01@openssh.com AAAA", "this is a certificate, not a public key"),
                ("ssh-ed25519", "the part after `ssh-ed25519` is not base64: is the key cut off or wrapped?"),
                (
                    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAACQCAAAAAAAAAAQ==",
                    "the RSA key has 64 bits, OpenSSH takes 1024 or more"
                ),
            ])
    }

    @Test func kernelArguments() {
        check(
            Validation.kernelArgument, good: ["quiet", "8250.nr_uarts=1", "dyndbg=\"file\"", "console=tty1", "a="],
            bad: [
                ("a b", "the kernel argument \"a b\" has a blank or a character that is not ASCII"),
                ("a=\"b", "the kernel argument \"a=\"b\" has a quote without its partner"),
                ("init=/bin/sh", "`init=` belongs to the conversion of the image, which sets or removes it itself"),
                ("root=/dev/sda", "`root=` belongs to the image: it says where the root file system is"),
                ("cgroup_enable=memory", "`cgroup_enable` is the business of its own setting"),
                ("resize", "`resize` would start Raspberry Pi OS' first boot a second time"),
                ("--", "the kernel argument \"--\" begins with a hyphen"),
                ("=x", "the name of a kernel argument is empty"),
            ])
    }

    @Test func config() {
        for name in [
            "all", "pi02", "pi3+", "cm4s", "gpio4=1", "gpio53=0", "0x12ab34cd", "EDID=VSC-TD2220", "HDMI:1",
            "board-type=0x12",
        ] {
            #expect(Validation.isConfigSection(name), "\(name)")
        }
        for name in [
            "", "ALL", "pi9", "gpio4", "gpio04=1", "gpio54=1", "gpio4=2", "0x", "0xg", "EDID=", "HDMI:2", "a]b",
        ] {
            #expect(!Validation.isConfigSection(name), "\(name)")
        }
        #expect(throws: Never.self) {
            try Validation.configLine(key: "dtparam", value: String(repeating: "x", count: 90))
        }
        #expect(
            throws: Refusal(
                "the line dtparam=… has 99 bytes, the firmware reads 98",
                hint: "split it, such as `dtoverlay: [name]` and `dtparam: [a=1, b=2]`")
        ) { try Validation.configLine(key: "dtparam", value: String(repeating: "x", count: 91)) }
        #expect(throws: Refusal("the value of a is not one line of printable ASCII")) {
            try Validation.configLine(key: "a", value: "1\nb=2")
        }
    }

    @Test func systemWords() {
        check(
            Validation.timeZone, good: ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"],
            bad: [
                ("../x", "the time zone \"../x\" has the character \".\""),
                ("Europe/", "\"Europe/\" is no name of a time zone"),
                ("/etc", "\"/etc\" is no name of a time zone"),
                ("Europe Berlin", "the time zone \"Europe Berlin\" has a blank"),
            ])
        check(
            Validation.locale, good: ["C", "C.UTF-8", "en_GB.UTF-8", "sr_RS.UTF-8@latin"],
            bad: [
                ("en_GB", "the locale \"en_GB\" is not spelled as a UTF-8 one"),
                ("en", "\"en\" is no locale: language_COUNTRY.UTF-8"),
                ("de_DE.utf8", "the locale \"de_DE.utf8\" is not spelled as a UTF-8 one"),
            ])
        check(
            Validation.unitName, good: ["ssh.service", "getty@tty1.service", "dev-disk\\x2d1.device", "a:b_c.timer"],
            bad: [
                ("ssh", "the unit name \"ssh\" has no suffix such as .service"),
                (".service", "\".service\" is no unit name"),
                ("a/b.service", "the unit name \"a/b.service\" has the character \"/\""),
                ("a@b@c.service", "\"a@b@c.service\" is no unit name"),
            ])
        check(
            Validation.address,
            good: ["10.0.0.1", "255.255.255.255", "::", "::1", "fd00::10", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"],
            bad: [
                "10.0.0", "10.0.0.256", "10.0.0.01", ":::", "1::2::3", "1:2:3:4:5:6:7", "g::", "1:2:3:4:5:6:7::8",
                "::1.2.3", "12345::",
            ].map {
                ($0, "\"\($0)\" is no IPv4 or IPv6 address")
            })
        check(
            Validation.psk, good: ["12345678", String(repeating: "a", count: 63), String(repeating: "f", count: 64)],
            bad: [
                ("1234567", "the Wi-Fi passphrase has 7 bytes, it must have 8 to 63 (or be 64 hex digits)"),
                (
                    String(repeating: "g", count: 64),
                    "the Wi-Fi passphrase has 64 bytes, it must have 8 to 63 (or be 64 hex digits)"
                ),
                ("pässword", "the Wi-Fi passphrase has a character that is not printable ASCII"),
            ])
        check(
            Validation.country, good: ["GB", "NO"],
            bad: [
                ("gb", "the country code \"gb\" is not in capital letters"),
                ("UK", "the country code of the United Kingdom is GB"),
                ("false", "\"false\" is no country code of two letters"),
            ])
        check(
            Validation.ssid, good: ["a", "caffè", String(repeating: "x", count: 32)],
            bad: [("", "the Wi-Fi name has 0 bytes, it must have 1 to 32")])
    }

    @Test("base64 as the C library's tools encode it", arguments: [1, 2, 3])
    func base64(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for count in 1...40 {
            let bytes = random.bytes(count)
            let text = try encode(bytes)
            #expect(Validation.base64(text) == bytes)
        }
        for text in ["", "A", "AA", "AAA", "A===", "AA=A", "AB==", "AAB=", "A A=", "AA-_"] {
            #expect(Validation.base64(text) == nil)
        }
    }

    private func encode(_ bytes: [UInt8]) throws -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var bits = bytes.flatMap { byte in (0..<8).reversed().map { byte >> $0 & 1 } }
        while !bits.count.isMultiple(of: 6) { bits.append(0) }
        let text = stride(from: 0, to: bits.count, by: 6).map { start in
            letters[bits[start..<start + 6].reduce(0) { $0 << 1 | Int($1) }]
        }
        return String(text) + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }
}

/// Which slots a text selects.
struct ProfileSlotSelectionTests {
    @Test(
        arguments: [
            ("p3", "p3"), ("p1-p4", "p1 p2 p3 p4"), ("p252,p1", "p1 p252"), ("cnat", "cnat"), ("cbridge", "cbridge"),
            ("p2, p1-p2,cnat", "cnat p1 p2"), ("p9-p10", "p9 p10"),
        ])
    func good(text: String, expected: String) throws {
        #expect(try SlotSelection(text, available: nil).slots.map(\.name).joined(separator: " ") == expected)
    }

    @Test func all() throws {
        #expect(try SlotSelection("all", available: [.cnat, .node(2)]).slots == [.cnat, .node(2)])
        #expect(try SlotSelection("p2,all", available: [.cnat, .node(2)]).slots == [.cnat, .node(2)])
    }

    @Test(
        arguments: [
            ("", "a slot is missing in \"\"", "p1,p2"), ("p1,,p2", "a slot is missing in \"p1,,p2\"", "p1,p2"),
            ("p4-p1", "the range p4-p1 runs backwards", "p1-p4"),
            ("p0", "there is no slot \"p0\"", "nodes are p1 to p252"),
            ("p253", "there is no slot \"p253\"", "nodes are p1 to p252"),
            ("p01", "the slot \"p01\" is not written as p and a plain number", "p1"),
            ("3", "the slot \"3\" is not written as p and a plain number", "p3"),
            ("P3", "a slot is written in lower case", "p3"), ("CNAT", "a slot is written in lower case", "cnat"),
            ("cnta", "there is no slot \"cnta\"", "cnat"), ("cnat-p3", "\"cnat-p3\" is no range of nodes", "p1-p4"),
            ("controller", "there is no slot \"controller\"", "cnat, cbridge, plain, or p1 to p252"),
            ("all", "`all` means the slots of a profile, and there is none", "p1-p4, or --profile FILE"),
            ("p99999999999999999999", "there is no slot \"p99999999999999999999\"", "nodes are p1 to p252"),
        ])
    func bad(text: String, message: String, hint: String) {
        #expect(throws: Refusal(message, hint: hint)) { try SlotSelection(text, available: nil) }
    }

    @Test func hostNames() throws {
        let names: [String: Slot] = ["tealc": .node(3), "p1-p2": .node(4), "cnat": .node(1)]
        #expect(try SlotSelection("Tealc,p1", available: nil, hostNames: names).slots == [.node(1), .node(3)])
        #expect(try SlotSelection("p1-p2", available: nil, hostNames: names).slots == [.node(4)])
        #expect(try SlotSelection("cnat", available: nil, hostNames: names).slots == [.cnat])
        #expect(throws: Refusal("there is no slot \"teacl\"", hint: "tealc")) {
            try SlotSelection("teacl", available: nil, hostNames: names)
        }
        let profile = try Fixture.load("slots: {cnat: {hostname: hammond}, p2: {hostname: tealc}, p3: }")
        #expect(profile.hostNames == ["hammond": .cnat, "tealc": .node(2)])
    }

    @Test func notInTheProfile() throws {
        #expect(
            try SlotSelection("p1-p3", available: [.cnat, .node(1)]).slots == [.node(1), .node(2), .node(3)])
    }
}
