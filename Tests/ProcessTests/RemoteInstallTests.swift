import Foundation
import TestSupport
import Testing

/// Trees sent to a controller that has no piforge, by a real ssh to a real sshd; its root is a folder of ours.
@Suite(
    .serialized, .needsRoot,
    .needs(BaseSpec.tools + ["tar", "unshare", "ip", "mount", "sshd", "ssh", "ssh-keygen", "sudo", "bash", "flock"]))
struct RemoteInstallTests {
    private let folder: TemporaryFolder
    private let root: String
    private let piforge: Piforge
    private var nfs: String { root + "/var/lib/clusterctrl/nfs" }

    init() throws {
        folder = try TemporaryFolder()
        root = folder.path + "/root"
        var piforge = Piforge(folder: folder.path)
        piforge.prefix = [Repository.path + "/Tests/Fixtures/remote-controller", folder.path]
        self.piforge = piforge
        try FileManager.default.createDirectory(atPath: nfs, withIntermediateDirectories: true)
        for path in ["proc/net", "etc"] {
            try FileManager.default.createDirectory(atPath: root + "/" + path, withIntermediateDirectories: true)
        }
        try write("# mine\n/srv *(ro)\n/var/lib/clusterctrl/nfs/p1 *(ro)\n", to: "etc/exports")
        try write("lo: 1 2 3\n", to: "proc/net/dev")
        try write("  sl  local_address rem_address   st\n", to: "proc/net/tcp")
    }

    private func write(_ text: String, to path: String) throws {
        try Shell.write(Array(text.utf8), to: root + "/" + path)
    }

