import Forge
import Foundation
import Reports
import TestSupport
import Testing
import Volumes

/// What `--engine loop` and `doctor` say where the engine cannot be used. Whole builds: Tests/System/test-loop.
@Suite("Loop engine", .needs(BaseSpec.tools))
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

    private func obstacle(_ type: MountedVolume.FileSystem) -> MountError? {
        do throws(MountError) {
            try MountedVolume.check(type)
            return nil
        } catch {
            return error
        }
    }

    @Test("Without a driver or loop devices it is 69, and names what is missing")
    func unavailable() async throws {
        let found = [obstacle(.ext4), obstacle(.vfat)].compactMap { $0 }.first
        guard case .unavailable(let reason)? = found else { try Test.cancel("this machine lacks nothing") }
        let base = try await BaseSpec.plain.path()
        let answer = try piforge.run("build", "--slot", "p3", "--base", base, "--engine", "loop", "--output", "out")
        #expect(answer.status == 69)
        #expect(answer.error == "error: could not use the loop engine: \(reason)\n" + Self.hint)
        #expect(answer.output == "" && !FileManager.default.fileExists(atPath: folder.path + "/out"))
    }

    @Test("Without root it is 77")
    func notPermitted() async throws {
        guard let user = try OtherUser() else { try Test.cancel("only root can become another user") }
        let base = try await BaseSpec.plain.path()
        let answer = try user.piforge.run("build", "--slot", "p3", "--base", base, "--engine", "loop")
        guard FileManager.default.fileExists(atPath: "/dev/loop-control") else { return #expect(answer.status == 69) }
        #expect(answer.status == 77)
        #expect(
            answer.error == "error: could not use the loop engine: it takes root to attach loop devices\n" + Self.hint)
    }

    @Test("What it cannot write is refused as usage, whatever the machine")
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

    @Test("doctor tells of each engine whether it works, and why not, as text and as JSON")
    func doctor() throws {
        let report = try JSONDecoder().decode(
            MachineReport.self, from: Data(try piforge.run("doctor", "--json").output.utf8))
        #expect(report.engines.map(\.name) == ["builtin", "loop"])
        #expect(report.engines[0].works)
        let expected = [obstacle(.ext4), obstacle(.vfat)].compactMap { $0 }.map { "\($0)" }
        #expect(Set(report.engines[1].obstacles) == Set(expected))
        #expect(report.kernel == (try Shell.run("uname", ["-r"])).output.dropLast())
        #expect(report.tools.first { $0.name == "e2fsck" }?.path == Shell.find("e2fsck"))

        let text = try piforge.run("doctor", environment: ["PATH": "/usr/bin:/bin"])
        #expect(text.status == 0 && text.error == "")
        #expect(text.output.contains("  yes  builtin: the default; edits images without root"))
        #expect(text.output.contains(expected.isEmpty ? "  yes  loop: " : "  no   loop: "))
        for reason in expected { #expect(text.output.contains("         \(reason)\n")) }
    }

    @Test("The manifest tells the engine")
    func manifest() async throws {
        let base = try await BaseSpec.of("bookworm", "cbridge").path()
        let result = try #require(try await Piforge.build("p3", from: base, into: folder.path).first)
        #expect(result.manifest.engine == .builtin)
        #expect(try String(contentsOfFile: result.manifestPath, encoding: .utf8).contains("\"engine\" : \"builtin\""))
    }
}
