import Foundation
import Glibc
import TestSupport
import Testing

/// What an install must not touch, and what must not stop it.
@Suite(.serialized, .needsRoot, .needs(BaseSpec.tools + ["mount", "umount", "chattr"]))
struct NetbootInstallSafetyTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge
    private var root: String { folder.path + "/root" }
    private var nfs: String { root + "/var/lib/clusterctrl/nfs" }

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
        try write("/srv *(ro)\n", to: "root/etc/exports")
        try write("lo: 1 2 3\n", to: "root/proc/net/dev")
        try write("  sl  local_address rem_address   st\n", to: "root/proc/net/tcp")
        try write("old\n", to: "root/var/lib/clusterctrl/nfs/p1/etc/hostname")
    }

    private func write(_ text: String, to path: String) throws {
        let url = URL(fileURLWithPath: folder.path + "/" + path)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    private func text(_ path: String) -> String? {
        FileManager.default.contents(atPath: folder.path + "/" + path).map { String(decoding: $0, as: UTF8.self) }
    }

    private var hostname: String? { text("root/var/lib/clusterctrl/nfs/p1/etc/hostname") }

    private func install(_ options: String...) async throws -> Piforge.Answer {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        return try piforge.run(["netboot", "install", "--root", root, "--slot", "p1", "--base", base] + options)
    }

    @Test("the exports keep their owner and mode")
    func exports() async throws {
        try #require(chown(root + "/etc/exports", 1000, 1001) == 0 && chmod(root + "/etc/exports", 0o640) == 0)
        let answer = try await install()
        #expect(answer.status == 0, "\(answer.error)")
        var found = stat()
        #expect(stat(root + "/etc/exports", &found) == 0)
        #expect(found.st_uid == 1000 && found.st_gid == 1001 && found.st_mode & 0o7777 == 0o640)
        #expect(text("root/etc/exports")?.hasPrefix("/srv *(ro)\n/var/lib/clusterctrl/nfs/p1 ") == true)
    }

    @Test("no link in the root leads out of it")
    func links() async throws {
        try write("theirs\n", to: "outside/exports")
        try FileManager.default.createDirectory(
            atPath: folder.path + "/outside/lib/clusterctrl/nfs", withIntermediateDirectories: true)
        try FileManager.default.removeItem(atPath: root + "/etc/exports")
        try FileManager.default.createSymbolicLink(
            atPath: root + "/etc/exports", withDestinationPath: folder.path + "/outside/exports")
        let answer = try await install()
        #expect(answer.status == 73)
        let message = "error: could not create \(root)/etc/exports: something that is no file lies there"
        #expect(answer.error.hasPrefix(message), "\(answer.error)")
        #expect(text("outside/exports") == "theirs\n" && hostname == "old\n")
        try FileManager.default.moveItem(atPath: root + "/var", toPath: root + "/mine")
        try FileManager.default.createSymbolicLink(atPath: root + "/var", withDestinationPath: folder.path + "/outside")
        let other = try await install()
        #expect(other.status == 69, "\(other.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/outside/lib/clusterctrl/nfs") == [])
        // A link that stays inside is one's own business.
        try FileManager.default.removeItem(atPath: root + "/var")
        try FileManager.default.createSymbolicLink(atPath: root + "/var", withDestinationPath: "/mine")
        try FileManager.default.removeItem(atPath: root + "/etc/exports")
        let third = try await install()
        #expect(third.status == 0, "\(third.error)")
        #expect(text("root/mine/lib/clusterctrl/nfs/p1/etc/hostname") == "p1\n")
    }

    @Test(
        "what is no file is refused before anything is changed",
        arguments: [("etc/exports", "a named pipe"), ("etc/exports", "a folder"), ("etc/exports", "a device")])
    func noFile(path: String, kind: String) async throws {
        let place = root + "/" + path
        try? FileManager.default.removeItem(atPath: place)
        switch kind {
        case "a named pipe": try #require(mkfifo(place, 0o600) == 0)
        case "a device": try #require(mknod(place, S_IFCHR | 0o600, 1 << 8 | 3) == 0)
        default: try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        }
        let answer = try await install()
        #expect(answer.status == 65)
        #expect(answer.error.hasPrefix("error: could not read \(place): it is \(kind)\n"), "\(answer.error)")
        #expect(hostname == "old\n")
    }

    @Test(
        "a folder that is mounted into the old tree is in the way, and keeps its files", arguments: ["full", "shared"])
    func mount(layout: String) async throws {
        try write("gold\n", to: "precious/file")
        let place = nfs + "/p1/data"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        #expect(try Shell.run("mount", ["--bind", folder.path + "/precious", place]).status == 0)
        let answer = try await install("--layout", layout)
        try Shell.unmount(place)
        #expect(answer.status == 73)
        #expect(answer.error.contains("something is mounted at \(place), whose files are not the tree's"))
        #expect(text("precious/file") == "gold\n" && hostname == "old\n")
    }

    @Test("what cannot be removed is reported, and in no install's way", arguments: ["full", "shared"])
    func immutable(layout: String) async throws {
        #expect(try Shell.run("chattr", ["+i", nfs + "/p1/etc/hostname"]).status == 0)
        let first = try await install("--layout", layout)
        let second = try await install("--layout", layout)
        // Of regular files alone: chattr -R ends with 1 at the first link.
        let freed = try Shell.run("find", [nfs, "-type", "f", "-exec", "chattr", "-i", "{}", "+"])
        #expect(freed.status == 0, "\(freed.error)")
        for answer in [first, second] {
            #expect(answer.status == 0, "\(answer.error)")
            #expect(answer.error.contains("/etc/hostname: operation not permitted, it may be immutable (chattr(1))"))
        }
        let third = try await install("--layout", layout)
        #expect(third.status == 0 && !third.error.contains("could not remove"), "\(third.error)")
        let names = try FileManager.default.contentsOfDirectory(atPath: nfs)
        #expect(names.filter { $0.contains("partial") || $0.contains(".new") } == [])
    }

    @Test(
        "links that a node has put in its tree show nothing of the controller's", arguments: ["/home", "/home/pi/file"])
    func nodeLinks(kept: String) async throws {
        try write("secret\n", to: "outside/pi/file")
        try FileManager.default.createSymbolicLink(
            atPath: nfs + "/p1/home", withDestinationPath: folder.path + "/outside")
        let answer = try await install("--keep", kept)
        if kept == "/home/pi/file" {
            #expect(answer.error.contains("/home/pi/file is not in the old tree"), "\(answer.error)")
            #expect(text("root/var/lib/clusterctrl/nfs/p1/home/pi/file") != "secret\n")
        } else {
            // Refused, so the old tree is there with the node's own link, and no copy of what that leads to.
            #expect(answer.status == 65, "\(answer.error)")
            #expect(hostname == "old\n")
            let link = try FileManager.default.destinationOfSymbolicLink(atPath: nfs + "/p1/home")
            #expect(link == folder.path + "/outside")
        }
    }
}
