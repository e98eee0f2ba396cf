import Foundation
import TestSupport
import Testing

@testable import Readers

/// The same files read by `sshd -T -C`, which prints what holds for a connection.
@Suite(.needs("sshd", "ssh-keygen")) struct ServerOracleTests {
    private let folder: TemporaryFolder
    private let key: String

    init() throws {
        folder = try TemporaryFolder()
        key = folder.path + "/key"
        let made = try Shell.run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key])
        try #require(made.status == 0, "\(made.error)")
        // sshd asks for this folder even to test a configuration; as on a system that runs.
        try? FileManager.default.createDirectory(atPath: "/run/sshd", withIntermediateDirectories: true)
    }

    /// What sshd prints, by keyword; nil when it refuses the files.
    private func printed(_ texts: [String: String], for connection: String) throws -> [String: [String]]? {
        for (name, text) in texts { try Shell.write(Array(text.utf8), to: folder.path + "/" + name) }
        let answer = try Shell.run("sshd", ["-T", "-f", folder.path + "/main", "-h", key, "-C", connection])
        guard answer.status == 0 else { return nil }
        var result: [String: [String]] = [:]
        for line in answer.output.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            result[words[0], default: []] += words.dropFirst()
        }
        return result
    }

    /// What we say in sshd's words.
    private func told(_ options: ServerOptions) -> [String: [String]] {
        func flag(_ value: Bool) -> [String] { [value ? "yes" : "no"] }
        return [
            "passwordauthentication": flag(options.takesPasswords),
            "kbdinteractiveauthentication": flag(options.interactiveEntry.isOn),
            "pubkeyauthentication": flag(options.takesKeys),
            "permitemptypasswords": flag(options.takesEmptyPasswords), "strictmodes": flag(options.checksModes),
            "usepam": flag(options.usesPAM),
            "permitrootlogin": [options.rootLogin == "prohibit-password" ? "without-password" : options.rootLogin],
            "authorizedkeysfile": options.entry("authorizedkeysfile")?.arguments ?? [
                ".ssh/authorized_keys", ".ssh/authorized_keys2",
            ],
            "allowusers": options.arguments("allowusers"), "denygroups": options.arguments("denygroups"),
            "port": options.ports,
            "authenticationmethods": options.entry("authenticationmethods")?.arguments ?? ["any"],
        ]
    }

    private func compare(_ texts: [String: String]) throws {
        var here: [String: String] = [:]
        for (name, text) in texts { here[name] = text.replacing("@", with: folder.path + "/") }
        let expected = try printed(here, for: "user=nobody,host=h,addr=10.0.0.1,laddr=10.0.0.2,lport=22,rdomain=")
        var paths: [String: String] = [:]
        for (name, text) in here { paths[folder.path + "/" + name] = text }
        let configuration = ServerFiles(paths).configuration(folder.path + "/main")
        guard let expected else {
            #expect(!configuration.problems.isEmpty, "sshd refuses \(texts)")
            return
        }
        #expect(configuration.problems.isEmpty, "sshd takes \(texts)")
        let options = configuration.options(
            for: .init(user: "nobody", groups: ["nogroup"], address: "10.0.0.1"))
        for (keyword, values) in told(options) {
            // Methods that cannot work are dropped from the list that is printed.
            #expect(values == expected[keyword] ?? [], "\(keyword) in \(texts)")
        }
    }

    @Test(arguments: [
        "PasswordAuthentication no", "passwordauthentication=no", "PasswordAuthentication = no",
        "PasswordAuthentication \"no\"", "  PasswordAuthentication\tno  ", "PasswordAuthentication no # remark",
        "#PasswordAuthentication no", "PasswordAuthentication yes\nPasswordAuthentication no", "PasswordAuthentication",
        "PasswordAuthentication maybe", "PasswordAuthentication NO", "PasswordAuthentication no yes",
        "UsePAM yes\nChallengeResponseAuthentication no\nKbdInteractiveAuthentication yes",
        "Match User nobody\nPasswordAuthentication no", "Match User no*,!nobody\nPasswordAuthentication no",
        "Match User sam\nPasswordAuthentication no\nMatch all\nPubkeyAuthentication no",
        "PasswordAuthentication yes\nMatch all\nPasswordAuthentication no", "Match Group nogroup\nPort 22",
        "Match Group nogroup\nPermitRootLogin no", "Match Address 10.0.0.1\nPermitRootLogin yes", "Match\nPort 2",
        "Match all user sam", "Match User", "Match Colour red\nPermitRootLogin no", "Port 22\nPort 2222",
        "AllowUsers a b\nAllowUsers c", "AllowUsers a\nMatch User nobody\nAllowUsers b\nAllowUsers c",
        "AuthorizedKeysFile /etc/k/%u .ssh/a\nAuthorizedKeysFile x", "AuthorizedKeysFile none", "Colour red",
        "UsePrivilegeSeparation yes", "Include @one", "Include @none*", "Match User nobody\nInclude @one",
        "Match User sam\nInclude @two", "Include @two\nPasswordAuthentication yes", "Include @one @two",
        "Include @two @one", "Include @main", "PermitRootLogin without-password", "Match User=nobody\nStrictModes no",
        "AuthenticationMethods publickey,password password", "AuthenticationMethods any\nAuthenticationMethods any",
        "AuthenticationMethods any publickey", "AuthenticationMethods password\nPasswordAuthentication no",
        "X11Forwarding ja", "Match User nobody\nUsePAM yes", "Ciphers aes128-ctr", "Ciphers aes512-ctr",
        "Ciphers +aes128-ctr,x", "Ciphers -x*", "MACs hmac-sha2-256-etm@openssh.com,umac-64-etm@openssh.com",
        "MACs hmac-sha3", "KexAlgorithms curve25519-sha256,sntrup761x25519-sha512@openssh.com",
        "KexAlgorithms mlkem768x25519-sha256", "KexAlgorithms ^diffie-hellman-group1", "Port 0", "Port 65536",
        "Subsystem sftp /a", "Subsystem sftp /a\nSubsystem sftp internal-sftp", "Subsystem a /a\nSubsystem b /b",
        "Match LocalPort 22\nPasswordAuthentication no", "Match LocalPort 23\nPasswordAuthentication no",
        "Match Address *\nPubkeyAuthentication no", "Match Address 0.0.0.0/0,::/0\nPubkeyAuthentication no",
    ]) func agreesOn(text: String) throws {
        try compare([
            "main": text, "one": "PasswordAuthentication no\nPermitRootLogin no",
            "two": "Match User nobody\nPasswordAuthentication no\nMatch User sam\nPermitRootLogin no",
        ])
    }

    /// Files of random lines, which include each other.
    @Test(.mustEnd, arguments: 1...(Thoroughness.isFull ? 400 : 60)) func agreesOnRandomFiles(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        func pick(_ list: [String]) -> String { list[Int.random(in: list.indices, using: &generator)] }
        func lines(_ others: [String]) -> String {
            (0..<Int.random(in: 1...7, using: &generator)).map { _ in
                let flag = [
                    "PasswordAuthentication", "KbdInteractiveAuthentication", "PubkeyAuthentication",
                    "PermitEmptyPasswords", "ChallengeResponseAuthentication",
                ]
                switch Int.random(in: 0..<10, using: &generator) {
                case 0..<4: return pick(flag) + pick([" ", "=", "\t", " = "]) + pick(["yes", "no", "\"no\"", "No"])
                case 4: return "PermitRootLogin " + pick(["yes", "no", "prohibit-password"])
                case 5: return "AllowUsers " + pick(["a", "b c", "nob*"])
                case 6: return "Match " + pick(["all", "User nobody", "User sam", "Group nogroup", "User no?ody,x"])
                case 7 where !others.isEmpty: return "Include @" + pick(others)
                case 8: return "AuthorizedKeysFile " + pick(["%h/k", "/k/%u x", "none"])
                default: return "AuthenticationMethods " + pick(["publickey", "password", "publickey,password"])
                }
            }.joined(separator: "\n")
        }
        try compare(["c": lines([]), "b": lines(["c"]), "main": lines(["b", "c", "none"])])
    }

    /// Every keyword that this sshd has, and every one of ours.
    @Test func knowsTheSameKeywords() throws {
        let answer = try Shell.run("sshd", ["-V"])
        let number = answer.error.firstMatch(of: /OpenSSH_(\d+)\.(\d+)/)
        let version = ServerVersion(
            try #require(number.flatMap { Int($0.1) }), try #require(number.flatMap { Int($0.2) }))
        for keyword in ServerKeyword.all.sorted() {
            let text = "\(keyword) x"
            try Shell.write(Array(text.utf8), to: folder.path + "/main")
            let answer = try Shell.run("sshd", ["-t", "-f", folder.path + "/main", "-h", key])
            let isUnknown = answer.error.contains("Bad configuration option")
            #expect(
                isUnknown == (ServerKeyword.meaning(of: keyword, in: version) == .unknown), "\(keyword), \(version)")
        }
    }
}
