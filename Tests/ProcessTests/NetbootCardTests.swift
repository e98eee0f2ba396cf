@testable import Forge
import Foundation
@testable import Netboot
import Plans
import TestSupport
import Testing
import Trees

/// A controller's card with its nodes' trees in it.
@Suite(.needs(BaseSpec.tools))
struct NetbootCardTests {
    static let folder = "var/lib/clusterctrl/nfs/"

    @Test("one card holds the controller and its nodes", arguments: ["bullseye", "bookworm"])
    func oneCard(_ release: String) async throws {
        let base = try await BaseSpec.of(release, "cnat").path()
        let output = try TemporaryFolder()
        let piforge = Piforge(folder: output.path)
        let built = try piforge.run("build", "--slot", "cnat", "--with-netboot", "p1-p2", "--base", base)
        try #require(built.status == 0, "\(built.error)")
        #expect(built.error.contains("note: cnat: the trees of 2 nodes need at most "), "\(built.error)")
        let card = try Card(output.path + "/cnat.img")
        try card.expectClean()
        let tree = try CardTree(card)
        let plain = try CardTree(try Card(base))
        let mount = release == "bookworm" ? "boot/firmware" : "boot"
        for number in 1...2 {
            let node = Self.folder + "p\(number)/"
            #expect(tree.root[node + "etc/hostname"]?.bytes == Data("p\(number)\n".utf8))
            let line = String(decoding: tree.root[node + mount + "/cmdline.txt"]?.bytes ?? Data(), as: UTF8.self)
            #expect(line.contains("nfsroot=172.19.180.254:/var/lib/clusterctrl/nfs/p\(number) "), "\(line)")
            // All of the base is there, with its owners, modes and attributes.
            for (path, entry) in plain.root where !path.hasPrefix("boot") && path != "lost+found" {
                guard let copy = tree.root[node + path] else { continue }
                #expect(copy.type == entry.type && (copy.mode, copy.owner) == (entry.mode, entry.owner), "\(path)")
                #expect(copy.attributes == entry.attributes, "\(path)")
            }
            let missing = plain.root.keys.filter { tree.root[node + $0] == nil }
            #expect(missing.allSatisfy { $0.hasPrefix("etc/") || $0.hasPrefix("boot") }, "\(missing)")
        }
        let exports = String(decoding: tree.root["etc/exports"]?.bytes ?? Data(), as: UTF8.self)
        let line = "/var/lib/clusterctrl/nfs/p2 172.19.180.2(rw,sync,no_subtree_check,no_root_squash)"
        #expect(exports.split(separator: "\n").filter { $0 == line }.count == 1)
        let digest = try card.sha256()
        let again = try piforge.run("build", "--slot", "cnat", "--with-netboot", "p1-p2", "--base", base, "--force")
        #expect(again.status == 0, "\(again.error)")
        #expect(try card.sha256() == digest)
        let verified = try piforge.run("verify", "--slot", "cnat", output.path + "/cnat.img")
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
    }

    @Test("one root for all nodes, on a card and in a tar: lint and verify find each node's")
    func sharedRoot() async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let output = try TemporaryFolder()
        let piforge = Piforge(folder: output.path)
        let options = ["--slot", "p1-p4", "--layout", "shared", "--upper", "256M", "--base", base]
        let tar = try piforge.run(["netboot", "--format", "tar.zst"] + options)
        try #require(tar.status == 0, "\(tar.error)")
        #expect(tar.output.split(separator: "\n").count == 1 && tar.output.hasSuffix("  shared.tar.zst\n"))
        let card = try piforge.run(
            "build", "--slot", "cnat", "--with-netboot", "p1-p4", "--layout", "shared", "--base", base)
        try #require(card.status == 0, "\(card.error)")
        let made = try Card(output.path + "/cnat.img")
        try made.expectClean()
        let root = try CardTree(made).root
        #expect(root[Self.folder + "p3/files/etc/hostname"]?.bytes == Data("p3\n".utf8))
        let other = try #require(root[Self.folder + "p252"])
        #expect(other.type == "directory")
        // Boot files are one file with a name for each node.
        let kernels = (1...4).compactMap { root[Self.folder + "p\($0)/boot/firmware/kernel.img"]?.inode }
        #expect(kernels.count == 4 && Set(kernels).count == 1)
        let line = "/var/lib/clusterctrl/nfs/shared 172.19.180.0/24(ro,sync,no_subtree_check,no_root_squash)\n"
        let exports = String(decoding: root["etc/exports"]?.bytes ?? Data(), as: UTF8.self)
        #expect(exports.hasSuffix(line))
        for path in ["shared.tar.zst", "cnat.img"] {
            let verified = try piforge.run("verify", "--slot", "p3", path)
            #expect(verified.output == "\(path) is what slot p3 asks for\n", "\(verified.output)\(verified.error)")
            let found = try piforge.run("netboot", "lint", path)
            for slot in ["p1", "p2", "p3", "p4"] { #expect(found.output.contains("\(slot): "), "\(found)") }
        }
    }

    @Test("only a controller's raw image takes trees")
    func refusals() async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let output = try TemporaryFolder()
        let piforge = Piforge(folder: output.path)
        let cases: [(arguments: [String], status: Int32, text: String)] = [
            (["--slot", "p1", "--with-netboot", "p2"], 64, "into the image of p1: only a controller serves them"),
            (["--slot", "cnat", "--with-netboot", "p2", "--format", "img.xz"], 64, "netboot trees into such an image"),
            (["--slot", "cnat", "--with-netboot", "cbridge"], 64, "cbridge"),
        ]
        for item in cases {
            let answer = try piforge.run(["build", "--base", base] + item.arguments)
            #expect(answer.status == item.status && answer.error.contains(item.text), "\(answer)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: output.path).isEmpty)
    }

    @Test("exports: present lines stay, ours are exact")
    func exports() {
        let p3 = "/var/lib/clusterctrl/nfs/p3 172.19.180.3(rw,sync,no_subtree_check,no_root_squash)"
        let cases: [(old: String, new: String)] = [
            ("", p3 + "\n"),
            ("# mine\n/srv *(ro)", "# mine\n/srv *(ro)\n" + p3 + "\n"),
            ("/a *(ro)\n\(p3)\n/b *(ro)\n", "/a *(ro)\n\(p3)\n/b *(ro)\n"),
            (
                "/var/lib/clusterctrl/nfs/p3\t*(ro)\n/var/lib/clusterctrl/nfs/p3 x(rw)\n/var/lib/clusterctrl/nfs/p30 y\n",
                p3 + "\n/var/lib/clusterctrl/nfs/p30 y\n"
            ),
        ]
        for item in cases {
            let text = String(
                decoding: NetbootExports.bytes(Array(item.old.utf8), with: [.node(3), .cnat]), as: UTF8.self)
            #expect(text == item.new)
            #expect(NetbootExports.bytes(Array(text.utf8), with: [.node(3), .cnat]) == Array(text.utf8))
        }
    }
}
