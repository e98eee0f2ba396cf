import TestSupport
import Testing

@testable import Plans

struct RuleCase: CustomTestStringConvertible {
    let rule: TextRule
    let old: String
    let new: String
    init(_ rule: TextRule, _ old: String, _ new: String) {
        (self.rule, self.old, self.new) = (rule, old, new)
    }
    var testDescription: String { "\(rule) on \(old.debugDescription)" }
}

struct TextRuleTests {
    static let lineCases: [RuleCase] = [
        .init(.ensureLine("a"), "", "a\n"),
        .init(.ensureLine("a"), "b", "b\na\n"),
        .init(.ensureLine("a"), "b\na", "b\na"),
        .init(.ensureLine("a"), "b\r\n", "b\r\na\r\n"),
        .init(.ensureLine("a"), "b\r\na\r\n", "b\r\na\r\n"),
        .init(.ensureLine("é"), "b\u{0301}\n", "b\u{0301}\né\n"),
        .init(.removeLine("a"), "a\nb\na\nc", "b\nc"),
        .init(.setActive("x=1", true, whenMissing: .leave), "#x=1\ny\n", "x=1\ny\n"),
        .init(.setActive("x=1", true, whenMissing: .leave), "# x=1\n", "x=1\n"),
        .init(.setActive("x=1", false, whenMissing: .leave), "x=1\ny", "#x=1\ny"),
        .init(.setActive("x=1", false, whenMissing: .leave), "# x=1\n", "# x=1\n"),
        .init(.setActive("x=1", true, whenMissing: .leave), "x=10\n", "x=10\n"),
        .init(.setActive("x=1", true, whenMissing: .append), "x=10\n", "x=10\nx=1\n"),
        .init(
            .setLine(.init(prefix: "a=", suffix: "#t", excluding: "a=9"), to: "a=2 #t", whenMissing: .fail),
            "\ta=1 #t\r\na=9 #t\na=1\n", "\ta=2 #t\r\na=9 #t\na=1\n"),
        .init(
            .setWord("eth0", present: true, inLine: .init(prefix: "deny e*")), "deny e* eth0 u\n", "deny e* u eth0\n"),
        .init(.setWord("eth0", present: false, inLine: .init(prefix: "deny e*")), "deny e* eth0 u", "deny e* u"),
        .init(.setWord("eth0", present: false, inLine: .init(prefix: "deny e*")), "deny e*  u", "deny e*  u"),
    ]

