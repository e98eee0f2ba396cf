import Foundation
import Images
import TestSupport
import Testing

/// Several piforge processes at once, and ones that are stopped half-way.
@Suite(.needs(BaseSpec.tools + ["xz", "timeout"]))
struct ConcurrencyTests {
    private let folder: TemporaryFolder
    private var piforge: Piforge { Piforge(folder: folder.path, cache: folder.path + "/cache") }

    init() throws { folder = try TemporaryFolder() }

    /// Starts all commands at once; their exit codes, in order, and what they said.
    private func together(_ commands: [String]) throws -> (codes: [Int32], errors: [String]) {
        var script = ""
        for (index, command) in commands.enumerated() { script += "( \(command) ) 2> \(index).err & p\(index)=$!\n" }
        for index in commands.indices { script += "wait $p\(index); echo $?\n" }
        var shell = piforge
        shell.prefix = ["sh", "-c", script]
        let answer = try shell.run([])
        let codes = answer.output.split(separator: "\n").compactMap { Int32($0) }
        try #require(codes.count == commands.count, "\(answer.output)\(answer.error)")
        return (
            codes,
            try commands.indices.map { try String(contentsOfFile: folder.path + "/\($0).err", encoding: .utf8) }
        )
    }

    private func packedBase() async throws -> String {
        let path = folder.path + "/base.img.xz"
        try Packer.xz(try await BaseSpec.plain.path(), to: path)
        return path
    }

    private func build(_ slots: String, _ more: String = "") -> String {
        "\(Piforge.program) build --slot \(slots) --base base.img.xz --output out \(more) > /dev/null"
    }

    private func wholeOutput(_ slot: String) throws {
        let stem = folder.path + "/out/" + slot
        let manifest = try JSONDecoder().decode(
            Manifest.self, from: Data(contentsOf: URL(fileURLWithPath: stem + ".manifest.json")))
        #expect(manifest.output.sha256 == (try Card(stem + ".img").sha256()))
    }

    private func expectNoPartials() throws {
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        #expect(names.filter { $0.contains(".partial") || $0.contains(".new.") } == [])
    }

    @Test("different slots share one unpacking") func differentSlots() async throws {
        _ = try await packedBase()
        let done = try together([build("p1,p2"), build("p3,p4"), build("cnat")])
        #expect(done.codes == [0, 0, 0], "\(done.errors)")
        for slot in ["p1", "p2", "p3", "p4", "cnat"] { try wholeOutput(slot) }
        let images = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/cache/piforge/images")
        #expect(images.filter { $0.hasSuffix(".img") }.count == 1)
        try expectNoPartials()
    }

    @Test("one slot: one writer, the others are told") func sameSlot() async throws {
        _ = try await packedBase()
        let done = try together((0..<4).map { _ in build("p1") })
        // One that begins when another has finished finds it up to date.
        let writers = zip(done.codes, done.errors).filter { $0 == 0 && !$1.contains("up to date: ") }
        #expect(writers.count == 1, "\(done.codes) \(done.errors)")
        for (code, error) in zip(done.codes, done.errors) where code != 0 {
            #expect(code == 73)
            #expect(
                error.contains("could not create out/p1.") && error.contains(": another piforge is writing it\n")
                    || error.contains(": it exists\n"), "\(error)")
        }
        try wholeOutput("p1")
        try expectNoPartials()
    }

    @Test("one slot with --force and different settings: image and manifest belong together") func forced() async throws
    {
        _ = try await packedBase()
        #expect(try together([build("p1")]).codes == [0])
        for _ in 0..<(Thoroughness.isFull ? 3 : 1) {
            let done = try together([16, 32, 64].map { build("p1", "--force --gpu-mem \($0)") })
            #expect(done.codes.contains(0))
            #expect(done.codes.allSatisfy { $0 == 0 || $0 == 73 }, "\(done.codes) \(done.errors)")
            try wholeOutput("p1")
            try expectNoPartials()
        }
    }

    @Test("stopped by a signal", arguments: ["TERM", "INT", "HUP"]) func stopped(_ signal: String) async throws {
        _ = try await packedBase()
        let code: Int32 = ["TERM": 143, "INT": 130, "HUP": 129][signal] ?? 0
        var wasStopped = false
        // Short enough to hit the unpacking, longer ones to hit the writing.
        for delay in Thoroughness.isFull ? ["0.05", "0.1", "0.2", "0.4", "0.8"] : ["0.1", "0.4"] {
            var stopped = piforge
            stopped.prefix = ["timeout", "--preserve-status", "--signal=" + signal, delay]
            let answer = try stopped.run(
                "build", "--slot", "p1-p4", "--base", "base.img.xz", "--output", "out" + delay)
            if answer.status == 0 { continue }
            #expect(answer.status == code, "\(answer.error)")
            // Nothing is said by a process that had not yet begun to listen.
            #expect(["", "error: interrupted; no unfinished output was left behind\n"].contains(answer.error))
            wasStopped = true
            try expectNoPartials()
        }
        #expect(wasStopped)
        let whole = try together([build("p1")])
        #expect(whole.codes == [0], "\(whole.errors)")
        try wholeOutput("p1")
    }

    @Test(
        "killed while it unpacks or writes: the next run clears up and builds",
        arguments: ["cache/piforge/images/*.img.partial.*", "out/*.partial"])
    func killed(_ unfinished: String) async throws {
        _ = try await packedBase()
        let script = """
            for try in 1 2 3 4 5; do
                rm -rf cache out
                \(build("p1")) & child=$!
                until ls \(unfinished) > /dev/null 2>&1; do kill -0 $child 2> /dev/null || break; done
                kill -KILL $child
                wait $child
                code=$?
                [ $code = 0 ] || exit $code
            done
            """
        var killed = piforge
        killed.prefix = ["sh", "-c", script]
        #expect(try killed.run([]).status == 128 + SIGKILL)
        let left = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        #expect(left.contains { $0.contains(".partial") })
        let whole = try together([build("p1")])
        #expect(whole.codes == [0], "\(whole.errors)")
        try wholeOutput("p1")
        try expectNoPartials()
    }
}
