import Foundation
import TestSupport
import Testing

/// What those need who let a machine run piforge: quiet, strict, a log, checksums, profiles from pipes.
@Suite(.needs(BaseSpec.tools + ["bash", "sha256sum", "xz"]))
struct AutomationTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
    }

    private func text(_ name: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name)), as: UTF8.self)
    }

    private func lines(_ name: String) throws -> [String] {
        try text(name).split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    /// Runs a script of bash's in the folder, where `$PF` is the program.
    private func bash(_ script: String) throws -> Shell.Answer {
        try Shell.run(
            "bash", ["-c", "cd '\(folder.path)' && " + script],
            environment: ["PF": Piforge.program, "XDG_CACHE_HOME": piforge.cache, "HOME": folder.path])
    }

    // MARK: Messages

    @Test("--quiet leaves out notes, and the log has them with their times") func quiet() async throws {
        let base = try await BaseSpec.plain.path()
        let plan = ["plan", "--slot", "p5", "--base", base]
        let note = "the profile does not list p5; it gets the defaults"
        #expect(try piforge.run(plan).error == "note: \(note)\n")
        let quiet = try piforge.run(plan + ["--quiet", "--log-file", "log"])
        #expect(quiet.status == 0 && quiet.error == "" && quiet.output.hasPrefix("sg1-p5: "))
        let failed = try piforge.run("plan", "--slot", "p5", "--base", "no\u{1B}[31m", "--quiet", "--log-file", "log")
        #expect(failed.status == 65)
        #expect(failed.error.hasPrefix("error: could not "))

        let log = try lines("log")
        let time = #/^20[0-9]{2}-[01][0-9]-[0-3][0-9]T[0-2][0-9](:[0-5][0-9]){2}\.[0-9]{3}Z piforge\[[0-9]+\] /#
        for line in log { #expect(line.firstMatch(of: time) != nil, "\(line)") }
        let said = log.map { $0.replacing(time, with: "") }
        #expect(said.first == "begin: piforge 0.1.0 plan")
        #expect(said.contains("note: " + note))
        #expect(said.contains { $0.hasPrefix("result: sg1-p5: ") })
        #expect(said.filter { $0.hasPrefix("end: exit") } == ["end: exit 0", "end: exit 65"])
        #expect(said.contains { $0.hasPrefix("error: could not") && $0.contains("no\\x1B[31m") })
        let mode = try FileManager.default.attributesOfItem(atPath: folder.path + "/log")[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    @Test("nothing is logged into an image that was named by mistake, or where no file can be") func wrongLog() throws {
        let bytes = [UInt8](repeating: 0, count: 512)
        try Shell.write(bytes, to: folder.path + "/card.img")
        let image = try piforge.run("devices", "--log-file", "card.img")
        #expect(image.status == 73)
        #expect(
            image.error.contains("could not open the log card.img: it holds something that is no log of piforge's\n"))
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/card.img")) == Data(bytes))
        try Shell.write(Array("version: 1\n".utf8), to: folder.path + "/mine.yaml")
        #expect(try piforge.run("devices", "--log-file", "mine.yaml").status == 73)
        #expect(try String(contentsOfFile: folder.path + "/mine.yaml", encoding: .utf8) == "version: 1\n")
        let nowhere = try piforge.run("devices", "--log-file", "no/log")
        #expect(nowhere.status == 73)
        #expect(nowhere.error == "error: could not open the log no/log: no such file or directory\n")
        let terminal = try piforge.run("devices", "--json", "--log-file", "/dev/stderr")
        #expect(terminal.status == 0 && terminal.error.contains("begin: piforge 0.1.0 devices\n"))
    }

    // MARK: Strict

    @Test("--strict makes nothing of a slot with a warning, unless --allow names it") func strict() async throws {
        let base = try await BaseSpec.plain.path()
        // One of what the judge finds, one of what the planner warns of.
        for (setting, words) in [
            ("ssh=true", "no user can log in over it [ssh-no-login]"), ("wifi.ssid=Home", "no Wi-Fi country is set"),
        ] {
            for command in [["plan"], ["build", "--output", "out"], ["netboot", "--output", "out"]] {
                let arguments = command + ["--slot", "p1", "--base", base, "--set", setting]
                let answer = try piforge.run(arguments + ["--strict"])
                #expect(answer.status == 65, "\(arguments)")
                #expect(answer.error.contains("error: slot p1: ") && answer.error.contains(words), "\(answer.error)")
                #expect(answer.error.contains("--allow ssh-no-login") == (setting == "ssh=true"))
            }
        }
        let made = (try? FileManager.default.contentsOfDirectory(atPath: folder.path + "/out")) ?? []
        #expect(made == [])
        let allowed = try piforge.run(
            "build", "--slot", "p1", "--base", base, "--set", "ssh=true", "--strict", "--allow", "ssh-no-login")
        #expect(allowed.status == 0, "\(allowed.error)")
        let clean = try piforge.run("build", "--slot", "p3", "--base", base, "--strict")
        #expect(clean.status == 0 && !clean.error.contains("warning"), "\(clean.error)")

        let warned = try piforge.run("verify", "sg1-p1.img", "--set", "ssh=true")
        #expect(warned.status == 0, "\(warned.error)")
        let strict = try piforge.run("verify", "sg1-p1.img", "--set", "ssh=true", "--strict")
        #expect(strict.status == 1)
        #expect(strict.error.hasPrefix("error: sg1-p1.img was made with a warning: ssh opens"), "\(strict.error)")
        #expect(try piforge.run("verify", "sg1-p3.img", "--strict").status == 0)
        try FileManager.default.removeItem(atPath: folder.path + "/sg1-p3.manifest.json")
        let bare = try piforge.run("verify", "sg1-p3.img", "--strict")
        #expect(bare.status == 1)
        #expect(bare.error.contains("\nerror: sg1-p3.img has no manifest beside it"), "\(bare.error)")
        #expect(try piforge.run("verify", "sg1-p3.img").status == 0)

        #expect(try piforge.run("inspect", "sg1-p1.img").status == 0)
        let inspected = try piforge.run("inspect", "sg1-p1.img", "--strict")
        #expect(inspected.status == 1)
        #expect(inspected.error.contains("findings are errors or warnings"), "\(inspected.error)")
    }

    // MARK: Results

    @Test("results are in the profile's order, and sha256sum reads them") func checksums() async throws {
        let base = try await BaseSpec.plain.path()
        try Shell.write(
            Array("version: 1\ncluster: sg1\nslots: {p10: {}, p2: {}, cnat: {}}\n".utf8),
            to: folder.path + "/piforge.yaml")
        let raw = try bash("$PF build --base '\(base)' --output out --quiet | tee lines | sha256sum -c")
        #expect(raw.output == "out/sg1-cnat.img: OK\nout/sg1-p2.img: OK\nout/sg1-p10.img: OK\n", "\(raw.error)")
        let json = try piforge.run("build", "--base", base, "--output", "out", "--force", "--json")
        let document = try JSONDecoder().decode(Images.self, from: Data(json.output.utf8))
        #expect(document.images.map(\.slot) == ["cnat", "p2", "p10"])

        let packed = try bash(
            """
            $PF build --base '\(base)' --output 'a\\b' --format img.xz --sha256sums --slot p2 && cd 'a\\b' && \
            sha256sum -c SHA256SUMS
            """)
        #expect(packed.status == 0, "\(packed.error)")
        #expect(packed.output.hasPrefix("\\") && packed.output.contains("  a\\\\b/sg1-p2.img.xz\n"), "\(packed.output)")
        #expect(packed.output.hasSuffix("\nsg1-p2.img.xz: OK\n"))
        let again = try piforge.run("build", "--base", base, "--output", "a\\b", "--sha256sums", "--slot", "p2")
        #expect(again.status == 73)
        #expect(again.error.hasPrefix("error: could not create a\\b/SHA256SUMS: it exists\n"), "\(again.error)")
    }

    private struct Images: Decodable {
        struct Image: Decodable { var slot: String }
        var images: [Image]
    }

    // MARK: Inputs

    @Test("a profile comes from stdin and from a process, however often a command reads it") func pipes() async throws {
        let base = try await BaseSpec.plain.path()
        try FileManager.default.moveItem(atPath: folder.path + "/piforge.yaml", toPath: folder.path + "/cluster")
        let built = try bash("$PF build --profile - --slot p1,p3 --base '\(base)' < cluster")
        #expect(built.status == 0 && built.output.contains("sg1-p3.img\n"), "\(built.error)")
        let piped = try bash("cat cluster | $PF verify --profile - sg1-p1.img sg1-p3.img")
        #expect(piped.status == 0, "\(piped.error)")
        let process = try bash("$PF verify --profile <(cat cluster) sg1-p1.img sg1-p3.img")
        #expect(process.status == 0, "\(process.error)")
        let descriptor = try bash("$PF plan --profile /dev/fd/3 --slot p3 --base '\(base)' 3< <(cat cluster)")
        #expect(descriptor.status == 0, "\(descriptor.error)")
        let nothing = try bash("$PF plan --profile - --slot p3 < /dev/null")
        #expect(nothing.status == 65)
    }

    @Test("the paths of a profile from a pipe begin in the current folder") func pathsOfPipes() async throws {
        let base = try await BaseSpec.plain.path()
        try Shell.write(Array("hello\n".utf8), to: folder.path + "/motd")
        let profile = """
            {version: 1, cluster: c, slots: {p1: {}}, defaults: {files: [{source: motd, target: /etc/motd}]}}
            """
        let answer = try bash("$PF plan --base '\(base)' --profile <(echo '\(profile)')")
        #expect(answer.status == 0, "\(answer.error)")
        #expect(answer.output.contains("root:/etc/motd"))
    }

    @Test("--cache takes the place of XDG_CACHE_HOME") func cache() async throws {
        let base = try await BaseSpec.plain.path()
        _ = try Shell.run("sh", ["-c", "xz -T1 -0 -c '\(base)' > '\(folder.path)/base.img.xz'"])
        let plan = try piforge.run("plan", "--slot", "p1", "--base", "base.img.xz", "--cache", "kept")
        #expect(plan.status == 0, "\(plan.error)")
        let list = try piforge.run("cache", "--cache", "kept")
        #expect(list.output.hasSuffix(" in \(folder.path)/kept/piforge\n"), "\(list.output)")
        #expect(list.output.contains("base.img.xz"))
        let pruned = try piforge.run("cache", "prune", "--all", "--cache=\(folder.path)/kept")
        #expect(pruned.output.contains("removed "), "\(pruned.output)")
    }
}
