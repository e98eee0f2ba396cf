@testable import Forge
@testable import Inspect
import Readers
import Plans
import TestSupport
import Testing
import Trees

struct PasswordFieldTests {
    @Test(
        arguments: [
            ("", Inspection.Login.Password.none, nil), ("*", .locked, nil), ("!", .locked, nil), ("!!", .locked, nil),
            ("x", .locked, nil), ("!$6$salt$hash", .locked, nil), ("$6$salt$hash", .set, "sha512"),
            ("$5$salt$hash", .set, "sha256"), ("$y$j9T$salt$hash", .set, "yescrypt"), ("$1$salt$hash", .set, "md5"),
            ("$2b$10$salt", .set, "bcrypt"), ("abJnggxhB/yWI", .set, "des"), ("abJnggxhB/yW", .locked, nil),
        ] as [(String, Inspection.Login.Password, String?)])
    func tellsStates(text: String, state: Inspection.Login.Password, method: String?) {
        let field = PasswordField(text)
        #expect(field.state == state)
        #expect(field.method == method)
    }

    @Test(.needs("openssl"), arguments: ["-6", "-5", "-1"]) func knowsDefaultPasswords(method: String) throws {
        let made = try Shell.run("openssl", ["passwd", method, "-salt", "saltsalt", "clusterctrl"])
        let field = PasswordField(made.output.replacing("\n", with: ""))
        #expect(field.matching(["raspberry", "clusterctrl"]) == "clusterctrl")
        #expect(field.matching(["raspberry", "pi"]) == nil)
    }

    /// These would take minutes or gigabytes; the test would show it.
    @Test(arguments: [
        "$6$rounds=999999999$saltsalt$x", "$2b$31$abcdefghijklmnopqrstuu", "$y$jzzzzz$salt$x", "$7$zzzz$x", "!", "",
    ]) func doesNotComputeForLong(text: String) {
        #expect(PasswordField(text).matching(["raspberry"]) == nil)
    }
}

struct InspectionLoginTests {
    private func user(_ name: String, _ change: (inout InspectionFixture) -> Void) throws -> Inspection.Login {
        var fixture = InspectionFixture()
        change(&fixture)
        return try #require(try fixture.inspect().users.first { $0.name == name })
    }

    @Test func tellsAKeyHolder() throws {
        let user = try user("pi") { _ in }
        #expect(user.password == .locked)
        #expect(user.ways == [.sshKey])
        #expect(user.sudo == .free)
        #expect(user.keys.map(\.key.fingerprint) == [InspectionFixture.fingerprint])
        #expect(user.keys.map(\.rejected) == [nil])
    }

    @Test func withoutPAMALockedAccountTakesNoKeys() throws {
        let user = try user("pi") { $0.file("/etc/ssh/sshd_config", "UsePAM no\n") }
        #expect(user.ways.isEmpty)
    }

    @Test("a hash that the release's libcrypt does not know lets nobody in") func unknownMethod() throws {
        var fixture = InspectionFixture()
        fixture.file("/etc/os-release", "VERSION_CODENAME=buster\nVERSION_ID=\"10\"\n")
        fixture.file("/etc/shadow", "pi:$y$j9T$saltsalt$hash:19000:0:99999:7:::\n", mode: 0o640)
        let inspection = try fixture.inspect()
        #expect(inspection.users.first { $0.name == "pi" }?.ways == [.sshKey])
        #expect(inspection.findings.contains { $0.id == .passwordScheme && $0.severity == .warning })
    }

    @Test func tellsAPasswordHolder() throws {
        let user = try user("pi") {
            $0.file("/etc/shadow", "pi:$6$salt$hash:0:0:99999:7:::\n", mode: 0o640)
            $0.remove("/home/pi/.ssh/authorized_keys")
            $0.remove("/etc/sudoers.d/010_pi-nopasswd")
        }
        #expect(user.password == .set)
        #expect(user.hashMethod == "sha512")
        #expect(user.mustChangePassword)
        #expect(user.ways == [.consolePassword, .sshPassword])
        #expect(user.sudo == .password)
    }

