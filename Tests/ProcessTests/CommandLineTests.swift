import Foundation
import TestSupport
import Testing

/// What options mean to every command that has them.
@Suite(.needs(BaseSpec.tools))
struct CommandLineTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
    }

    private func files(_ suffix: String, in name: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path + "/" + name).filter { $0.hasSuffix(suffix) }
            .sorted()
    }

    @Test("--slot may be given several times") func repeatedSlots() async throws {
        let base = try await BaseSpec.plain.path()
        let answer = try piforge.run("plan", "--slot", "p1", "--slot", "p3", "--base", base)
        #expect(answer.status == 0)
        let plans = answer.output.split(separator: "\n").filter { $0.hasPrefix("sg1-") }
        #expect(plans.map { $0.prefix { $0 != ":" } } == ["sg1-p1", "sg1-p3"])
    }

    @Test("without --slot every slot of the profile is meant, and folders for the outputs are made")
    func noSlot() async throws {
        let answer = try piforge.run("build", "--base", try await BaseSpec.plain.path(), "--output", "a/b/c")
        #expect(answer.status == 0, "\(answer.error)")
        #expect(try files(".img", in: "a/b/c") == ["sg1-cnat.img", "sg1-p1.img", "sg1-p3.img"])
    }

    @Test("`all` means the nodes where trees of nodes are made") func allNodes() async throws {
        let base = try await BaseSpec.plain.path()
        let answer = try piforge.run("netboot", "--slot", "all", "--base", base, "--output", "t")
        #expect(answer.status == 0, "\(answer.error)")
        #expect(try files(".tar", in: "t") == ["sg1-p1.tar", "sg1-p3.tar"])
        let lint = try piforge.run("netboot", "lint", "t")
        for name in ["t/sg1-p1.tar: ", "t/sg1-p3.tar: "] { #expect(lint.output.contains(name)) }
    }

    @Test("a profile without the kind of slot that `all` means is refused") func allOfNoKind() async throws {
        try Shell.write(Array("version: 1\ncluster: sg1\nslots: {cnat: {}}\n".utf8), to: folder.path + "/piforge.yaml")
        let answer = try piforge.run("netboot", "--base", try await BaseSpec.plain.path())
        #expect(answer.status == 64)
        #expect(answer.error == "error: --slot: the profile lists no node\nhint:  p1: {}\n")
    }

    @Test("`~/` is the home folder also after a sign that the shell does not look behind") func home() async throws {
        let base = try await BaseSpec.plain.path()
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/base.img", withDestinationPath: base)
        let answer = try piforge.run("plan", "--slot", "p1", "--base=~/base.img", "--profile=~/piforge.yaml")
        #expect(answer.status == 0, "\(answer.error)")
    }

    @Test("a result that could not be written is no success", arguments: [["--json"], []])
    func fullOutput(_ options: [String]) async throws {
        let base = try await BaseSpec.plain.path()
        let command = ([Piforge.program, "plan", "--slot", "p1", "--base", base] + options).joined(separator: " ")
        let answer = try Shell.run(
            "sh", ["-c", "cd \(folder.path) && \(command) > /dev/full"],
            environment: ["HOME": folder.path, "XDG_CACHE_HOME": Piforge.sharedCache])
        #expect(answer.status == 74)
        #expect(answer.error.hasPrefix("error: could not write the result to stdout: no space left on device"))
    }

    @Test("a reader that has seen enough is no error") func closedOutput() async throws {
        let base = try await BaseSpec.plain.path()
        let answer = try Shell.run(
            "bash",
            ["-c", "set -o pipefail; trap '' PIPE; \(Piforge.program) plan --slot p1 --base \(base) | true"],
            environment: ["HOME": folder.path, "XDG_CACHE_HOME": Piforge.sharedCache])
        #expect(answer.status == 0, "\(answer.error)")
    }

    @Test("a wrong usage is said as every other error, and as JSON on request") func wrongUsage() throws {
        let answer = try piforge.run("build", "--slto", "p1")
        #expect(answer.status == 64)
        #expect(answer.error == "error: there is no option --slto\nhint:  --slot\n")
        #expect(answer.output == "")
        struct Document: Decodable {
            struct Detail: Decodable, Equatable {
                var hint: String
                var kind: String
                var message: String
            }
            var error: Detail
        }
        let json = try piforge.run("build", "--slto", "p1", "--json")
        #expect(json.status == 64)
        #expect(
            try JSONDecoder().decode(Document.self, from: Data(json.output.utf8)).error
                == .init(
                    hint: "--slot", kind: "usage", message: "there is no option --slto"))
    }

    @Test("warnings are events under --progress json") func warningEvents() async throws {
        let command = [
            "plan", "--slot", "p1", "--base", try await BaseSpec.plain.path(), "--set", "wifi.ssid=Home", "--set",
            "wifi.psk=12345678",
        ]
        let message = "no Wi-Fi country is set: channels that need one stay off"
        #expect(try piforge.run(command).error.contains("warning: p1: \(message)\n"))
        struct Event: Decodable, Equatable {
            var event: String
            var message: String?
            var slot: String?
        }
        let events = try piforge.run(command + ["--progress", "json"]).error.split(separator: "\n").map {
            try JSONDecoder().decode(Event.self, from: Data($0.utf8))
        }
        #expect(events.contains(Event(event: "warning", message: message, slot: "p1")))
    }

    @Test(
        "an option that takes one value may be given once",
        arguments: [
            (["plan", "--hostname", "a", "--hostname=b"], "--hostname takes one value, and was given 2 times"),
            (["build", "--output", "a", "--output", "b"], "--output takes one value, and was given 2 times"),
            (["plan", "--ssh", "--no-ssh"], "--ssh and --no-ssh contradict each other"),
            (["netboot", "--base", "a", "--base", "b"], "--base takes one value, and was given 2 times"),
        ])
    func onceOnly(words: [String], message: String) throws {
        let answer = try piforge.run(words)
        #expect(answer.status == 64 && answer.error.hasPrefix("error: \(message)\n"), "\(answer.error)")
    }

    @Test("a difference that nobody could read of is an error of the output") func lostDifference() throws {
        let answer = try Shell.run(
            "sh", ["-c", "cd \"$1\" && \"$0\" status --timeout 1 >/dev/full", Piforge.program, folder.path])
        #expect(answer.status == 74 && answer.error.hasPrefix("error: could not write the result to stdout"))
    }

    @Test("without /proc no command claims to have done its work", .needsRoot, .needs("unshare", "mount"))
    func noProc() throws {
        let answer = try Shell.run(
            "unshare", ["--mount", "sh", "-c", "mount -t tmpfs tmpfs /proc && \"$0\" --version", Piforge.program])
        #expect(answer.status == 69 && answer.output == "")
        #expect(
            answer.error == """
                error: could not read the arguments of this program: /proc is not mounted
                hint:  mount -t proc proc /proc

                """)
    }
}
