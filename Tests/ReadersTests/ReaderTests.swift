import TestSupport
import Testing

@testable import Readers

struct PasswordSchemeTests {
    @Test(
        arguments: [
            ("", nil), ("*", nil), ("!", nil), ("x", nil), ("!$6$salt$hash", nil), ("$6$salt$hash", .sha512),
            ("$5$salt$hash", .sha256), ("$y$j9T$salt$hash", .yescrypt), ("$1$salt$hash", .md5),
            ("$2b$10$salt", .bcrypt), ("abJnggxhB/yWI", .des), ("abJnggxhB/yW", nil),
        ] as [(String, PasswordScheme?)]) func tellsMethods(text: String, scheme: PasswordScheme?)
    {
        #expect(PasswordScheme(hash: text) == scheme)
    }

    /// glibc's own crypt(3) was replaced by libxcrypt in bullseye.
    @Test func knowsWhatReleasesKnow() {
        #expect(PasswordScheme.allCases.filter { $0.isKnown(to: "buster") } == [.sha512, .sha256, .md5, .des])
        #expect(PasswordScheme.allCases.allSatisfy { $0.isKnown(to: "bullseye") })
    }
}

struct AuthorizedKeyOptionsTests {
    @Test(
        arguments: [
            ("restrict", nil), ("no-pty,no-port-forwarding", nil), ("command=\"a, b\",no-pty", nil),
            ("from=\"10.0.0.*\"", nil), ("command=\"echo \\\"x\\\"\"", nil), ("No-PTY", nil),
            ("node1", "sshd knows no key option \"node1\""),
            ("node1,192.0.2.5", "sshd knows no key option \"node1\""),
            ("no-restrict", "sshd knows no key option \"no-restrict\""),
            ("command=ls", "the value of the key option command is not in double quotes"),
            ("command=\"ls", "the value of the key option command is not in double quotes"),
            ("no-pty,", "the key options end in the middle"),
            ("command=\"a\",command=\"b\"", "the key option command occurs twice"),
        ] as [(String, String?)]) func judges(text: String, problem: String?)
    {
        #expect(AuthorizedKeyOptions(text, version: .init(9, 2)).problem == problem)
    }

    /// `ssh-keygen -l` reads the lines of authorized_keys with the same code, but skips what it does not know; so the
    /// judge is a server that is asked for a login. Here only the version is ours to say.
    @Test func knowsVersions() {
        #expect(AuthorizedKeyOptions("verify-required", version: .init(8, 4)).problem == nil)
        #expect(AuthorizedKeyOptions("verify-required", version: .init(7, 9)).problem != nil)
    }

    @Test("a list of options of any length is judged in one go")
    func manyOptions() {
        let options = Array(repeating: "restrict", count: 50_000).joined(separator: ",")
        let judged = AuthorizedKeyOptions(options, version: .init(9, 2))
        #expect(judged.problem == nil && judged.names.count == 50_000)
    }
}

struct AccountsTests {
    /// getpwnam(3) stops at the first line.
    @Test func takesTheFirstLineOfAName() throws {
        let accounts = Accounts(
            passwd: ["pi:x:1000:1000:,,,:/home/pi:/bin/bash", "pi:x:0:0::/root:/bin/sh", "broken", "#x:x:1:1:::"],
            shadow: ["pi:$6$a$b:19480:0:99999:7::20000:", "pi:*:::::::"], group: ["sudo:x:27:pi,sam", "pi:x:1000:"])
        let pi = try #require(accounts.user(named: "pi"))
        #expect(pi.id == 1000 && pi.hasLoginShell && accounts.users.count == 1)
        #expect(accounts.groups(of: pi) == ["sudo", "pi"])
        #expect(accounts.hash(of: pi) == "$6$a$b")
        #expect(accounts.shadows["pi"]?.expires == 20000 && accounts.shadows["pi"]?.line == 1)
    }

