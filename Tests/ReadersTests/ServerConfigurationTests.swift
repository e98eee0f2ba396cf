import Foundation
import TestSupport
import Testing

@testable import Readers

/// Texts of configuration files by path, as `ServerConfiguration` reads them.
struct ServerFiles {
    var texts: [String: String]

    func configuration(_ path: String = "/etc/ssh/sshd_config", version: ServerVersion = .init(9, 2))
        -> ServerConfiguration
    {
        let texts = texts
        return ServerConfiguration(
            version: version, path: path,
            from: .init(
                lines: { path in
                    texts[path]?.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                },
                paths: { pattern in texts.keys.filter { Wildcard(pattern).matches($0) }.sorted() }))
    }

    init(_ texts: [String: String]) { self.texts = texts }

    /// One file.
    init(_ text: String) { texts = ["/etc/ssh/sshd_config": text] }
}

struct ServerConfigurationTests {
    private func options(
        _ text: String, _ others: [String: String] = [:], version: ServerVersion = .init(9, 2)
    ) -> ServerOptions {
        ServerFiles(others.merging(["/etc/ssh/sshd_config": text]) { $1 }).configuration(version: version)
            .options(for: .init(user: "pi", groups: ["pi", "sudo"]))
    }

    @Test func hasTheDefaultsOfSSHD() {
        let options = options("")
        #expect(options.takesPasswords && options.takesKeys && options.checksModes)
        #expect(!options.usesPAM && !options.takesEmptyPasswords && !options.takesInteractive)
        #expect(options.rootLogin == "prohibit-password")
        #expect(options.keyFiles == [".ssh/authorized_keys", ".ssh/authorized_keys2"])
        #expect(options.ports == ["22"])
    }

    @Test func tellsTheLineThatWins() {
        let options = options(
            "Include /etc/ssh/sshd_config.d/*.conf\nPasswordAuthentication no",
            [
                "/etc/ssh/sshd_config.d/20-b.conf": "PasswordAuthentication no",
                "/etc/ssh/sshd_config.d/10-a.conf": "# first\nPasswordAuthentication yes",
            ])
        #expect(options.takesPasswords)
        #expect(options.entry("passwordauthentication")?.origin.description == "/etc/ssh/sshd_config.d/10-a.conf:2")
    }

    /// Relative names belong to /etc/ssh (sshd_config(5), Include).
    @Test func includesRelativeNames() {
        let texts = ["/etc/ssh/own.d/a.conf": "Port 2222"]
        #expect(options("Include own.d/*", texts).ports == ["2222"])
        #expect(options("Include \"own.d/*\" /none/*", texts).ports == ["2222"])
    }

    @Test func endsWhenFilesIncludeThemselves() {
        let configuration = ServerFiles("Port 1\nInclude /etc/ssh/*").configuration()
        #expect(configuration.problems.count == 1)
    }

    /// KbdInteractiveAuthentication replaced ChallengeResponseAuthentication in 8.7; before, each could turn it on.
    @Test(
        arguments: [
            ("UsePAM yes\nKbdInteractiveAuthentication no", false, true),
            ("UsePAM yes\nChallengeResponseAuthentication no", false, false),
            ("UsePAM yes\nChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes", false, true),
            ("UsePAM yes", true, true), ("", false, false),
        ]) func knowsTheTwoNamesOfInteractive(text: String, now: Bool, before: Bool)
    {
        #expect(options(text).takesInteractive == now)
        #expect(options(text, version: .init(7, 9)).takesInteractive == before)
    }

    /// What stretch to bullseye have no word for keeps their sshd from starting.
    @Test(
        arguments: [
            ("Include /etc/ssh/x", "7.9", 1), ("Include /etc/ssh/x", "8.4", 0), ("RequiredRSASize 2048", "8.4", 1),
            ("RequiredRSASize 2048", "9.2", 0), ("PasswordAuthentication no # why", "8.4", 1),
            ("PasswordAuthentication no # why", "9.2", 0), ("UsePrivilegeSeparation sandbox", "9.2", 0),
        ]) func knowsWhatAVersionKnows(text: String, version: String, problems: Int) throws
    {
        let numbers = version.split(separator: ".").compactMap { Int($0) }
        let configuration = ServerFiles(text).configuration(version: .init(numbers[0], numbers[1]))
        #expect(configuration.problems.count == problems)
    }

