@testable import Blocks
@testable import Forge
import Foundation
@testable import Netboot
@testable import Reports
import TestSupport
import Testing

/// Formats, and that equal inputs give equal bytes.
@Suite(.needs(BaseSpec.tools + ["tar", "xz", "zstd", "cmp"]))
struct NetbootOutputTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test(
        "two runs give the same bytes, and one slot alone those that it has beside others", arguments: TreeFormat.tars)
    func reproducible(_ format: TreeFormat) async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let all = try Piforge.netboot("p1-p4", from: base, into: folder.path + "/all", format: format)
        let again = try Piforge.netboot("p1-p4", from: base, into: folder.path + "/again", format: format)
        let alone = try Piforge.netboot("p2", from: base, into: folder.path + "/alone", format: format)
        #expect(all.map(\.manifest) == again.map(\.manifest))
        #expect(alone.first?.manifest == all[1].manifest)
        for result in all + again {
            #expect(try Card.sha256(of: result.path) == result.manifest.output.sha256)
            let size = try FileManager.default.attributesOfItem(atPath: result.path)[.size] as? Int64
            #expect(size == result.manifest.output.bytes)
        }
        #expect(Set(all.map(\.manifest.output.sha256)).count == 4)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/all").count == 8)
    }

    @Test("packed tars hold the plain one, in blocks that several threads can unpack")
    func packed() async throws {
        let base = try await BaseSpec.of("bullseye", "cbridge").path()
        let plain = try #require(try Piforge.netboot("p3", from: base, into: folder.path).first)
        for (format, tool) in [(TreeFormat.tarXZ, "xz"), (.tarZstd, "zstd")] {
            let packed = try #require(
                try Piforge.netboot("p3", from: base, into: folder.path, format: format).first)
            try #require(try Shell.run(tool, ["-q", "-t", packed.path]).status == 0)
            let unpacked = packed.path + ".plain"
            try #require(
                try Shell.run("sh", ["-c", "\(tool) -q -dc '\(packed.path)' > '\(unpacked)'"]).status == 0)
            #expect(try Shell.run("cmp", [plain.path, unpacked]).status == 0)
        }
    }

    @Test("names are sorted, owners are numbers, nothing is dated after SOURCE_DATE_EPOCH")
    func members() async throws {
        let base = try await BaseSpec.of("bookworm", "cbridge").path()
        let epoch: Int64 = 1_600_000_000
        let result = try #require(try Piforge.netboot("p1", from: base, into: folder.path, epoch: epoch).first)
        let names = try Shell.run("tar", ["-tf", result.path]).output.split(separator: "\n").map(String.init)
        let paths = names.map { $0.split(separator: "/").map { Array($0.utf8) } }
        for (first, second) in zip(paths, paths.dropFirst()) {
            let isBefore = first.lexicographicallyPrecedes(second) { $0.lexicographicallyPrecedes($1) }
            #expect(isBefore, "\(first) \(second)")
        }
        #expect(names.first == "./")
        let tree = try UnpackedTree(archive: result.path)
        #expect(tree.listing["etc/hostname"]?.hasSuffix(" 0/0 2020-09-13 12:26:40") == true)
        #expect(tree.listing["etc/fstab"]?.hasSuffix(" 0/0 2020-09-13 12:26:40") == true)
        #expect(tree.listing["home/pi"]?.contains(" 1000/1000 ") == true)
        #expect(
            tree.listing.values.allSatisfy {
                $0.contains(" 2020-09-13 12:26:40") || $0.hasSuffix("1970-01-01 00:00:00")
            })
        let attributes = try Shell.run(
            "tar", ["--xattrs", "--xattrs-include=*", "-tvvf", result.path, "./usr/bin/ping"]
        ).output
        #expect(attributes.contains("security.capability"), "\(attributes)")
    }

    @Test("the settings are in the tree, and secrets nowhere else")
    func settings() async throws {
        let profile = try RichProfile()
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let result = try #require(
            try Piforge.netboot("p3", from: base, into: folder.path, profile: profile.path).first)
        #expect(result.path.hasSuffix("/rich-p3.tar"))
        let tree = try UnpackedTree(archive: result.path)
        #expect(tree.text("etc/hostname") == "tealc\n")
        #expect(tree.text("etc/hosts")?.contains("127.0.1.1\ttealc.example.net tealc p3\n") == true)
        let line = try #require(tree.text("boot/firmware/cmdline.txt"))
        #expect(line.contains("::255.255.255.0:p3:usb0.10:static "), "\(line)")
        #expect(line.contains(" cgroup_enable=memory ") && line.contains(" panic=10"), "\(line)")
        #expect(line.utf8.last == 0x0A && line.split(separator: "\n").count == 1)
        #expect(tree.text("boot/firmware/config.txt")?.contains("\ngpu_mem=16\n") == true)
        // A marker would be taken at the first start alone, and some nodes forget what they wrote.
        #expect(tree.entries["boot/firmware/ssh"] == nil)
        let unit = tree.entries["etc/systemd/system/multi-user.target.wants/ssh.service"]
        #expect(unit?.bytes == Data("/lib/systemd/system/ssh.service".utf8))
        #expect(tree.text("home/pi/.ssh/authorized_keys") == RichProfile.key + "\n")
        #expect(tree.listing["home/pi/.ssh/authorized_keys"]?.hasPrefix("-rw------- 1000/1000") == true)
        #expect(tree.entries["srv/deep/er/blob"]?.bytes == Data(RichProfile.blob))
        #expect(tree.listing["boot/firmware/userconf.txt"]?.hasPrefix("-rw------- 0/0") == true)
        #expect(tree.entries["boot/firmware/more/blob.bin"] != nil)
        let facts = try FileManager.default.attributesOfItem(atPath: result.path)
        #expect(facts[.posixPermissions] as? Int == 0o600)
        let manifest = try String(contentsOfFile: result.manifestPath, encoding: .utf8)
        for secret in RichProfile.secrets { #expect(!manifest.contains(secret)) }
        #expect(manifest.contains("\"medium\" : \"netboot\""))
    }

    @Test("as root: a folder with owners, modes, capabilities, links and times as GNU tar unpacks the archive")
    func folders() async throws {
        try ToolsTrait.requireRoot()
        let base = try await BaseSpec.of("bookworm", "cbridge").path()
        let archive = try #require(try Piforge.netboot("p3", from: base, into: folder.path).first)
        let made = try #require(
            try Piforge.netboot("p3", from: base, into: folder.path, format: .folder).first)
        #expect(made.path == folder.path + "/p3")
        #expect(made.manifest.output.sha256 == archive.manifest.output.sha256)
        let unpacked = folder.path + "/unpacked"
        try #require(
            try Shell.run(
                "sh",
                [
                    "-c",
                    "mkdir '\(unpacked)' && tar -xpf '\(archive.path)' -C '\(unpacked)' --numeric-owner --xattrs --xattrs-include='*'",
                ]
            ).status == 0)
        #expect(try Self.account(of: made.path) == Self.account(of: unpacked))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasSuffix(".partial") })

        // In the place of another one, which is gone afterwards.
        try Shell.write([1], to: made.path + "/stray")
        let again = try Piforge.netboot("p3", from: base, into: folder.path, format: .folder)
        #expect(again.first?.manifest == made.manifest)
        #expect(!FileManager.default.fileExists(atPath: made.path + "/stray"))
        #expect(throws: ForgeError.self) {
            try Piforge.netboot("p3", from: base, into: folder.path, format: .folder, replacing: false)
        }
    }

    /// What GNU tar sees in a folder: names, types, modes, owners, times, attributes, contents.
    private static func account(of folder: String) throws -> String {
        let told = try Shell.run(
            "sh",
            [
                "-c",
                """
                tar --sort=name --format=posix --numeric-owner --xattrs --xattrs-include='*' \
                --pax-option=delete=atime,delete=ctime -C '\(folder)' -cf - . | sha256sum
                """,
            ])
        try #require(told.status == 0, "\(told.error)")
        return told.output
    }

    @Test("an ordinary user makes tars, and is told so when asking for folders", .needs("setpriv"))
    func withoutRoot() async throws {
        // Anybody but root is an ordinary user already.
        let other = try OtherUser()
        let ordinary = other?.piforge ?? Piforge(folder: folder.path, cache: folder.path + "/cache")
        let base = try await BaseSpec.of("bullseye", "p2").path()
        let folders = try ordinary.run("netboot", "--slot", "p1", "--base", base, "--format", "dir")
        #expect(folders.status == 77)
        #expect(
            folders.error == """
                error: could not make folders of nodes' trees: only root may give files their owners
                hint:  use --format tar, which needs no root, and unpack it as root

                """)
        let tar = try ordinary.run("netboot", "--slot", "p1", "--base", base, "--no-initramfs")
        #expect(tar.status == 0, "\(tar.error)")
        let digest = try Card.sha256(of: ordinary.folder + "/p1.tar")
        #expect(tar.output == "\(digest)  p1.tar\n")
        let again = try TemporaryFolder()
        let result = try #require(try Piforge.netboot("p1", from: base, into: again.path).first)
        #expect(result.manifest.output.sha256 == digest)
    }

    @Test("verify knows trees, as archives and as folders, and sees what was changed in them")
    func verify() async throws {
        let profile = try RichProfile()
        let base = try await BaseSpec.of("bookworm", "cbridge").path()
        let piforge = Piforge(folder: folder.path, cache: folder.path + "/cache")
        let options = ["--slot", "p3", "--profile", profile.path]
        let made = try piforge.run(["netboot", "--base", base, "--format", "tar.zst", "--json"] + options)
        #expect(made.status == 0, "\(made.error)")
        #expect(made.output.contains("\"tree\" : \"rich-p3.tar.zst\""))
        let archive = try piforge.run(["verify", "rich-p3.tar.zst"] + options)
        #expect(archive.status == 0, "\(archive.output)\(archive.error)")
        #expect(archive.output == "rich-p3.tar.zst is what slot p3 asks for\n")
        let other = try piforge.run(["verify", "rich-p3.tar.zst", "--profile", profile.path, "--slot", "p252"])
        #expect(other.status == 1)
        #expect(other.output.contains("root:/etc/hostname"), "\(other.output)")

        let tree = folder.path + "/tree"
        let unpacked = try Shell.run(
            "sh",
            ["-c", "mkdir '\(tree)' && tar -xpf '\(folder.path)/rich-p3.tar.zst' -C '\(tree)' --numeric-owner"])
        try #require(unpacked.status == 0 || getuid() != 0)
        guard getuid() == 0 else { return }
        let whole = try piforge.run(["verify", "tree"] + options)
        #expect(whole.status == 0, "\(whole.output)\(whole.error)")
        try Shell.write(Array("oneil\n".utf8), to: tree + "/etc/hostname")
        let changed = try piforge.run(["verify", "tree"] + options)
        #expect(changed.status == 1)
        #expect(changed.output.contains("~ root:/etc/hostname  (hostname tealc)"), "\(changed.output)")
    }

    @Test("one tar holds what the tars of all slots hold, and no file of one node is another one's")
    func together() async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let piforge = Piforge(folder: folder.path)
        let arguments = ["netboot", "--slot", "p2,p10", "--base", base]
        try #require(try piforge.run(arguments + ["--output", "alone"]).status == 0)
        let answer = try piforge.run(arguments + ["--together"])
        try #require(answer.status == 0, "\(answer.error)")
        try #require(try piforge.run(arguments + ["--together", "--output", "again"]).status == 0)
        #expect(try Shell.run("cmp", [folder.path + "/nodes.tar", folder.path + "/again/nodes.tar"]).status == 0)
        var expected = ""
        for slot in ["p10", "p2"] { expected += try members("\(folder.path)/alone/\(slot).tar", below: slot) }
        let found = try members(folder.path + "/nodes.tar", below: nil)
        #expect(found.hasPrefix("drwxr-xr-x 0/0 ") && found.contains(" link to ./p2/"))
        #expect(found.split(separator: "\n").dropFirst().joined(separator: "\n") + "\n" == expected)
        let unpacked = try UnpackedTree(archive: folder.path + "/nodes.tar")
        #expect(unpacked.text("p10/etc/hostname") == "p10\n" && unpacked.text("p2/etc/hostname") == "p2\n")
        for slot in ["p2", "p10"] {
            #expect(try piforge.run("verify", "nodes.tar", "--slot", slot).status == 0)
        }
        for (option, what) in [("--format", "dir"), ("--layout", "shared")] {
            let refused = try piforge.run(arguments + ["--together", option, what])
            #expect(refused.status == 64 && refused.error.hasPrefix("error: could not use --together: "))
        }
    }

    /// What GNU tar lists, as if it lay below a folder.
    private func members(_ archive: String, below folder: String?) throws -> String {
        let list = try Shell.run("tar", ["--numeric-owner", "--full-time", "-tvf", archive])
        try #require(list.status == 0, "\(list.error)")
        guard let folder else { return list.output }
        return list.output.replacing(" ./", with: " ./\(folder)/")
    }

    @Test("controllers are refused") func controllers() async throws {
        let piforge = Piforge(folder: folder.path)
        let base = try await BaseSpec.plain.path()
        let answer = try piforge.run("netboot", "--slot", "p1,cnat", "--base", base)
        #expect(answer.status == 65)
        #expect(
            answer.error == """
                error: could not make a netboot tree for cnat: a controller boots from its card
                hint:  name nodes: --slot p1-p4

                """)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test(
        "a run that has too few descriptors leaves nothing unfinished", .needsRoot, .needs("prlimit"),
        arguments: [10, 13, 16, 19, 22, 25, 28])
    func fewDescriptors(limit: Int) async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let piforge = Piforge(folder: folder.path, prefix: ["prlimit", "--nofile=\(limit)"])
        let answer = try piforge.run(
            "netboot", "--slot", "p1-p2", "--base", base, "--format", "dir", "--output", "out")
        let names = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        #expect(!names.contains { $0.contains(".partial") }, "\(answer)")
        // With the fewest the program's own libraries may not start.
        #expect([0, 65, 73, 74, 127].contains(answer.status), "\(answer)")
        #expect(answer.status != 0 || names.contains("out/p2/etc/hostname"))
    }
}

