import Blocks
import Foundation
import Glibc
import TestSupport
import Testing
import Trees
import Volumes

/// An ext4 with a busybox of this machine and the red team's program, in which programs are run.
final class ProgramImage {
    let folder: TemporaryFolder
    let root: MountedVolume
    /// What the programs printed.
    let log: OpenFile

    /// `change`: shell commands that change the tree, which is their folder, before the image is made of it.
    init(_ change: String = "") throws {
        folder = try TemporaryFolder()
        let busybox = try #require(Shell.find("busybox"))
        let program = try Self.redTeam()
        let script = """
            set -e
            mkdir \(folder.path)/tree && cd \(folder.path)/tree
            mkdir -m 1777 tmp
            mkdir bin dev proc run sys boot root
            cp \(busybox) bin/busybox
            for name in sh cat echo ls sleep seq id touch ln mkdir head; do ln -s busybox bin/$name; done
            cp \(program) redteam
            cp \(program) setuid
            chmod 4755 setuid
            touch redteam-root
            mknod disk b 7 0
            mknod memory c 1 1
            \(change)
            mke2fs -q -t ext4 -d . ../root.img 48M
            """
        let made = try Shell.run("sh", ["-c", script])
        try #require(made.status == 0, "\(made.error)")
        let file = try OpenFile(path: folder.path + "/root.img", flags: O_RDWR)
        root = try MountedVolume(.ext4, of: file.descriptor, range: 0..<file.measuredByteCount(), sectorSize: 512)
        try Shell.write([], to: folder.path + "/log")
        log = try OpenFile(path: folder.path + "/log", flags: O_RDWR | O_APPEND)
    }

    /// The red team's program, compiled by the first who needs it.
    private static func redTeam() throws -> String { try compiled.get() }

    private static let compiled: Result<String, any Error> = Result {
        let folder = NSTemporaryDirectory() + "piforge-redteam-\(getpid())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        atexit { try? FileManager.default.removeItem(atPath: NSTemporaryDirectory() + "piforge-redteam-\(getpid())") }
        let source = Repository.path + "/Tests/Fixtures/redteam.c"
        let made = try Shell.run(
            "gcc", ["-static", "-O1", "-Wall", "-Wextra", "-Werror", "-o", folder + "/redteam", source])
        try #require(made.status == 0, "\(made.error)")
        return folder + "/redteam"
    }

    /// Runs `text` in the image's shell.
    @discardableResult
    func run(
        _ text: String, hasNetwork: Bool = false, limits: SandboxedProgram.Limits = .standard,
        isCancelled: () -> Bool = { false }
    ) throws -> SandboxedProgram.Outcome {
        let program = SandboxedProgram(
            ["/bin/sh", "-c", text], environment: ["PATH=/bin"], hostname: "p3", hasNetwork: hasNetwork, emulator: nil,
            limits: limits)
        return try program.run(
            in: root, boot: nil, at: "/boot", output: log.descriptor, isCancelled: isCancelled)
    }

    /// What all programs printed so far.
    var printed: String {
        get throws { try String(contentsOfFile: folder.path + "/log", encoding: .utf8) }
    }

    /// Lets go of the image, which must be sound then.
    func close() throws {
        try root.close()
        let checked = try Shell.run("e2fsck", ["-fn", folder.path + "/root.img"])
        #expect(checked.status == 0, "\(checked.output)")
    }
}