    private func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: root + "/" + path).map { String(decoding: $0, as: UTF8.self) }
    }

    private func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: nfs).sorted() }

    private func install(
        _ slots: String, on host: String = "pi@hammond", _ options: String...
    ) async throws -> Piforge.Answer {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        return try piforge.run(
            ["netboot", "install", "--host", host, "--root", root, "--slot", slots, "--base", base] + options)
    }

    /// All that GNU tar sees of a tree.
    private func account(of tree: String) throws -> String {
        let told = try Shell.run(
            "sh",
            [
                "-c",
                "tar --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' "
                    + "--pax-option=delete=atime,delete=ctime -C '\(tree)' -cf - . | sha256sum",
            ])
        try #require(told.status == 0, "\(told.error)")
        return told.output
    }

    @Test("the same trees, manifests, exports and boot folder as on the spot; what is kept is kept")
    func same() async throws {
        let first = try await install("p1-p2")
        try #require(first.status == 0, "\(first.error)")
        #expect(first.output == "pi@hammond:\(nfs)/p1\npi@hammond:\(nfs)/p2\n")
        #expect(try names() == ["p1", "p1.manifest.json", "p2", "p2.manifest.json"])
        let there = folder.path + "/there"
        for path in ["var/lib/clusterctrl/nfs", "proc/net", "etc"] {
            try FileManager.default.createDirectory(atPath: there + "/" + path, withIntermediateDirectories: true)
        }
        for path in ["proc/net/dev", "proc/net/tcp"] {
            try FileManager.default.copyItem(atPath: root + "/" + path, toPath: there + "/" + path)
        }
        try Shell.write(
            Array("# mine\n/srv *(ro)\n/var/lib/clusterctrl/nfs/p1 *(ro)\n".utf8), to: there + "/etc/exports")
        let local = try Piforge(folder: folder.path).run(
            "netboot", "install", "--root", there, "--slot", "p1-p2", "--base",
            try await BaseSpec.of("bookworm", "cnat").path())
        try #require(local.status == 0, "\(local.error)")
        let place = "/var/lib/clusterctrl/nfs/"
        #expect(try account(of: nfs + "/p1") == account(of: there + place + "p1"))
        #expect(
            text("var/lib/clusterctrl/nfs/p2.manifest.json")
                == (try String(contentsOfFile: there + place + "p2.manifest.json", encoding: .utf8)))
        #expect(text("etc/exports") == (try String(contentsOfFile: there + "/etc/exports", encoding: .utf8)))
        let links = try [root, there].map {
            try FileManager.default.destinationOfSymbolicLink(atPath: $0 + "/var/lib/clusterctrl/boot/bootcode.bin")
        }
        #expect(links[0] == links[1])

        try FileManager.default.createDirectory(atPath: nfs + "/p1/opt/app/data", withIntermediateDirectories: true)
        try write("kept", to: "var/lib/clusterctrl/nfs/p1/opt/app/data/file")
        try write("kept as well", to: "var/lib/clusterctrl/nfs/p1/etc/motd")
        try write("lost", to: "var/lib/clusterctrl/nfs/p1/etc/stray")
        // As a run leaves it that was killed between two renames.
        try FileManager.default.moveItem(atPath: nfs + "/p1", toPath: nfs + "/p1.old")
        let second = try await install(
            "p1", on: "root@hammond", "--keep", "/opt/app/data", "/etc/motd", "--keep", "/srv/nothing")
        try #require(second.status == 0, "\(second.error)")
        #expect(text("var/lib/clusterctrl/nfs/p1/opt/app/data/file") == "kept")
        #expect(text("var/lib/clusterctrl/nfs/p1/etc/motd") == "kept as well")
        #expect(text("var/lib/clusterctrl/nfs/p1/etc/stray") == nil)
        #expect(second.error.contains("note: p1: /srv/nothing is not in the old tree"), "\(second.error)")
        #expect(try names() == ["p1", "p1.manifest.json", "p2", "p2.manifest.json"])
    }

    @Test(
        "a connection that breaks leaves the old tree and nothing else",
        arguments: ["head -c 3000000", "head -c -10240"])
    func broken(filter: String) async throws {
        try FileManager.default.createDirectory(atPath: nfs + "/p1", withIntermediateDirectories: true)
        try write("old", to: "var/lib/clusterctrl/nfs/p1/file")
        try Shell.write(Array(filter.utf8), to: folder.path + "/filter")
        let exports = text("etc/exports")
        let answer = try await install("p1")
        #expect(answer.status == 74, "\(answer.error)")
        #expect(try names() == ["p1"])
        #expect(text("var/lib/clusterctrl/nfs/p1/file") == "old")
        #expect(text("etc/exports") == exports)
    }

    @Test("what is refused on the spot is refused from afar")
    func refused() async throws {
        try FileManager.default.createDirectory(atPath: nfs + "/p1/opt", withIntermediateDirectories: true)
        try write("lo: 1 2 3\nethupi1: 1 2 3\n", to: "proc/net/dev")
        let running = try await install("p1")
        #expect(running.status == 73)
        #expect(running.error.contains("could not replace the tree of p1: the node is running"), "\(running.error)")
        try write("lo: 1 2 3\n", to: "proc/net/dev")
        // A node's own link must not lead out of its tree.
        try FileManager.default.createSymbolicLink(atPath: nfs + "/p1/srv", withDestinationPath: "/etc")
        try FileManager.default.createSymbolicLink(atPath: nfs + "/p1/opt/etc", withDestinationPath: "/etc")
        let link = try await install("p1", "--keep", "/opt/etc/shadow")
        #expect(link.status == 0, "\(link.error)")
        #expect(link.error.contains("/opt/etc/shadow is not in the old tree"))
        #expect(text("var/lib/clusterctrl/nfs/p1/opt/etc/shadow") == nil)
        try FileManager.default.createDirectory(atPath: nfs + "/p1/opt/a", withIntermediateDirectories: true)
        #expect(try Shell.run("mkfifo", [nfs + "/p1/opt/a/fifo"]).status == 0)
        let fifo = try await install("p1", "--keep", "/opt/a")
        #expect(fifo.status == 73)
        #expect(fifo.error.contains("only files, folders and links can be kept"), "\(fifo.error)")
        #expect(try names() == ["p1", "p1.manifest.json"])
        #expect(try await install("p1", "--layout", "shared").status == 64)
        #expect(try await install("p1", on: "-oProxyCommand=true").status == 64)
    }

    @Test("who may not, or is not there, is told so")
    func denied() async throws {
        try Shell.write([], to: folder.path + "/no-sudo")
        let denied = try await install("p1")
        #expect(denied.status == 77, "\(denied.error)")
        #expect(denied.error.contains("could not work as root on pi@hammond"))
        let absent = try await install("p1", on: "pi@127.0.0.2")
        #expect(absent.status == 69, "\(absent.error)")
        #expect(try names() == [])
    }
}