    @Test(
        arguments: [
            ("PermitRootLogin no", []), ("PermitRootLogin prohibit-password", [.sshKey]),
            ("PermitRootLogin yes", [.sshPassword, .sshKey]),
            ("PermitRootLogin yes\nPasswordAuthentication no", [.sshKey]), ("PubkeyAuthentication no", []),
        ] as [(String, [Inspection.Login.Way])]) func minds(rootLogin: String, expected: [Inspection.Login.Way]) throws
    {
        let user = try user("root") {
            $0.file("/etc/shadow", "root:$6$salt$hash:19480::::::\n")
            $0.file("/etc/ssh/sshd_config", rootLogin + "\n")
            $0.folder("/root", mode: 0o700)
            $0.folder("/root/.ssh", mode: 0o700)
            $0.file("/root/.ssh/authorized_keys", InspectionFixture.key, mode: 0o600)
        }
        #expect(user.ways == [.consolePassword] + expected)
    }

    /// The modes and owners that make sshd ignore a file, and its reason.
    @Test(
        arguments: [
            (0o600, 1000, 0o700, 1000, nil), (0o644, 0, 0o755, 0, nil),
            (0o664, 1000, 0o700, 1000, "/home/pi/.ssh/authorized_keys has mode 664, so others may write it"),
            (0o600, 1000, 0o777, 1000, "/home/pi/.ssh has mode 777, so others may write it"),
            (0o600, 1001, 0o700, 1000, "/home/pi/.ssh/authorized_keys belongs to uid 1001, not to pi"),
            (0o600, 1000, 0o700, 1001, "/home/pi/.ssh belongs to uid 1001, not to pi"),
            (0o600, 0, 0o755, 1000, "pi may not read /home/pi/.ssh/authorized_keys (owner 0, mode 600)"),
            (0o600, 1000, 0o700, 0, "pi may not read /home/pi/.ssh (owner 0, mode 700)"),
        ] as [(UInt16, UInt32, UInt16, UInt32, String?)])
    func checksModes(mode: UInt16, owner: UInt32, folderMode: UInt16, folderOwner: UInt32, reason: String?) throws {
        let user = try user("pi") {
            $0.folder("/home/pi/.ssh", mode: folderMode, owner: folderOwner)
            $0.file("/home/pi/.ssh/authorized_keys", InspectionFixture.key, mode: mode, owner: owner)
        }
        #expect(user.keys.map(\.rejected) == [reason])
        #expect(user.ways == (reason == nil ? [.sshKey] : []))
    }

    @Test func findsKeysWhereTheServerLooks() throws {
        let user = try user("pi") {
            $0.file("/etc/ssh/sshd_config", "AuthorizedKeysFile /etc/keys/%u.%U %h/k%%\nUsePAM yes\n")
            $0.file("/etc/keys/pi.1000", InspectionFixture.key)
            $0.file("/home/pi/k%", InspectionFixture.key, owner: 1000)
        }
        #expect(user.keys.map(\.file) == ["/etc/keys/pi.1000", "/home/pi/k%"])
    }

    @Test func leavesOutWhoCannotGetIn() throws {
        #expect(try InspectionFixture().inspect().users.map(\.name) == ["root", "pi"])
    }

    @Test("the passwords of the first users are compared with well-known ones, and no more", .needs("openssl"))
    func manyUsers() throws {
        let made = try Shell.run("openssl", ["passwd", "-1", "-salt", "saltsalt", "clusterctrl"])
        let hash = made.output.replacing("\n", with: "")
        var fixture = InspectionFixture()
        let names = (0..<30).map { "u\($0)" }
        fixture.file("/etc/passwd", names.enumerated().map { "\($1):x:\($0 + 1000):1::/:/bin/sh\n" }.joined())
        fixture.file("/etc/shadow", names.map { "\($0):\(hash):1::::::\n" }.joined())
        let users = try fixture.inspect().users
        #expect(users.map(\.name) == names)
        #expect(users.filter { $0.defaultPassword == "clusterctrl" }.count == 20)
    }
}
