import Foundation
import TestSupport
import Testing

/// A signal in the middle of a command's work: the code is the signal's, what is said is true, nothing half is left.
@Suite(.needs(BaseSpec.tools + ["xz", "sh", "sleep", "head", "mkfifo", "timeout"]))
struct SignalTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A base with 12 MiB of noise in its root file system, over which packing and unpacking take their time.
    private func slowBase() async throws -> String {
        let path = folder.path + "/base.img"
        try FileManager.default.copyItem(atPath: try await BaseSpec.plain.path(), toPath: path)
        try Packer.shell("head", ["-c", "12582912", "/dev/urandom"], to: folder.path + "/noise")
        let added = try Shell.run(
            "debugfs", ["-w", "-R", "write \(folder.path)/noise /noise", try Card(path).rootName])
        try #require(added.status == 0, "\(added.error)")
        unlink(folder.path + "/noise")
        return path
    }

    /// Runs piforge and sends it a signal as soon as `moment`, a shell's condition with `$child` in it, holds. When that
    /// comes too late it is tried again, after `again`.
    private func strike(
        _ signal: String, when moment: String, again: String = "rm -rf out cache", _ arguments: [String]
    ) throws -> Piforge.Answer {
        let script = """
            for try in 1 2 3 4 5; do
                "$@" > list 2> errors & child=$!
                until \(moment); do
                    kill -0 $child 2> /dev/null || break
                    sleep 0.01
                done
                kill -\(signal) $child 2> /dev/null
                wait $child
                code=$?
                [ $code = 0 ] || break
                \(again)
            done
            cat errors >&2
            exit $code
            """
        var piforge = Piforge(folder: folder.path, cache: folder.path + "/cache")
        piforge.prefix = ["sh", "-c", script, "sh"]
        return try piforge.run(arguments)
    }

    private func expectStopped(_ answer: Piforge.Answer, by signal: String) throws {
        let code: Int32 = signal == "INT" ? 130 : 143
        #expect(answer.status == code, "\(answer.error)")
        let lines = answer.error.split(separator: "\n").filter { !$0.hasPrefix("note: ") }
        #expect(lines == ["error: interrupted; no unfinished output was left behind"])
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        #expect(names.filter { $0.contains(".partial") || $0.contains(".new.") } == [])
    }

    private static let unfinished = "ls out/*.partial > /dev/null 2>&1"

    @Test(
        "while outputs are written",
        arguments: [
            ("INT", ["build", "--slot", "p1-p4"]), ("TERM", ["build", "--slot", "p1", "--format", "img.xz"]),
            ("INT", ["build", "--slot", "p1", "--format", "img.zst"]),
            ("INT", ["netboot", "--slot", "p1-p4", "--format", "tar"]),
            ("TERM", ["netboot", "--slot", "p1-p4", "--format", "tar.xz"]),
        ])
    func writing(_ signal: String, _ arguments: [String]) async throws {
        let base = try await slowBase()
        let answer = try strike(
            signal, when: Self.unfinished, arguments + ["--base", base, "--output", "out"])
        try expectStopped(answer, by: signal)
    }

    @Test("while folders are written", .needsRoot, arguments: ["INT", "TERM"])
    func folders(_ signal: String) async throws {
        let base = try await slowBase()
        let answer = try strike(
            signal, when: Self.unfinished,
            ["netboot", "--slot", "p1-p4", "--format", "dir", "--base", base, "--output", "out"])
        try expectStopped(answer, by: signal)
    }

    @Test("while a base is unpacked", arguments: [["verify"], ["inspect"], ["plan", "--slot", "p1", "--base"]])
    func unpacking(_ arguments: [String]) async throws {
        let base = try await slowBase()
        let packed = folder.path + "/packed.img.xz"
        try Packer.xz(base, to: packed)
        let answer = try strike(
            "INT", when: "ls cache/piforge/images/*.partial* > /dev/null 2>&1", arguments + [packed])
        try expectStopped(answer, by: "INT")
    }

    /// An image that is 64 GiB by its manifest, nearly all of it a hole, so that its digest takes long.
    private func largeImage() async throws -> String {
        let made = try Piforge(folder: folder.path).run(
            "build", "--slot", "p1", "--base", try await BaseSpec.plain.path())
        try #require(made.status == 0, "\(made.error)")
        let image = folder.path + "/p1.img"
        let size = try #require(try FileManager.default.attributesOfItem(atPath: image)[.size] as? Int)
        try #require(truncate(image, 64 << 30) == 0)
        let manifest = folder.path + "/p1.manifest.json"
        let text = try String(contentsOfFile: manifest, encoding: .utf8)
        let changed = text.replacingOccurrences(of: "\"bytes\" : \(size)", with: "\"bytes\" : \(64 << 30)")
        try #require(changed != text)
        try Shell.write(Array(changed.utf8), to: manifest)
        return image
    }

    private static let reading = "ls -l /proc/$child/fd 2> /dev/null | grep -q p1.img"

    @Test("while an image is held against its manifest", arguments: [("INT", "identify"), ("TERM", "verify")])
    func comparing(_ signal: String, _ command: String) async throws {
        let image = try await largeImage()
        let answer = try strike(signal, when: Self.reading, again: ":", [command, image])
        try expectStopped(answer, by: signal)
    }

    /// The first signal is answered by words for which nobody makes room; only the second can end that.
    @Test("a second signal ends at once") func second() async throws {
        let image = try await largeImage()
        let script = """
            mkfifo pipe
            sleep 1000 < pipe & reader=$!
            exec 3> pipe
            head -c 65536 /dev/zero >&3
            ( exec "$@" 2>&3 3>&- ) & child=$!
            until \(Self.reading); do sleep 0.01; done
            kill -INT $child
            sleep 0.5
            kill -0 $child || echo ended by the first
            kill -INT $child
            wait $child
            code=$?
            kill $reader
            exit $code
            """
        var piforge = Piforge(folder: folder.path)
        piforge.prefix = ["timeout", "20", "sh", "-c", script, "sh"]
        let answer = try piforge.run("identify", image)
        #expect(answer.status == 130)
        #expect(answer.output == "")
    }
}
