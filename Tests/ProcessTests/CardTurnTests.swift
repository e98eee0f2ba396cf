import Foundation
import TestSupport
import Testing

/// One reader and several cards: a loop device whose file is exchanged, behind a terminal; needs root.
@Suite(.needs(BaseSpec.tools + ["losetup", "mknod", "python3"]), .needsRoot)
struct CardTurnTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
    }

    /// A loop device of a high number; the kernel forgets it afterwards, for it would be offered to whoever asks for a free
    /// one.
    private final class Reader {
        let path: String

        init() throws {
            let number = Int.random(in: 1000...60000)
            path = "/dev/loop\(number)"
            if !FileManager.default.fileExists(atPath: path) {
                let made = try Shell.run("mknod", [path, "b", "7", "\(number)"])
                try ToolsTrait.require(made.status == 0, "no loop device can be had: \(made.error)")
            }
        }

        /// LOOP_CTL_REMOVE (linux/loop.h), as soon as nobody has the device open.
        private static let remove = """
            import fcntl, os, sys, time
            control = os.open("/dev/loop-control", os.O_RDWR)
            for _ in range(50):
                try:
                    fcntl.ioctl(control, 0x4C81, int(sys.argv[1]))
                    break
                except OSError:
                    time.sleep(0.1)
            """

        func put(_ card: String) throws {
            let put = try Shell.run("losetup", [path, card])
            try ToolsTrait.require(put.status == 0, "no loop device can be had: \(put.error)")
        }

        deinit {
            _ = try? Shell.run("losetup", ["--detach", path])
            _ = try? Shell.run("python3", ["-c", Self.remove, String(path.dropFirst("/dev/loop".count))])
            unlink(path)
        }
    }

    private func card(_ name: String, _ size: Int) throws -> String {
        let path = folder.path + "/" + name
        try Shell.write([], to: path)
        try #require(truncate(path, size + (8 << 20)) == 0)
        return path
    }

    private func base() async throws -> (path: String, size: Int) {
        let path = try await BaseSpec.of("bookworm", "cnat").path()
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        return (path, try #require(attributes[.size] as? Int))
    }

    @Test("asks for each card, writes it after its serial was typed, waits for the next, and says what to write on it")
    func inTurn() async throws {
        let base = try await base()
        let reader = try Reader()
        let cards = try ["a", "b"].map { try card($0, base.size) }
        try reader.put(cards[0])
        let run = try piforge.runAtTerminal(
            ["build", "--base", base.path, "--slot", "p1,p3", "--cards", reader.path], columns: 200,
            [
                .see("card 1 of 2: p1 (oneil)"), .answer("as it is no card but a loop device: ", "p1"),
                .see("error: could not write \(reader.path): the answer was none of those asked for"),
                .answer("to leave p1 out: ", "x"), .see("error: the answer is neither Enter nor s"),
                .answer("to leave p1 out: ", ""), .answer("as it is no card but a loop device: ", cards[0]),
                .see("written and read back"), .see("Take it out. Label it:  sg1 p1 (oneil)"),
                .see("card 2 of 2: p3 (tealc)"),
                .run(
                    "put the next one in; Ctrl-C stops.",
                    "losetup -d \(reader.path) && sleep 1 && losetup \(reader.path) \(cards[1])"),
                .answer("as it is no card but a loop device: ", cards[1]), .see("Label it:  sg1 p3 (tealc)"),
            ])
        #expect(run.status == 0, "\(run.screen)")
        let files = try piforge.run("build", "--base", base.path, "--slot", "p1,p3")
        try #require(files.status == 0, "\(files.error)")
        for (file, slot) in zip(cards, ["p1", "p3"]) {
            let same = try Shell.run("cmp", ["-n", "\(base.size)", file, "\(folder.path)/sg1-\(slot).img"])
            #expect(same.status == 0, "\(same.output)")
            let label = try piforge.run("identify", file, "--manifest", "sg1-\(slot).card.manifest.json")
            #expect(label.output.contains("\(slot) of sg1"), "\(label.output)\(label.error)")
        }
    }

    @Test("stopped or left out, it says how to go on") func stops() async throws {
        let base = try await base()
        let reader = try Reader()
        let small = folder.path + "/small"
        try Shell.write([UInt8](repeating: 0, count: 1 << 20), to: small)
        let command = ["build", "--cards", reader.path, "--base", base.path, "--slot", "p1,p3"]
        let goOn = "to go on:  piforge build --cards \(reader.path) --base \(base.path) --slot "
        let waiting = try piforge.runAtTerminal(
            command, columns: 250, [.keys("Put it into \(reader.path); Ctrl-C stops.", "\u{3}")])
        #expect(waiting.status == 130)
        #expect(waiting.screen.contains(goOn + "p1,p3\n"), "\(waiting.screen)")
        #expect(waiting.screen.contains("error: interrupted; no unfinished output was left behind"))

        try reader.put(small)
        let left = try piforge.runAtTerminal(
            command, columns: 250,
            [
                .answer("as it is no card but a loop device: ", small), .see("hint:  use a larger card"),
                .answer("to leave p1 out: ", "s"), .see("card 2 of 2: p3 (tealc)"),
                .keys("as it is no card but a loop device: ", "\u{3}"),
            ])
        #expect(left.status == 130)
        #expect(left.screen.contains(goOn + "p1,p3\n"), "\(left.screen)")

        let nobody = try piforge.run(command)
        #expect(nobody.status == 64)
        #expect(
            nobody.error == """
                error: could not ask for cards: standard input is no terminal
                hint:  --device p1=\(reader.path) --yes --expect-serial SERIAL, once for each slot

                """)
    }
}
