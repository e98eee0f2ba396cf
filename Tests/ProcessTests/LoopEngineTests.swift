import Forge
import Foundation
import Reports
import TestSupport
import Testing

/// What `--engine loop` and `doctor` say where the engine cannot be used. Whole builds: Tests/System/test-loop.
@Suite(.needs(BaseSpec.tools))
struct LoopEngineTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge
    private static let hint =
        "hint:  leave out --engine loop: the default engine needs no root, no loop device and no driver; piforge doctor "
        + "tells what this machine has\n"

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    /// Whether the kernel mounts such a file system, as mount(8) finds out; needs root and loop devices.
    private func kernelMounts(_ type: String) throws -> Bool {
        let image = folder.path + "/" + type
        try Shell.write([], to: image)
        try #require(truncate(image, 2 << 20) == 0)
        let made = try Shell.run("mkfs." + type, [image])
        try #require(made.status == 0, "\(made.error)")
        let script = "mkdir -p \"$2.at\" && mount -o loop,ro -t \"$1\" \"$2\" \"$2.at\""
        let mounted = try Shell.run("unshare", ["--mount", "sh", "-c", script, "sh", type, image])
        try #require(mounted.status == 0 || mounted.error.contains("unknown filesystem type"), "\(mounted.error)")
        return mounted.status == 0
    }

    /// What the engine must complain of on this machine.
    private func obstacles() throws -> [String] {
        try ["ext4", "vfat"].filter { try !kernelMounts($0) }.map { "this kernel has no \($0)" }
    }

    /// piforge where there are no loop devices, whatever this machine has.
    private var withoutLoopDevices: Piforge {
        var piforge = piforge
        piforge.prefix = [
            "unshare", "--mount", "sh", "-c",
            "mount -t tmpfs none /dev && : > /dev/null && exec \"$0\" \"$@\"",
        ]
        return piforge
    }

    @Test("without loop devices it is 69, and they are named", .needsRoot, .needs("unshare", "mount"))
    func withoutLoop() async throws {
        let base = try await BaseSpec.plain.path()
        let answer = try withoutLoopDevices.run(
            "build", "--slot", "p3", "--base", base, "--engine", "loop", "--output", "out")
        #expect(answer.status == 69)
        #expect(
            answer.error == "error: could not use the loop engine: there are no loop devices here "
                + "(no /dev/loop-control)\n" + Self.hint)
        #expect(answer.output == "" && !FileManager.default.fileExists(atPath: folder.path + "/out"))
    }

    @Test("without a driver it is 69, and it is named; with both it builds", .needsRoot, .needs("unshare", "mount"))
    func drivers() async throws {
        let missing = try obstacles()
        let base = try await BaseSpec.plain.path()
        let answer = try piforge.run("build", "--slot", "p3", "--base", base, "--engine", "loop", "--output", "out")
        #expect(answer.status == (missing.isEmpty ? 0 : 69), "\(answer.error)")
        if let first = missing.first {
            #expect(answer.error == "error: could not use the loop engine: \(first)\n" + Self.hint)
            #expect(answer.output == "")
        }
        #expect(FileManager.default.fileExists(atPath: folder.path + "/out") == missing.isEmpty)
    }

    @Test("without root it is 77")
    func notPermitted() async throws {
        let base = try await BaseSpec.plain.path()
        // Anybody but root is an ordinary user already.
        let other = try OtherUser()
        let answer = try (other?.piforge ?? piforge).run("build", "--slot", "p3", "--base", base, "--engine", "loop")
        let hasLoop = FileManager.default.fileExists(atPath: "/dev/loop-control")
        #expect(answer.status == (hasLoop ? 77 : 69))
        let reason =
            hasLoop ? "it takes root to attach loop devices" : "there are no loop devices here (no /dev/loop-control)"
        #expect(answer.error == "error: could not use the loop engine: \(reason)\n" + Self.hint)
    }

    @Test("what it cannot write is refused as usage, whatever the machine")
    func usage() throws {
        let packed = try piforge.run(
            "build", "--slot", "p3", "--base", "none", "--engine", "loop", "--format", "img.xz")
        #expect(packed.status == 64)
        #expect(
            packed.error == """
                error: could not write img.xz with --engine loop: it writes raw images
                hint:  leave out --format, and pack the image afterwards, say with xz -T0

                """)
        let card = try piforge.run(
            "build", "--slot", "p3", "--base", "none", "--engine", "loop", "--device", "p3=/dev/null", "--changed-only")
        #expect(card.status == 64)
        #expect(
            card.error == """
                error: could not write to p3=/dev/null with --engine loop: it writes image files
                hint:  leave out --device, and write the image afterwards with piforge flash

                """)
        #expect(try piforge.run("build", "--slot", "p3", "--engine", "magic").status == 64)
    }

    @Test("doctor reports of each engine whether it works, and why not, as text and as JSON", .needsRoot)
    func doctor() throws {
        let report = try JSONDecoder().decode(
            MachineReport.self, from: Data(try piforge.run("doctor", "--json").output.utf8))
        #expect(report.engines.map(\.name) == ["builtin", "loop"])
        #expect(report.engines[0].works)
        let expected = try obstacles()
        #expect(Set(report.engines[1].obstacles) == Set(expected))
        #expect(report.kernel == (try Shell.run("uname", ["-r"])).output.dropLast())
        #expect(report.tools.first { $0.name == "e2fsck" }?.path == Shell.find("e2fsck"))

        let text = try piforge.run("doctor", environment: ["PATH": "/usr/bin:/bin"])
        #expect(text.status == 0 && text.error == "")
        #expect(text.output.contains("  yes  builtin: the default; edits images without root"))
        #expect(text.output.contains(expected.isEmpty ? "  yes  loop: " : "  no   loop: "))
        for reason in expected { #expect(text.output.contains("         \(reason)\n")) }
    }

    @Test("the manifest tells the engine")
    func manifest() async throws {
        let base = try await BaseSpec.of("bookworm", "cbridge").path()
        let result = try #require(try await Piforge.build("p3", from: base, into: folder.path).first)
        #expect(result.manifest.engine == .builtin)
        #expect(try String(contentsOfFile: result.manifestPath, encoding: .utf8).contains("\"engine\" : \"builtin\""))
    }
}
