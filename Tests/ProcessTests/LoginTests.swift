import Foundation
import TestSupport
import Testing

/// Whether somebody gets in, as sshd itself decides on the files of a built image; piforge must have said the same.
@Suite(
    .serialized, .needsRoot,
    .needs(BaseSpec.tools + ["unshare", "ip", "mount", "sshd", "ssh", "ssh-keygen", "bash", "timeout"]))
struct LoginTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge
    private let key: String

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
        try Shell.write([], to: folder.path + "/empty")
        let made = try Shell.run(
            "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", folder.path + "/key"])
        try #require(made.status == 0, "\(made.error)")
        key = try String(contentsOfFile: folder.path + "/key.pub", encoding: .utf8).trimmingCharacters(in: .newlines)
    }

    /// What a case puts into the image, and who then gets in.
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        /// Lines of a drop-in that sshd reads before all others.
        var server = ""
        /// Further items of `files`.
        var files: [String] = []
        var takesKey = true
        var takesPassword = true

        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "nothing"),
        Case(name: "no keys", server: "PubkeyAuthentication no", takesKey: false),
        Case(name: "no keys for pi", server: "Match User pi\n PubkeyAuthentication no", takesKey: false),
        Case(name: "no keys on the port", server: "Match LocalPort 22\n PubkeyAuthentication no", takesKey: false),
        Case(name: "keys from nowhere", server: "AuthorizedKeysFile none", takesKey: false),
        Case(name: "both", server: "AuthenticationMethods publickey,password", takesKey: false, takesPassword: false),
        Case(name: "somebody else", server: "AllowUsers sam", takesKey: false, takesPassword: false),
        Case(name: "without a session", server: "MaxSessions 0", takesKey: false, takesPassword: false),
        Case(name: "in a jail", server: "ChrootDirectory /home/jail", takesKey: false, takesPassword: false),
        Case(name: "all keys revoked", server: "RevokedKeys /etc/ssh/revoked", takesKey: false),
        Case(
            name: "an open home",
            files: ["{directory: true, target: /home/pi, mode: \"0777\", owner: 1000, group: 1000}"],
            takesKey: false),
        Case(
            name: "no passwords in the end",
            server: "Match User pi\n PasswordAuthentication no\n KbdInteractiveAuthentication no", takesPassword: false),
    ]

    @Test(arguments: cases) func agreesWithSSHD(example: Case) async throws {
        let hash = try Shell.run("openssl", ["passwd", "-6", "-salt", "saltsalt", "secret"]).output
            .trimmingCharacters(in: .newlines)
        var items = example.files
        if !example.server.isEmpty {
            let text = example.server.replacing("\n", with: "\\n")
            items.append("{content: \"\(text)\\n\", target: /etc/ssh/sshd_config.d/00-a.conf, mode: \"0600\"}")
        }
        let profile = """
            version: 1
            cluster: c
            slots: {p3: }
            defaults:
              ssh: true
              authorized_keys: ["\(key)"]
              password_hash: "\(hash)"
              password_login: true
              files: [\(items.joined(separator: ", "))]

            """
        try Shell.write(Array(profile.utf8), to: folder.path + "/piforge.yaml")
        let names = [
            "keys-off", "keys-elsewhere", "keys-not-enough", "keys-unreadable", "user-refused", "password-refused",
        ]
        let built = try piforge.run(
            ["build", "--slot", "p3", "--base", try await BaseSpec.plain.path(), "--output", "out"]
                + names.flatMap { ["--allow", $0] })
        try #require(built.status == 0, "\(built.error)")
        let login = try logins(to: Card(folder.path + "/out/c-p3.img"), hash: hash)
        #expect(
            login == ["key \(example.takesKey ? "yes" : "no")", "password \(example.takesPassword ? "yes" : "no")"])
        #expect(built.error.contains("authorized_keys has no effect") == !example.takesKey, "\(built.error)")
        #expect(built.error.contains("password_login has no effect") == !example.takesPassword, "\(built.error)")
    }

    /// Reads the image's files back with debugfs, and lets Tests/Fixtures/login try them.
    private func logins(to card: Card, hash: String) throws -> [String] {
        let place = folder.path + "/image"
        try FileManager.default.createDirectory(atPath: place + "/home", withIntermediateDirectories: true)
        let commands =
            ["passwd", "shadow", "group"].map { "dump -p /etc/\($0) \(place)/\($0)\n" }.joined()
            + "rdump /etc/ssh \(place)\nrdump /home/pi \(place)/home\n"
        try Shell.write(Array(commands.utf8), to: folder.path + "/commands")
        let read = try Shell.run("debugfs", ["-f", folder.path + "/commands", card.rootName])
        try #require(read.status == 0, "\(read.error)")
        // What the first boot does with userconf.txt (userconf-pi: chpasswd -e).
        let shadow = try String(contentsOfFile: place + "/shadow", encoding: .utf8)
        let lines = shadow.split(separator: "\n").map { line in
            guard line.hasPrefix("pi:") else { return String(line) }
            var fields = line.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            fields[1] = hash
            return fields.joined(separator: ":")
        }
        try Shell.write(Array((lines.joined(separator: "\n") + "\n").utf8), to: place + "/shadow")
        for name in ["key", "key.pub"] {
            try FileManager.default.copyItem(atPath: folder.path + "/\(name)", toPath: place + "/\(name)")
        }
        let tried = try Shell.run(Repository.path + "/Tests/Fixtures/login", [place])
        try #require(tried.status == 0, "\(tried.error)")
        return tried.output.split(separator: "\n").map(String.init)
    }
}