    static let fileCases: [RuleCase] = [
        .init(.setVariable("A", "2"), "A=1\nB=1\n", "A=2\nB=1\n"),
        .init(.setVariable("A", "2"), "#A=2\n", "#A=2\nA=2\n"),
        .init(.setVariable("A", "\"gb\""), "A=gb\n", "A=gb\n"),
        .init(.setVariable("A", "2"), "A=2\nA=1\n", "A=2\n"),
        .init(.removeVariable("A"), "A=1\n#A=1\nAB=1\nA=2", "#A=1\nAB=1\n"),
        .init(
            .setHostNames(address: "127.0.1.1", names: ["t.x", "t", "p3"]),
            "127.0.0.1 localhost\n127.0.1.1\tcbridge # old\n127.0.1.10 x\n",
            "127.0.0.1 localhost\n127.0.1.1\tt.x t p3\n127.0.1.10 x\n"),
        .init(
            .setHostNames(address: "127.0.1.1", names: ["t"]), "127.0.0.1 localhost\n::1 localhost",
            "127.0.0.1 localhost\n127.0.1.1\tt\n::1 localhost"),
        .init(.setHostNames(address: "127.0.1.1", names: ["t"]), "127.0.1.1   t # mine\n", "127.0.1.1   t # mine\n"),
        .init(
            .setHostNames(address: "127.0.1.1", names: ["t"]), "127.0.1.1 a\nx y\n127.0.1.1 b\n", "127.0.1.1\tt\nx y\n"),
        .init(.addHostNames(address: "10.0.0.1", names: ["a", "b"]), "10.0.0.1 b\n", "10.0.0.1\tb a\n"),
        .init(
            .addHostNames(address: "10.0.0.1", names: ["a"]), "10.0.0.2 a c\n::2 a\n",
            "10.0.0.2\tc\n::2 a\n10.0.0.1\ta\n"),
        .init(.addHostNames(address: "10.0.0.1", names: ["a"]), "127.0.1.1 a\n", "127.0.1.1 a\n10.0.0.1\ta\n"),
        .init(
            .setServerOption("PasswordAuthentication", "no"), "#PasswordAuthentication yes\nMatch User x\n",
            "PasswordAuthentication no\nMatch User x\n"),
        .init(
            .setServerOption("PasswordAuthentication", "no"), "Port 22\nMatch User x\n  PasswordAuthentication yes\n",
            "Port 22\nPasswordAuthentication no\nMatch User x\n  PasswordAuthentication yes\n"),
        .init(
            .setServerOption("PasswordAuthentication", "no"), "passwordauthentication YES\nPasswordAuthentication no\n",
            "PasswordAuthentication no\n"),
        .init(
            .setServerOption("PasswordAuthentication", "no"), "PasswordAuthentication = no\n",
            "PasswordAuthentication = no\n"),
        .init(.ensureAuthorizedKey("ssh-ed25519 AAAA me"), "ssh-ed25519 AAAA you", "ssh-ed25519 AAAA you"),
        .init(
            .ensureAuthorizedKey("ssh-ed25519 AAAA me"), "command=\"a b\" ssh-ed25519 AAAA\n",
            "command=\"a b\" ssh-ed25519 AAAA\n"),
        .init(
            .ensureAuthorizedKey("ssh-ed25519 AAAA me"), "#ssh-ed25519 AAAA\nssh-rsa AAAA",
            "#ssh-ed25519 AAAA\nssh-rsa AAAA\nssh-ed25519 AAAA me\n"),
        .init(
            .setPasswordHash(user: "pi", hash: "$6$a", day: 20000), "root:*:1:0:::::\npi:!:18000:0:99999:7:::\n",
            "root:*:1:0:::::\npi:$6$a:20000:0:99999:7:::\n"),
        .init(
            .setPasswordHash(user: "pi", hash: "$6$a", day: 20000), "pi:$6$a:18000:0:99999:7:::",
            "pi:$6$a:18000:0:99999:7:::"),
    ]

    @Test(arguments: lineCases + fileCases) func table(_ example: RuleCase) throws {
        let result = try example.rule.applied(to: example.old)
        #expect(Array(result.utf8) == Array(example.new.utf8))
        #expect(try Array(example.rule.applied(to: result).utf8) == Array(result.utf8))
    }

