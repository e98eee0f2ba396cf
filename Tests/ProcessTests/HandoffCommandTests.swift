import Foundation
import Identity
import TestSupport
import Testing

/// `identity`, `handoff` and what a secret's images, plans and trees show.
@Suite(.needs(BaseSpec.tools + ["ssh-keygen"]))
struct HandoffCommandTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    private func write(_ text: String, _ name: String) throws {
        try Shell.write(Array(text.utf8), to: folder.path + "/" + name)
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    private func writeProfile(_ p3: String = "", base: String = "") throws {
        try write(
            """
            version: 1
            cluster: sg1
            domain: chappa.ai
            identity: sg1.secret
            defaults: {ssh: true, peers: true}
            slots:
              cnat: {hostname: hammond, address: 192.168.42.10}
              p1: {hostname: oneil}
              p3: {hostname: tealc\(p3)}

            """, "piforge.yaml")
    }

    private func run(_ arguments: String...) throws -> String {
        let answer = try piforge.run(arguments)
        try #require(answer.status == 0, "\(arguments): \(answer.error)")
        return answer.output
    }

    @Test("the secret is made once, and is its owner's alone") func newSecret() throws {
        try writeProfile()
        let program = Piforge.program
        let made = try Shell.run(
            "sh", ["-c", "cd \(folder.path) && umask 777 && exec \(program) identity new --json"])
        #expect(made.status == 0, "\(made.error)")
        #expect(made.output == "{\n  \"file\" : \"sg1.secret\",\n  \"schema\" : \"piforge/identity-new/1\"\n}\n")
        let facts = try FileManager.default.attributesOfItem(atPath: folder.path + "/sg1.secret")
        #expect(facts[.posixPermissions] as? Int == 0o600)
        let secret = try text("sg1.secret")
        #expect(throws: Never.self) { try IdentitySecret(fileText: secret) }
        #expect(!made.error.contains(secret.dropLast()))

        let again = try piforge.run("identity", "new")
        #expect(again.status == 73)
        #expect(again.error.hasPrefix("error: could not create sg1.secret: it exists"))
        #expect(try text("sg1.secret") == secret)
        // No two are the same.
        #expect(try run("identity", "new", "other") == "wrote other\n")
        #expect(try text("other") != secret)
    }

    @Test func listsWhatFollowsFromTheSecret() throws {
        try writeProfile(", identity_generation: 2")
        #expect(try piforge.run("identity").status == 65)
        try write("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n", "sg1.secret")
        let lines = try run("identity").split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        // Of Tests/IdentityTests: sg1/p3, generation 2.
        let p3 = try #require(lines.last)
        #expect(p3[0] == "p3" && p3[1] == "tealc" && p3[3] == "1cb37c427c1c49e88e9e386e5e61d433")
        #expect(p3[4...] == ["00:22:82:ff:ff:03", "00:22:82:ff:fe:03"])
        try write("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICPkdnQRHyv8n7mb6OgKpxYAzAPswEK+jhHEpqEPTBb1\n", "p3.pub")
        let listed = try Shell.run("ssh-keygen", ["-l", "-f", folder.path + "/p3.pub"]).output.split(separator: " ")
        #expect(p3[2] == listed[1])
    }

    @Test("a secret from a descriptor is as good as one from a file") func descriptor() throws {
        try writeProfile()
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        let script = "cd \(folder.path) && \(Piforge.program) identity --json --set identity=/dev/fd/3 3< "
        let piped = try Shell.run("bash", ["-c", script + "<(echo \(hex))"])
        #expect(piped.status == 0, "\(piped.error)")
        try write(hex + "\n", "sg1.secret")
        #expect(piped.output == (try run("identity", "--json")))
    }