    @Test(
        arguments: [
            ("", nil), ("AllowUsers sam pi", nil), ("AllowUsers sam\nAllowUsers p*", nil),
            ("AllowUsers sam", "allowusers sam"), ("DenyUsers p?", "denyusers p?"), ("AllowUsers pi@10.0.0.1", nil),
            ("DenyUsers pi@10.0.0.1", nil), ("AllowGroups wheel", "allowgroups wheel"), ("AllowGroups su*", nil),
            ("AllowUsers pi\nDenyGroups sudo", "denygroups sudo"), ("Match User pi\nDenyUsers pi", "denyusers pi"),
        ] as [(String, String?)]) func admits(text: String, refusal: String?)
    {
        #expect(options(text).refusal(ofUser: "pi", groups: ["sudo", "pi"])?.text == refusal)
    }

    @Test(
        arguments: [
            ("", true), ("AuthenticationMethods publickey", true), ("AuthenticationMethods publickey,password", false),
            ("AuthenticationMethods publickey,password publickey", true), ("AuthenticationMethods any", true),
            ("AuthenticationMethods password", false),
        ]) func knowsWhatIsEnough(text: String, isEnough: Bool)
    {
        #expect(options(text).isEnough(["publickey"]) == isEnough)
    }

    @Test(
        arguments: [
            ("", "ssh-ed25519", true), ("PubkeyAcceptedAlgorithms ssh-ed25519", "ssh-rsa", false),
            ("PubkeyAcceptedKeyTypes rsa-sha2-*", "ssh-rsa", true),
            ("PubkeyAcceptedAlgorithms -ssh-ed25519*", "ssh-ed25519", false),
            ("PubkeyAcceptedAlgorithms +ssh-dss", "ssh-ed25519", true),
        ]) func takesKeyTypes(text: String, type: String, isTaken: Bool)
    {
        #expect((options(text).refusal(ofKeyType: type) == nil) == isTaken)
    }

    @Test(
        arguments: [
            ("", nil), ("ListenAddress 0.0.0.0", nil), ("ListenAddress 127.0.0.1", 1),
            ("ListenAddress 127.0.0.1\nListenAddress 10.0.0.2", nil), ("ListenAddress ::1\nListenAddress localhost", 1),
        ] as [(String, Int?)]) func tellsWhereItListens(text: String, line: Int?)
    {
        #expect(options(text).loopbackOnly?.origin.line == line)
    }

    /// By address nothing is known at build time, so such blocks are told apart.
    @Test func listsWhatDepends() {
        let options = options("PasswordAuthentication no\nMatch Address 10.0.0.0/8 User pi\nPasswordAuthentication yes")
        #expect(!options.takesPasswords)
        #expect(options.exceptions.map(\.text) == ["passwordauthentication yes"])
        #expect(options.exceptions.map(\.origin.line) == [3])
    }

    @Test(
        arguments: [
            (".ssh/authorized_keys", "/home/pi/.ssh/authorized_keys"), ("%h/k%%%u", "/home/pi/k%pi"),
            ("/etc/keys/%u.%U", "/etc/keys/pi.1000"),
        ]) func expandsTokens(pattern: String, path: String)
    {
        #expect(ServerOptions.keyPath(pattern, user: "pi", id: 1000, home: "/home/pi") == path)
    }

    @Test(arguments: [
        ("*.conf", "a.conf", true), ("*.conf", "a.conf.bak", false), ("a*b*c", "aXXbYYbc", true), ("a*b", "a", false),
        ("002[0-5]", "0024", true), ("002[0-5]", "0026", false), ("00[12]?", "0021", true), ("[", "[", true),
        ("", "", true), ("*", "", true), ("?", "", false), ("a[b", "a[b", true),
    ]) func matchesPatterns(pattern: String, text: String, expected: Bool) {
        #expect(Wildcard(pattern).matches(text) == expected)
    }

    @Test("files that are included over and over, and lines without end, are read as far as a limit")
    func bounds() {
        let lines = String(repeating: "UsePAM yes\n", count: 1000)
        let files = ServerFiles([
            "/etc/ssh/sshd_config": String(repeating: "Include /etc/ssh/more\n", count: 400), "/etc/ssh/more": lines,
        ])
        let configuration = files.configuration()
        #expect(configuration.main.lines.reduce(0) { $0 + $1.included.reduce(0) { $0 + $1.lines.count } } < 20_000)
        #expect(configuration.problems.contains { $0.why.contains("more than 20000 lines together") })
        let wrong = ServerFiles(String(repeating: "Nonsense 1\n", count: 19_000)).configuration()
        #expect(wrong.problems.count == 19_000)
    }
}
