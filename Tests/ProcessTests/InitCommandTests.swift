import Foundation
import TestSupport
import Testing

/// From nothing to a profile that builds, by questions and by options, and the steps that are printed after it.
@Suite(.needs(BaseSpec.tools + ["python3", "ssh-keygen"]))
struct InitCommandTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge
    private static let baseName = "2025-11-24-1-bookworm-ClusterCTRL-armhf-lite-CNAT.img"

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    private func path(_ name: String) -> String { folder.path + "/" + name }

    private func addBase(_ name: String = baseName) async throws {
        try FileManager.default.createSymbolicLink(
            atPath: path(name), withDestinationPath: try await BaseSpec.of("bookworm", "cnat").path())
    }

    private func addKey() throws {
        try FileManager.default.createDirectory(atPath: path(".ssh"), withIntermediateDirectories: true)
        let made = try Shell.run(
            "ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "me@laptop", "-f", path(".ssh/id_ed25519")])
        try #require(made.status == 0, "\(made.error)")
    }

    private func profile(_ name: String = "piforge.yaml") throws -> String {
        try String(contentsOfFile: path(name), encoding: .utf8)
    }

    private func mode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return try #require(attributes[.posixPermissions] as? Int)
    }

    /// Runs every line that is indented by two blanks, as somebody pastes them.
    private func paste(_ text: String) throws {
        let lines = text.split(separator: "\n").filter { $0.hasPrefix("  piforge ") }
        #expect(lines.count == 2, "\(text)")
        let programs = URL(fileURLWithPath: Piforge.program).deletingLastPathComponent().path
        for line in lines {
            let answer = try Shell.run(
                "env", ["-C", folder.path, "sh", "-c", "PATH=\(programs):$PATH; \(line)"],
                environment: ["HOME": folder.path, "XDG_CACHE_HOME": Piforge.sharedCache])
            #expect(answer.status == 0, "\(line): \(answer.error)")
        }
    }

    /// Whether a hash is that of a password, as openssl makes it.
    private func isHash(_ profile: String, of password: String) throws -> Bool {
        let hash = try #require(profile.firstMatch(of: /password_hash: "(\$6\$([^$]+)\$[^"]+)"/))
        let made = try Shell.run("openssl", ["passwd", "-6", "-salt", String(hash.2), password])
        return made.output == hash.1 + "\n"
    }

    @Test("all is asked: what is wrong is refused with its reason, Enter takes what is shown, and the profile builds")
    func asks() async throws {
        try await addBase()
        try addKey()
        let asked = try piforge.runAtTerminal(
            ["init", "--ask"], environment: ["LANG": "en_GB.UTF-8", "LC_ALL": ""],
            [
                .answer("none [cnat]: ", "cant"), .see("hint:  cnat"), .answer("none [cnat]: ", ""),
                .answer("names [mycluster]: ", "SG 1"), .see("error: the cluster name"),
                .answer("names [mycluster]: ", "sg1"),
                .answer("[controller,node1,node2,node3,node4]: ", "hammond,oneil,oneil"),
                .see("error: the host name `oneil` is there twice"),
                .answer("[controller,node1,node2,node3,node4]: ", "hammond, oneil, carter"),
                .answer("a file or none [~/.ssh/id_ed25519.pub]: ", "~/.ssh/id_ed25519"),
                .see("is a private key: it must never leave your machine"), .see(".ssh/id_ed25519.pub"),
                .answer("[~/.ssh/id_ed25519.pub]: ", ""),
                .answer("Password, or Enter for the key alone: ", "stargate"), .answer("Again: ", "stargaze"),
                .see("error: the two inputs differ"),
                .answer("Password, or Enter for the key alone: ", "stargate"), .answer("Again: ", "stargate"),
                .answer("or none [none]: ", "Home \"5\""), .answer("open network: ", "short"),
                .see("error: the Wi-Fi passphrase has 5 bytes"), .answer("open network: ", "correct horse"),
                .answer("rules hold [GB]: ", "de"), .see("hint:  DE"), .answer("rules hold [GB]: ", "DE"),
                .answer("[Y/n]: ", "maybe"), .see("neither yes nor no"), .answer("[Y/n]: ", ""),
                .answer("Time zone, or none", "Mars"), .answer("Locale, or none [en_GB.UTF-8]: ", ""),
                .answer("a file or none [\(Self.baseName)]: ", "nothing.img"), .see("there is no such file"),
                .answer("a file or none [\(Self.baseName)]: ", ""), .see("wrote piforge.yaml"),
            ])
        #expect(asked.status == 0)
        #expect(!asked.screen.contains("stargate") && !asked.screen.contains("correct horse"), "\(asked.screen)")
        let text = try profile()
        #expect(try isHash(text, of: "stargate") && !text.contains("stargate"))
        #expect(text.contains(#"wifi: {ssid: "Home \"5\"", psk: "correct horse", country: "DE"}"#))
        for line in [
            "cluster: sg1", "base: \"\(Self.baseName)\"", "cgroups: true", "time_zone: Mars", "hostname: hammond",
        ] {
            #expect(text.contains(line), "\(text)")
        }
        #expect(try mode("piforge.yaml") == 0o600)
        // The image has no such zone, and says so; with a real one the printed steps work.
        try Shell.write(Array(text.replacing("Mars", with: "Europe/Berlin").utf8), to: path("piforge.yaml"))
        try paste(asked.screen)
        #expect(FileManager.default.fileExists(atPath: path("sg1-p2.img")))
    }

    @Test("the same by options, whose next steps work as they are printed", arguments: ["piforge.yaml", "conf/c.yaml"])
    func options(_ file: String) async throws {
        try await addBase("my base.img")
        try addKey()
        try FileManager.default.createDirectory(atPath: path("conf"), withIntermediateDirectories: false)
        try Shell.write(Array("stargate\n".utf8), to: path("secret"))
        let made = try piforge.run(
            ["init"] + (file == "piforge.yaml" ? [] : [file]) + [
                "--controller", "cbridge", "--names", "gate,node1", "--key", ".ssh/id_ed25519.pub", "--password-file",
                "secret", "--wifi", "Home", "--wifi-password-file", "secret", "--wifi-country", "GB", "--no-containers",
                "--base", "my base.img",
            ])
        #expect(made.status == 0, "\(made.error)")
        let text = try profile(file)
        #expect(try isHash(text, of: "stargate"))
        #expect(text.contains("  cbridge:\n    hostname: gate\n    wifi: {ssid: \"Home\"") && !text.contains("cgroups"))
        try paste(made.error)
    }

    @Test(
        "without options every setting is shown, and the next steps work as they are printed", arguments: [true, false])
    func template(hasBase: Bool) async throws {
        if hasBase { try await addBase() }
        let made = try piforge.run("init")
        #expect(made.status == 0 && made.error.hasPrefix("wrote piforge.yaml\nnext"), "\(made.error)")
        if !hasBase {
            // Whoever follows the line before them has such an image now.
            #expect(made.error.contains("dist.8086.net"))
            try FileManager.default.createSymbolicLink(
                atPath: path(Self.baseName + ".xz"),
                withDestinationPath: try await BaseSpec.of("bookworm", "cnat").path())
        }
        try paste(made.error)
    }

    @Test("a file that exists is never overwritten, and nothing is asked in vain") func exists() throws {
        try Shell.write(Array("mine\n".utf8), to: path("piforge.yaml"))
        for options in [[], ["--key", "none"], ["--ask"]] {
            let answer = try piforge.runAtTerminal(["init"] + options, [])
            #expect(answer.status == 73)
            #expect(
                answer.screen == """
                    error: could not create piforge.yaml: it exists
                    hint:  name another file: piforge init cluster.yaml, or use --force to replace it

                    """)
            #expect(try profile() == "mine\n")
        }
    }

    @Test("Ctrl-C and the end of input leave nothing, at any question", arguments: ["\u{3}", "\u{4}"])
    func stops(_ key: String) throws {
        let steps: [TerminalSession.Step] = [
            .answer("[cnat]: ", ""), .answer("[mycluster]: ", ""),
            .answer("[controller,node1,node2,node3,node4]: ", ""),
            .answer("a file or none [none]: ", ""), .answer("Password of the user pi: ", "x"), .answer("Again: ", "x"),
            .answer("or none [none]: ", ""),
        ]
        for count in [0, 4, 6] {
            var taken = Array(steps.prefix(count))
            taken.append(.keys(steps[count].expect, key))
            let answer = try piforge.runAtTerminal(["init", "--ask"], taken)
            #expect(answer.status == (key == "\u{3}" ? 130 : 64), "\(answer.screen)")
            #expect(answer.screen.contains("\nerror: "), "\(answer.screen)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }
    }

    @Test("without a terminal --ask is an error, and so is a profile by which nobody can log in") func refusals() throws
    {
        let asked = try piforge.run("init", "--ask")
        #expect(asked.status == 64)
        #expect(asked.error.hasPrefix("error: could not ask: standard input is no terminal\nhint:  piforge init --"))
        let locked = try piforge.run("init", "--controller", "cnat")
        #expect(locked.status == 64)
        #expect(
            locked.error == """
                error: could not write a profile: without a key and a password nobody can log in
                hint:  --key ~/.ssh/id_ed25519.pub, or --password-file FILE

                """)
        for (options, message) in [
            (["--names", "gate,p2"], "--names: `p2` is the name of another slot than p1"),
            (["--names", "gate"], "--names: a controller and at least one node need a name each"),
            (["--key", "nothing.pub"], "--key: could not open nothing.pub: there is no such file"),
            (["--wifi-country", "GB"], "--wifi-country: no network is named"),
            (["--wifi", "Home", "--controller", "none"], "--wifi: only a controller joins a network"),
            (["--time-zone", "Mars/"], "--time-zone: "),
        ] {
            let answer = try piforge.run(["init", "--password-file", "/etc/hostname"] + options)
            #expect(answer.status == 64 && answer.error.hasPrefix("error: could not use \(message)"), "\(answer.error)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test("a password is asked for twice where a hash is wanted") func passwordHash() async throws {
        let made = try piforge.runAtTerminal(
            ["hash-password"],
            [
                .answer("Password: ", "one"), .answer("Again: ", "two"), .see("error: the two inputs differ"),
                .answer("Password: ", "stargate"), .answer("Again: ", "stargate"), .see("$6$"),
            ])
        #expect(made.status == 0 && !made.screen.contains("stargate"))
        let base = try await BaseSpec.plain.path()
        let built = try piforge.runAtTerminal(
            ["build", "--slot", "p1", "--base", base, "--password-hash", "ask"],
            [.answer("Password: ", "stargate"), .answer("Again: ", "stargate")])
        #expect(built.status == 0, "\(built.screen)")
        let refused = try piforge.run("build", "--slot", "p1", "--base", base, "--password-hash", "ask")
        #expect(refused.status == 64)
        #expect(
            refused.error == """
                error: could not ask for the password: standard input is no terminal
                hint:  --password-hash "$(printf '%s' "$SECRET" | piforge hash-password)"

                """)
    }
}