    @Test func takesAHashInPasswd() throws {
        let accounts = Accounts(
            passwd: ["pi:abJnggxhB/yWI:1000:1000::/home/pi:"], shadow: ["pi:$6$a$b:1::::::"], group: [])
        #expect(accounts.hash(of: try #require(accounts.user(named: "pi"))) == "abJnggxhB/yWI")
    }

    @Test("of users without end the first count, and groups are found for each")
    func manyUsers() throws {
        let names = (0..<20_000).map { "u\($0)" }
        let accounts = Accounts(
            passwd: names.enumerated().map { "\($1):x:\($0):7::/:/bin/sh" }, shadow: names.map { "\($0):*:1::::::" },
            group: ["own:x:7:"] + names.map { "g\($0):x:1:\($0),u5,u5" })
        #expect(accounts.users.count == 1000 && accounts.groups.count == 20_001)
        let user = try #require(accounts.user(named: "u5"))
        #expect(accounts.groups(of: user).count == 20_001)
        for user in accounts.users where user.name != "u5" {
            #expect(accounts.groups(of: user) == ["own", "g\(user.name)"])
        }
        #expect(accounts.user(named: "u1000") == nil)
    }
}

struct UserConfTests {
    @Test(
        arguments: [
            (["bob:$6$a$b"], .user(name: "bob", hash: "$6$a$b")),
            (["bob:$6$a$b\r", "x"], .user(name: "bob", hash: "$6$a$b")),
            (["bob:h:x"], .user(name: "bob", hash: "h")), (["bob:"], .invalid(why: "the password is empty")),
            (["bob"], .invalid(why: "it has no colon")), ([], .invalid(why: "it has no colon")),
            (["b_b:x"], .invalid(why: "userconf takes no user name like that")),
            (["root:x"], .invalid(why: "userconf takes no user name like that")),
        ] as [([String], UserConf)]) func reads(lines: [String], expected: UserConf)
    {
        #expect(UserConf(lines: lines) == expected)
    }
}

struct HostsAccessTests {
    @Test(
        arguments: [
            ([], [], nil), ([], ["ALL: ALL"], 1), ([], ["# x", "sshd : ALL"], 2),
            ([], ["mountd: ALL", "rpcbind: ALL"], nil),
            (["sshd: 172.19."], ["ALL: ALL"], nil), (["mountd: 172.19.180."], ["ALL: ALL"], 1),
            ([], ["sshd: 10.0.0.1"], nil), ([], ["ALL: ALL EXCEPT 10."], nil), ([], ["sshd: ALL: allow"], nil),
        ] as [([String], [String], Int?)]) func shuts(allow: [String], deny: [String], line: Int?)
    {
        #expect(HostsAccess(allow: allow, deny: deny).shuts("sshd")?.line == line)
    }
}

struct CommandLineFileTests {
    @Test(
        arguments: [
            (Array("a b\n".utf8), [], "a b\n"), (Array("a\0b\n".utf8), [.form(.nul(at: 1))], "a"),
            (Array("a\nb\n".utf8), [.lines(2)], "a\nb\n"), (Array("\na\n".utf8), [.blankFirstLine], "\na\n"),
            (Array("a\nroot=b\n".utf8), [.brokenLine(2)], "a root=b\n"),
            (Array("# x\na\r\nroot=b\n".utf8), [.brokenLine(3), .carriageReturns], "a root=b\n"),
            (Array("root=b\na\n".utf8), [.lines(2)], "root=b\na\n"),
            (Array("a\r\n".utf8), [.carriageReturns], "a\r\n"), ([], [], ""),
        ] as [([UInt8], [CommandLineFile.Oddity], String)])
    func reads(file: [UInt8], oddities: [CommandLineFile.Oddity], text: String) {
        let line = CommandLineFile(file)
        #expect(line.oddities == oddities)
        #expect(String(decoding: line.bytes, as: UTF8.self) == text)
    }
}