    @Test("nothing but the image holds the secret or a private key, and two builds are equal") func secrecy()
        async throws
    {
        try writeProfile()
        let base = try await BaseSpec.plain.path()
        _ = try run("identity", "new")
        let secret = try text("sg1.secret").trimmingCharacters(in: .newlines)
        let key = try SlotIdentity(try IdentitySecret(fileText: secret), cluster: "sg1", slot: "p3").hostKey
        var said = ""
        func say(_ arguments: String...) throws {
            let answer = try piforge.run(arguments)
            #expect(answer.status == 0, "\(arguments): \(answer.error)")
            said += answer.output + answer.error
        }
        try say("plan", "--slot", "p3", "--base", base, "--settings")
        try say("plan", "--slot", "p3", "--base", base, "--settings", "--json")
        try say("build", "--slot", "p3", "--base", base, "--output", "a", "--progress", "json")
        try say("build", "--slot", "p3", "--base", base, "--output", "b", "--json")
        try say("netboot", "--slot", "p3", "--base", base, "--output", "t", "--json")
        try say("verify", "a/sg1-p3.img", "--slot", "p3", "--json")
        try say("inspect", "a/sg1-p3.img", "--json")
        try say("identify", "a/sg1-p3.img", "--json")
        try say("identity", "--json")
        try say("handoff", "--json")
        for document in ["ssh_config", "known_hosts", "inventory", "ansible_cfg", "hosts", "dhcp-hosts"] {
            try say("handoff", "--print", document)
        }
        for name in ["a/sg1-p3.img", "t/sg1-p3.tar"] {
            let mode = try FileManager.default.attributesOfItem(atPath: folder.path + "/" + name)[.posixPermissions]
            #expect(mode as? Int == 0o600, "\(name)")
        }
        #expect(try Shell.run("cmp", ["\(folder.path)/a/sg1-p3.img", "\(folder.path)/b/sg1-p3.img"]).status == 0)

        // The middle of the key's text, and the seed as hex: in the image, and in nothing that was said or written.
        let lines = key.privateFileText.split(separator: "\n").map(String.init)
        let needles = [secret, String(secret.prefix(24)), lines[2], lines[3]]
        #expect(try Shell.run("grep", ["-qF", lines[3], "\(folder.path)/a/sg1-p3.img"]).status == 0)
        for needle in needles {
            #expect(!said.contains(needle))
            let found = try Shell.run(
                "grep", ["-rlF", needle, folder.path, "--exclude=*.img", "--exclude=*.tar", "--exclude=sg1.secret"])
            #expect(found.output == "", "\(needle.prefix(8))…")
            #expect(try Shell.run("grep", ["-qF", secret, "\(folder.path)/a/sg1-p3.img"]).status == 1)
        }
        #expect(said.contains(key.publicKey.line))
    }

    @Test("the process's arguments and environment name no secret") func processes() async throws {
        try writeProfile()
        let base = try await BaseSpec.plain.path()
        _ = try run("identity", "new")
        let secret = try text("sg1.secret").prefix(24)
        // Whatever /proc shows of it while it runs.
        let script = """
            cd \(folder.path); \(Piforge.program) build --slot all --base \(base) --output out & p=$!
            while kill -0 $p 2>/dev/null; do cat /proc/$p/cmdline /proc/$p/environ 2>/dev/null; done | tr '\\0' '\\n'
            wait $p
            """
        let shown = try Shell.run("sh", ["-c", script], environment: ["XDG_CACHE_HOME": Piforge.sharedCache])
        #expect(shown.status == 0, "\(shown.error)")
        #expect(shown.output.contains("--output") && !shown.output.contains(secret))
    }

