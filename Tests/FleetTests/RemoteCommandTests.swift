import TestSupport
import Testing

@testable import Fleet

struct RemoteCommandTests {
    private func shell(_ script: String) -> RemoteCommand {
        RemoteCommand(["sh", "-c", script], environment: ["PATH": "/usr/bin:/bin", "WORD": "cactus"])
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    @Test func answersComeInTheOrderOfTheCommands() throws {
        let commands = (0..<20).map { shell("sleep 0.\($0 % 3); echo \($0) $WORD; echo e\($0) >&2; exit \($0)") }
        let answers = try RemoteCommand.run(commands, secondsEach: 60)
        for (index, answer) in answers.enumerated() {
            #expect(text(answer.output) == "\(index) cactus\n")
            #expect(text(answer.error) == "e\(index)\n")
            #expect(answer.end == .exited(Int32(index)))
        }
    }

    @Test("a late one is killed with all that it started", .mustEnd) func timeLimit() throws {
        let folder = try TemporaryFolder()
        // The second sleep would hold the pipe for an hour.
        let answers = try RemoteCommand.run(
            [shell("echo early; sleep 3600 & echo $! > \(folder.path)/child; sleep 3600"), shell("echo quick")],
            secondsEach: 5)
        #expect(answers[0].end == .timedOut)
        #expect(text(answers[0].output) == "early\n")
        #expect(answers[1].end == .exited(0))
        let child = try Shell.run("cat", ["\(folder.path)/child"]).output.filter(\.isNumber)
        var isAlive = true
        for _ in 0..<100 where isAlive {
            isAlive = try Shell.run("sh", ["-c", "grep -q '^State:.[^Z]' /proc/\(child)/status"]).status == 0
            if isAlive { _ = try Shell.run("sleep", ["0.05"]) }
        }
        #expect(!isAlive)
    }

    @Test("what a child of it holds open keeps nobody waiting", .mustEnd) func leftChildren() throws {
        let answers = try RemoteCommand.run([shell("sleep 3600 & echo done")], secondsEach: 60)
        #expect(answers[0].end == .exited(0))
        #expect(text(answers[0].output) == "done\n")
    }

    @Test func muchOutputIsCutAndTheProgramStillEnds() throws {
        let answers = try RemoteCommand.run([shell("head -c 1000000 /dev/zero; echo end >&2")], secondsEach: 60)
        #expect(answers[0].end == .exited(0))
        #expect(answers[0].output.count == 1 << 16)
        #expect(text(answers[0].error) == "end\n")
    }

    @Test func programsThatAreMissingOrKilledAreNamed() throws {
        let missing = RemoteCommand(["no-such-program"], environment: ["PATH": "/usr/bin"])
        let answers = try RemoteCommand.run([missing, shell("kill -9 $$")], secondsEach: 60)
        #expect(answers[0].end == .notStarted(2))
        #expect(answers[1].end == .exited(137))
    }

    @Test func noDescriptorIsLeftOpen() throws {
        func count() throws -> Int {
            try Shell.run("sh", ["-c", "ls /proc/$PPID/fd | wc -l"]).output.split(separator: "\n").first
                .flatMap { Int($0) } ?? 0
        }
        let before = try count()
        for _ in 0..<20 { _ = try RemoteCommand.run([shell("echo x"), shell("exit 3")], secondsEach: 60) }
        // Other tests run beside this one and hold a few.
        #expect(try count() < before + 20)
    }
}
