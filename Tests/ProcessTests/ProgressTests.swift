import Foundation
import TestSupport
import Testing

/// How far long work is, as a terminal and as a program see it.
@Suite(.needs(BaseSpec.tools + ["xz", "python3"]))
struct ProgressTests {
    private let folder: TemporaryFolder
    private var piforge: Piforge { Piforge(folder: folder.path, cache: folder.path + "/cache") }

    init() async throws {
        folder = try TemporaryFolder()
        try Packer.xz(try await BaseSpec.of("bookworm", "cnat").path(), to: folder.path + "/one.img.xz")
        try Packer.xz(
            try await BaseSpec.of("bookworm", "cnat").path(), to: folder.path + "/many.img.xz",
            options: ["-0", "--block-size=8MiB"])
    }

    private struct Event: Decodable {
        var event: String
        var stage: String?
        var subject: String?
        var bytes, total, bytes_per_second, seconds_left: Int?
        var copied, decoded, encoded, written: Int?
    }

    private func events(_ arguments: String...) throws -> [Event] {
        let run = try piforge.run(arguments + ["--progress", "json", "--force"])
        try #require(run.status == 0, "\(run.error)")
        return try run.error.split(separator: "\n").map { line in
            try JSONDecoder().decode(Event.self, from: Data(line.utf8))
        }
    }

    @Test("every stage tells its bytes up to the last, and the end what it cost")
    func events() throws {
        let runs = [
            (
                try events("build", "--slot", "p1", "--base", "one.img.xz", "--format", "img.xz"),
                ["hash", "unpack", "edit", "encode", "splice", "write"]
            ),
            (
                try events("build", "--slot", "p1", "--base", "many.img.xz", "--format", "img.xz", "--bmap", "always"),
                ["hash", "edit", "splice", "map", "write"]
            ),
            (try events("build", "--slot", "p1,p2", "--base", "many.img.xz"), ["edit", "write"]),
        ]
        for (events, stages) in runs {
            let told = events.filter { $0.event == "progress" }
            var seen: [String] = []
            for event in told where !seen.contains(event.stage ?? "") { seen.append(event.stage ?? "") }
            #expect(seen == stages)
            for (stage, list) in Dictionary(grouping: told, by: { "\($0.stage ?? "") \($0.subject ?? "")" }) {
                let bytes = list.compactMap(\.bytes)
                if list.first?.stage == "edit" { continue }
                #expect(bytes.count == list.count && bytes == bytes.sorted(), "\(stage)")
                #expect(list.last?.bytes == list.last?.total && list.last?.total ?? 0 > 0, "\(stage)")
            }
            let work = try #require(events.last)
            #expect(work.event == "work" && work.written ?? 0 > 0)
        }
        let size = try unpackedSize()
        // Unpacked once, packed once, and a few cells again; then spliced; then decoded once for two.
        #expect(runs[0].0.last?.decoded == size)
        #expect((size...size * 3 / 2).contains(runs[0].0.last?.encoded ?? 0))
        #expect(runs[1].0.last?.encoded ?? .max < size && runs[1].0.last?.copied ?? 0 > 0)
        #expect(runs[2].0.last?.decoded ?? .max <= size && runs[2].0.last?.copied == 0)
        // What was decoded whole is kept: the next build decodes nothing.
        let first = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/p1.img"))
        let again = try events("build", "--slot", "p1,p2", "--base", "many.img.xz")
        #expect(again.last?.decoded == 0 && again.last?.copied == 0)
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/p1.img")) == first)
    }

    /// As xz lists it: "file 1 1 packed unpacked …".
    private func unpackedSize() throws -> Int {
        let lines = try Shell.run("xz", ["--robot", "--list", folder.path + "/one.img.xz"]).output.split(
            separator: "\n")
        let words = try #require(lines.first { $0.hasPrefix("file") }).split(separator: "\t")
        return try #require(Int(words[4]))
    }

    @Test("on a terminal one line tells what, how far, how fast and how long still; in a pipe there is none")
    func terminal() throws {
        let script = """
            import os, pty, sys
            seen = b''
            def read(fd):
                global seen
                data = os.read(fd, 65536)
                seen += data
                return data
            status = pty.spawn(sys.argv[1:], read, lambda fd: b'')
            sys.exit(os.waitstatus_to_exitcode(status))
            """
        var shown = piforge
        shown.prefix = ["python3", "-c", script]
        let run = try shown.run("build", "--slot", "p1", "--base", "one.img.xz", "--format", "img.xz")
        try #require(run.status == 0, "\(run.output)")
        let lines = run.output.components(separatedBy: "\r\u{1B}[K")
        #expect(lines.count > 4)
        for verb in ["unpacking one.img.xz ", "packing one.img.xz "] {
            #expect(lines.contains { $0.hasPrefix(verb) && $0.contains("%") }, "\(run.output)")
        }
        #expect(lines.contains { $0.contains("B/s, ") && $0.contains(" s left") }, "\(run.output)")
        // The line goes before the result comes.
        #expect(lines.last?.contains("  p1.img.xz\r\nnext:  ") == true, "\(run.output)")
        #expect(lines.allSatisfy { $0.count < 200 && !$0.contains("\n\n") })

        let quiet = try piforge.run("build", "--slot", "p2", "--base", "one.img.xz", "--format", "img.xz")
        #expect(quiet.status == 0 && quiet.error.split(separator: "\n").allSatisfy { $0.hasPrefix("next:  ") })
    }

    /// Runs a build of two slots at a terminal of a width, and returns each line that was drawn there.
    private func lines(columns: Int, _ variables: [String: String] = [:]) throws -> [String] {
        let run = try piforge.runAtTerminal(
            ["build", "--slot", "p1,p2", "--base", "one.img.xz", "--force", "--format", "img.xz"],
            environment: variables, columns: columns, [.see("next:  ")])
        try #require(run.status == 0, "\(run.screen)")
        return run.screen.components(separatedBy: "\r\u{1B}[K")
    }

    @Test("the line fits into any terminal, and nothing of it is cut off", arguments: [120, 40, 24])
    func narrow(columns: Int) throws {
        let drawn = try lines(columns: columns).filter { !$0.contains("\n") && !$0.isEmpty }
        #expect(!drawn.isEmpty)
        for line in drawn {
            #expect(line.count < columns, "\(line)")
            // A number with its unit, or a word, is whole.
            let ends = ["%", "B", "B/s", "left", "p2"]
            #expect(ends.contains { line.hasSuffix($0) }, "\(line)")
        }
    }

    @Test("colour on a terminal that has it, none with NO_COLOR or TERM=dumb, which gets no control sequence at all")
    func colour() throws {
        func shown(_ variables: [String: String]) throws -> String {
            try piforge.runAtTerminal(["build", "--slot", "p9z"], environment: variables, [.see("there is no slot")])
                .screen
        }
        let red = "\u{1B}[1;31merror:\u{1B}[0m --slot: there is no slot"
        #expect(try shown(["NO_COLOR": ""]).hasPrefix(red))
        #expect(try shown([:]).hasPrefix("error: --slot"))
        #expect(try shown(["NO_COLOR": "", "TERM": "dumb"]).hasPrefix("error: --slot"))
        #expect(try piforge.run("build", "--slot", "p9z").error.hasPrefix("error: --slot"))
        let plain = try lines(columns: 80, ["TERM": "dumb", "NO_COLOR": ""])
        #expect(plain.count == 1 && !plain[0].contains("\u{1B}"), "\(plain)")
    }
}