    @Test func whatIsNotThereIsAnError() {
        let pattern = TextRule.LinePattern(prefix: "a=", suffix: "#t")
        #expect(throws: TextRuleError.lineNotFound("a=…#t")) {
            try TextRule.setLine(pattern, to: "a=1 #t", whenMissing: .fail).applied(to: "b\n")
        }
        #expect(throws: TextRuleError.lineNotFound("x")) {
            try TextRule.setActive("x", true, whenMissing: .fail).applied(to: "y\n")
        }
        let hash = TextRule.setPasswordHash(user: "pi", hash: "h", day: 1)
        #expect(throws: TextRuleError.userNotFound("pi")) { try hash.applied(to: "pip:x:1:\n") }
        #expect(throws: TextRuleError.malformed("of pi")) { try hash.applied(to: "pi:x\n") }
    }

    @Test func errorsAreSentences() {
        #expect(TextRuleError.lineNotFound("x").description == "it has no line x")
        #expect(TextRuleError.userNotFound("pi").description == "it has no user pi")
        #expect(TextRuleError.malformed("of pi").description == "the line of pi is malformed")
        #expect(
            TextRuleError.commandLineTooLong(byteCount: 901, limit: 900).description
                == "the kernel command line would have 901 bytes, 900 are safe")
        #expect(
            TextRuleError.configLineTooLong("ab", limit: 98).description
                == "the line ab has 2 characters, the firmware reads 98")
    }

    // MARK: Properties

    private static let fragments = [
        "a", "A=1", "#A=1", "A=2", "x=1", "# x=1", "127.0.1.1", "10.0.0.1", "10.0.0.2", "::1", "n1", "n2", "#", "deny",
        "eth0", "e*", "Match", "PasswordAuthentication", "no", "yes", "ssh-rsa", "AAAA", "\"", "=", "é", "pi:x:1:2",
    ]

    private static let rules: [TextRule] = [
        .ensureLine("a"), .removeLine("A=1"), .setActive("x=1", true, whenMissing: .append),
        .setActive("y=1", false, whenMissing: .append), .setVariable("A", "2"), .removeVariable("B"),
        .setHostNames(address: "127.0.1.1", names: ["n1"]), .addHostNames(address: "10.0.0.1", names: ["n2", "n3"]),
        .addHostNames(address: "::2", names: ["n2"]), .setServerOption("PasswordAuthentication", "no"),
        .ensureAuthorizedKey("ssh-rsa AAAA me"), .setWord("eth0", present: true, inLine: .init(prefix: "deny e*")),
        .setLine(.init(prefix: "10.0.0.9"), to: "10.0.0.9 z", whenMissing: .append),
    ]

    @Test(arguments: 0..<300) func aRuleSettlesAtOnce(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let text = generator.text(of: Self.fragments)
        for rule in Self.rules {
            let once = try rule.applied(to: text)
            let twice = try rule.applied(to: once)
            #expect(Array(twice.utf8) == Array(once.utf8), "\(rule) on \(text.debugDescription)")
        }
    }

    @Test(arguments: 0..<300) func bytesComeBack(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let alphabet: [UInt8] = [0x41, 0x0A, 0x0D, 0xC3, 0xA9, 0xFF, 0x80, 0xF4, 0x8F, 0xBC, 0x80, 0xE2, 0x82, 0xAC, 0]
        let bytes = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
            alphabet.randomElement(using: &generator) ?? 0
        }
        #expect(TextBytes.encode(TextBytes.decode(bytes)) == bytes)
        let text = TextBytes.decode(bytes)
        #expect(TextBytes.encode(TextLines(text).text) == bytes)
    }

    /// With a copy of all that came before for each byte it would take hours.
    @Test(.mustEnd) func noiseComesBack() {
        var generator = SeededGenerator(seed: 3)
        let bytes = generator.bytes(400_000)
        #expect(TextBytes.encode(TextBytes.decode(bytes)) == bytes)
    }

    @Test func theEscapesThemselvesComeBack() {
        let bytes = Array("a\u{10FF80}b\u{10FFFF}".utf8) + [0xFF]
        #expect(TextBytes.encode(TextBytes.decode(bytes)) == bytes)
    }

    @Test("a rule's text tells it from every other") func descriptions() {
        let pattern = TextRule.LinePattern(prefix: "a")
        let rules: [TextRule] = [
            .ensureLine("a"), .ensureLine("b"), .removeLine("a"), .removeAllLines,
            .setLine(pattern, to: "a", whenMissing: .leave), .setLine(pattern, to: "a", whenMissing: .fail),
            .setLine(.init(prefix: "a", suffix: "b"), to: "a", whenMissing: .leave),
            .setLine(.init(prefix: "a", part: "b"), to: "a", whenMissing: .leave),
            .setLine(.init(prefix: "a", excluding: "b"), to: "a", whenMissing: .leave),
            .setActive("a", true, whenMissing: .append), .setActive("a", false, whenMissing: .append),
            .setWord("a", present: true, inLine: pattern), .setWord("a", present: false, inLine: pattern),
            .setVariable("a", "b"), .removeVariable("a"), .setHostNames(address: "a", names: ["b", "c"]),
            .setHostNames(address: "a", names: ["b\" \"c"]), .addHostNames(address: "a", names: ["b", "c"]),
            .setNetworkMounts(boot: nil), .setNetworkMounts(boot: ""), .setServerOption("a", "b"),
            .ensureAuthorizedKey("a"), .setPasswordHash(user: "a", hash: "b", day: 1),
            .setPasswordHash(user: "a", hash: "b", day: 2), .setKernelArgument("a"), .removeKernelArgument("a"),
            .removeKernelListItem("a", key: "b"), .removeKernelListItem("b", key: "a"), .removeReconfigInit,
            .setNetworkRoot(["a", "b"]), .setNetworkRoot(["a b"]),
            .setConfigKey(section: "a", key: "b", value: "c", overriding: true),
            .setConfigKey(section: "a", key: "b", value: "c", overriding: false),
            .removeConfigKey(section: nil, key: "a"), .removeConfigKey(section: "", key: "a"),
            .setUSBMode(.host), .setUSBMode(.peripheral),
        ]
        #expect(Set(rules.map(\.description)).count == rules.count)
        #expect(rules[4].description == #"set-line "pattern \"a\" \"\"" "a" "leave""#)
    }
}