/// What the initramfs of a tree must match.
@Suite(.needs(BaseSpec.tools))
struct NetbootControllerTests {
    @Test("a controller's image without rules says nothing of nodes")
    func without() async throws {
        let folder = try TemporaryFolder()
        let piforge = Piforge(folder: folder.path)
        let base = try await BaseSpec.plain.path()
        let other = try await BaseSpec.of("trixie", "stock").path()
        let arguments = ["netboot", "--slot", "p1", "--base", base, "--controller", other]
        let answer = try piforge.run(arguments)
        #expect(answer.status == 65)
        #expect(
            answer.error == """
                error: could not use \(other) as the controller: it has no /etc/udev/rules.d/90-clusterctrl.rules
                hint:  give the image that the controller's card was made from

                """)
        let useless = try piforge.run(arguments + ["--no-initramfs"])
        #expect(useless.status == 64)
        #expect(useless.error.hasPrefix("error: could not use --controller: it tells what an initramfs must match"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        #expect(try piforge.run("netboot", "--slot", "p1", "--base", base, "--controller", base).status == 0)
    }
}

/// `netboot initramfs` alone.
@Suite(.needs(BaseSpec.tools))
struct NetbootInitramfsTests {
    @Test func aFolderIsMade() async throws {
        let folder = try TemporaryFolder()
        let piforge = Piforge(folder: folder.path)
        let base = try await BaseSpec.plain.path()
        let answer = try piforge.run("netboot", "initramfs", "--base", base, "--output", "a/b/c")
        try #require(answer.status == 0, "\(answer.error)")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/a/b/c").sorted() == [
                "initramfs", "initramfs7",
            ])
    }
}

extension TreeFormat {
    static let tars: [TreeFormat] = [.tar, .tarXZ, .tarZstd]
}