struct FirmwareTextTests {
    @Test(
        arguments: [
            (Array("a b\n".utf8), [], "a b\n"), (Array("a\0b\n".utf8), [.nul(at: 1)], "a"),
            (Array("\0\0a\0".utf8), [.nul(at: 0)], "a"), ([0, 0, 0], [.nul(at: 0)], ""),
            ([0xEF, 0xBB, 0xBF, 0x61], [.byteOrderMark], "a"),
            ([0xFF, 0xFE, 0x61, 0, 0x0A, 0], [.utf16], "a\n"), ([0xFE, 0xFF, 0, 0x61, 0], [.utf16], "a"),
            ([0, 0x61, 0, 0x62, 0, 0x63, 0, 0x0A], [.utf16], "abc\n"),
            ([0x61, 0, 0x62, 0, 0x63, 0, 0x0A, 0], [.utf16], "abc\n"),
            (Array("a\n".utf8) + [0xFF, 0xFF, 0x0A], [.garbage(3)], "a\n"), (Array("a\u{1A}".utf8), [.garbage(1)], "a"),
            (Array("a\u{A0}b".utf8), [.noBreakSpaces(1)], "a b"), ([0x61, 0xE9, 0x0A], [], "a\u{FFFD}\n"),
            (Array("a\rb\r".utf8), [.oldLineEnds], "a\nb\n"), (Array("a\r\nb\r\n".utf8), [], "a\r\nb\r\n"),
            ([], [], ""),
        ] as [([UInt8], [FirmwareText.Oddity], String)])
    func reads(file: [UInt8], oddities: [FirmwareText.Oddity], text: String) {
        let found = FirmwareText(file)
        #expect(found.oddities == oddities)
        #expect(String(decoding: found.bytes, as: UTF8.self) == text)
        #expect(FirmwareText(found.bytes).bytes == found.bytes)
    }

    @Test("byte order marks without end are left out in one pass", .mustEnd)
    func manyMarks() {
        let file = FirmwareText(Array((0..<4_000_000).map { _ in [0xEF, 0xBB, 0xBF] as [UInt8] }.joined()) + [0x61])
        #expect(file.bytes == [0x61])
        #expect(file.oddities == [.byteOrderMark])
    }
}

struct ServerCommandLineTests {
    private static let unit = [
        "[Service]", "EnvironmentFile=-/etc/default/ssh", "ExecStart=/usr/sbin/sshd -D $SSHD_OPTS",
    ]

    private func read(_ unit: [String], _ defaults: [String]) -> ServerCommandLine {
        func lines(_ texts: [String], _ path: String) -> [ServerCommandLine.Line] {
            texts.enumerated().map { .init($1, at: .init(path: path, line: $0 + 1)) }
        }
        return ServerCommandLine(unit: lines(unit, "unit"), defaults: lines(defaults, "defaults"))
    }

    @Test(
        arguments: [
            (unit, [], "/etc/ssh/sshd_config", []),
            (
                unit, ["# x", "SSHD_OPTS=\"-o A=b -oC=d -4 -p 2222\""], "/etc/ssh/sshd_config",
                ["A=b", "C=d", "Port 2222"]
            ),
            ([], ["SSHD_OPTS='-f /etc/own'"], "/etc/own", []),
            (
                unit + ["ExecStart=", "ExecStart=/usr/sbin/sshd -D -h /etc/k"], ["SSHD_OPTS=-p1"],
                "/etc/ssh/sshd_config",
                ["HostKey /etc/k"]
            ),
            (unit + ["Environment=\"SSHD_OPTS=-o A=b\""], [], "/etc/ssh/sshd_config", ["A=b"]),
            (unit + ["ExecStartPre=/usr/sbin/sshd -t -f /x"], [], "/etc/ssh/sshd_config", []),
        ] as [([String], [String], String, [String])])
    func reads(unit: [String], defaults: [String], path: String, lines: [String]) {
        let found = read(unit, defaults)
        #expect(found.path == path)
        #expect(found.lines.map(\.text) == lines)
    }

    @Test func saysWhereAWordStands() {
        #expect(read(Self.unit, ["", "SSHD_OPTS=-o A=b"]).lines.first?.origin.description == "defaults:2")
    }
}
