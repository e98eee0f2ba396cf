import Foundation
import TestSupport
import Testing

/// This machine's root file system with what piforge put into an image laid over it, in memory: a system with a real dpkg
/// in which the programs of the first boot run, and are killed, in a process namespace of their own.
final class FirstBootSystem {
    private let folder: TemporaryFolder
    let root: String
    private var mounts: [String] = []

    static let tools = ["mount", "umount", "unshare", "chroot", "timeout", "dpkg", "cp", "mknod", "debugfs"]

    /// `image`: a card's path in which the files are.
    init(filesOf image: String) throws {
        folder = try TemporaryFolder()
        root = folder.path + "/root"
        let (memory, tree) = (folder.path + "/memory", folder.path + "/tree")
        for path in [root, memory, tree] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        }
        let card = try Card(image)
        try #require(try Shell.run("debugfs", ["-R", "rdump / \(tree)", card.rootName]).status == 0)
        try mount("-t", "tmpfs", "tmpfs", memory)
        let upper = memory + "/upper"
        let made = try Shell.run(
            "sh",
            [
                "-ec",
                """
                mkdir -p \(memory)/work \(upper)/dev \(upper)/boot/firmware \(upper)/var/lib \(upper)/usr/local/lib \
                    \(upper)/usr/local/bin \(upper)/etc/systemd/system/multi-user.target.wants \(upper)/run
                mknod \(upper)/dev/null c 1 3
                chmod 666 \(upper)/dev/null
                cd \(tree)
                cp -a var/lib/piforge \(upper)/var/lib/
                cp -a usr/local/lib/piforge \(upper)/usr/local/lib/
                cp -a etc/systemd/system/piforge-* \(upper)/etc/systemd/system/
                cp -a etc/systemd/system/multi-user.target.wants/piforge-* \
                    \(upper)/etc/systemd/system/multi-user.target.wants/
                """,
            ])
        try #require(made.status == 0, "\(made.error)")
        try mount("-t", "overlay", "overlay", "-o", "lowerdir=/,upperdir=\(upper),workdir=\(memory)/work", root)
        try write("#!/bin/sh\n\(Self.systemctl)", "usr/local/bin/systemctl", mode: 0o755)
    }

    deinit {
        for path in mounts.reversed() { _ = try? Shell.unmount(path) }
    }

    /// Tells what starts at boot by the links that are there, and writes down what it was told to start.
    private static let systemctl = """
        case $1 in
        list-dependencies) echo default.target; ls /etc/systemd/system/multi-user.target.wants | sed 's/^/  /' ;;
        daemon-reload) ;;
        *) echo "$*" >> /var/log/systemctl ;;
        esac

        """

    private func mount(_ arguments: String...) throws {
        let answer = try Shell.run("mount", arguments)
        try ToolsTrait.require(answer.status == 0, of: .machine, "\(answer.error)")
        mounts.append(try #require(arguments.last))
    }

    // MARK: Files

    func write(_ text: String, _ path: String, mode: UInt16 = 0o644) throws {
        try Shell.write(Array(text.utf8), to: root + "/" + path)
        chmod(root + "/" + path, mode_t(mode))
    }

    /// Nil when there is none.
    func text(_ path: String) -> String? { try? String(contentsOfFile: root + "/" + path, encoding: .utf8) }

    func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(root + "/" + path, &status) == 0
    }

    func remove(_ path: String) { _ = try? FileManager.default.removeItem(atPath: root + "/" + path) }

    /// The names in a folder; none without it.
    func names(_ path: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: root + "/" + path)) ?? []).sorted()
    }

    // MARK: Programs

    /// Runs a program; `killedAfter` seconds it and all that it started are gone at once, and /run with them.
    func run(_ arguments: String..., killedAfter seconds: Double? = nil) throws -> Shell.Answer {
        let inside =
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "chroot", root, "sh", "-c"]
            + ["mount -t proc proc /proc; exec \"$@\"", "sh"] + arguments
        let all = seconds.map { ["timeout", "-s", "KILL", String($0)] + inside } ?? inside
        let answer = try Shell.run(all[0], Array(all.dropFirst()))
        if seconds != nil && answer.status != 0 { for name in names("run") { remove("run/" + name) } }
        return answer
    }
}
