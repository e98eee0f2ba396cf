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
            (Array("a b\n".utf8), [], "a b\n"), (Array("a\0b\n".utf8), [.nul(at: 1)], "a"),
            (Array("a\nb\n".utf8), [.lines(2)], "a\nb\n"), (Array("\na\n".utf8), [.blankFirstLine], "\na\n"),
            (Array("a\r\n".utf8), [.carriageReturns], "a\r\n"), ([0xEF, 0xBB, 0xBF, 0x61], [.byteOrderMark], "a"),
            ([0xFF, 0xFE, 0x61, 0, 0x0A, 0], [.utf16], "a\n"), ([0xFE, 0xFF, 0, 0x61, 0], [.utf16], "a"), ([], [], ""),
        ] as [([UInt8], [CommandLineFile.Oddity], String)])
    func reads(file: [UInt8], oddities: [CommandLineFile.Oddity], text: String) {
        let line = CommandLineFile(file)
        #expect(line.oddities == oddities)
        #expect(String(decoding: line.bytes, as: UTF8.self) == text)
    }
}