    @Test func verifyJudgesThePublicHalfWithoutTheSecret() async throws {
        try writeProfile()
        let base = try await BaseSpec.plain.path()
        _ = try run("identity", "new")
        _ = try run("build", "--slot", "p1,p3", "--base", base)
        try FileManager.default.removeItem(atPath: folder.path + "/sg1.secret")
        #expect(try piforge.run("build", "--slot", "p1", "--base", base, "--output", "x").status == 65)
        #expect(try piforge.run("verify", "sg1-p3.img", "--slot", "p3").status == 0)
        // p1's key in p3's image, which only the manifest can tell.
        let card = try Card(folder.path + "/sg1-p3.img")
        let other = try Card(folder.path + "/sg1-p1.img")
        for (name, mode) in [("ssh_host_ed25519", "0100600"), ("ssh_host_ed25519.pub", "0100644")] {
            let path = "/etc/ssh/piforge/" + name
            let copy = folder.path + "/copy"
            _ = try Shell.run("debugfs", ["-R", "dump \(path) \(copy)", other.rootName])
            _ = try Shell.run("debugfs", ["-w", "-R", "rm \(path)", card.rootName])
            _ = try Shell.run("debugfs", ["-w", "-R", "write \(copy) \(path)", card.rootName])
            _ = try Shell.run("debugfs", ["-w", "-R", "sif \(path) mode \(mode)", card.rootName])
        }
        let answer = try piforge.run("verify", "sg1-p3.img", "--slot", "p3", "--settings-only")
        #expect(answer.status == 1)
        #expect(answer.output.contains("the host key is SHA256:"), "\(answer.output)")
        #expect(answer.output.contains(", the manifest says SHA256:"), "\(answer.output)")
    }

    @Test("a slot with a base of its own is built with the others") func bases() async throws {
        let nodes = try await BaseSpec.plain.path()
        let controller = try await BaseSpec.of("bullseye", "cnat").path()
        try write(
            """
            version: 1
            cluster: sg1
            base: {image: \(nodes)}
            slots:
              cnat: {base: {image: \(controller)}}
              p1: {}

            """, "piforge.yaml")
        _ = try run("build", "--slot", "all")
        #expect(try run("inspect", "sg1-cnat.img").contains("bullseye"))
        #expect(try run("inspect", "sg1-p1.img").contains("bookworm"))
        #expect(try run("plan", "--slot", "all").contains("sg1-cnat:"))
        #expect(try run("verify", "sg1-cnat.img", "sg1-p1.img") != "")
    }

    @Test("a shared root has no node's key, even when there is one node") func sharedRoot() async throws {
        try writeProfile()
        _ = try run("identity", "new")
        _ = try run("netboot", "--slot", "p1", "--base", try await BaseSpec.plain.path(), "--layout", "shared")
        let listed = try Shell.run("tar", ["tf", folder.path + "/sg1-shared.tar"]).output.split(separator: "\n")
        let keys = listed.filter { $0.contains("ssh_host_ed25519") }
        #expect(keys.count == 2 && keys.allSatisfy { $0.contains("p1/files/") }, "\(keys)")
    }

    @Test func handoffRefusesWhatItCannotMean() throws {
        try writeProfile()
        _ = try run("identity", "new")
        for (arguments, message) in [
            (["--address", "cnat"], "--address: \"cnat\" is not of the form SLOT=HOST"),
            (["--address", "p9=10.0.0.1"], "--address: the profile has no slot p9"),
            (["--address", "p1=10.0.0.300"], "--address: \"10.0.0.300\" is no IPv4 or IPv6 address"),
            (["--print", "hosts", "--json"], "could not use --print with --json: it prints the file as it is"),
        ] {
            let answer = try piforge.run(["handoff"] + arguments)
            #expect(answer.status == 64)
            #expect(answer.error.hasPrefix("error: \(message)\n"), "\(answer.error)")
        }
        let elsewhere = try run("handoff", "--print", "ssh_config", "--address", "cnat=hammond.lan", "--output", "x y")
        #expect(elsewhere.contains("    HostName hammond.lan\n"))
        #expect(elsewhere.contains("UserKnownHostsFile \"\(folder.path)/x y/known_hosts\"\n"))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/x y"))
        let empty = try TemporaryFolder()
        #expect(try Piforge(folder: empty.path).run("handoff").status == 64)
    }
}
