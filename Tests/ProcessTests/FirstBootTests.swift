import Foundation
import Images
import Inspect
import TestSupport
import Testing

/// Every release's first starts, played to their end by Tests/System/first-boots.
@Suite(
    .needsRoot,
    .needs(
        BaseSpec.tools + [
            "unshare", "chroot", "mount", "losetup", "parted", "resize2fs", "fdisk", "ssh-keygen", "busybox", "cpio",
            "tar",
            "zstd", "cp", "truncate", "mdir",
        ]))
struct FirstBootTests {
    private let folder: TemporaryFolder
    private static let releases = ["buster", "bullseye", "bookworm"]
    private static let hash = "$6$salt$" + String(repeating: "x", count: 86)
    private static let wants = "etc/systemd/system/multi-user.target.wants/"

    init() throws { folder = try TemporaryFolder() }

    /// What it prints, without the words that begin each line: `1 restarts`.
    private func starts(_ arguments: String...) throws -> [String] {
        let told = try Shell.run(Repository.path + "/Tests/System/first-boots", arguments)
        try #require(told.status == 0, "\(told.output)\(told.error)")
        return told.output.split(separator: "\n").map { String($0.dropFirst("boot ".utf8.count)) }
    }

    /// Nothing fails, nothing is started twice, and the last of `count` starts is as all later ones.
    private func expectRest(_ events: [String], after count: Int) {
        #expect(events.last == "\(count) changes nothing")
        let units = events.filter { $0.contains(" unit ") }.map {
            $0.split(separator: " ").suffix(2).joined(separator: " ")
        }
        #expect(units.filter { !$0.hasSuffix(" 0") } == [])
        // Nobody answers the wizard, so it asks again.
        let once = units.filter { !$0.hasPrefix("userconfig.service") }
        #expect(Set(once).count == once.count, "\(units)")
    }

    @Test("a card", arguments: releases, ["p3", "cnat"])
    func card(_ release: String, _ slot: String) async throws {
        let base = try await BaseSpec.of(release, "cbridge").path()
        // Images of buster have no userconf, which renames.
        let user = release == "buster" ? [] : ["user=daniel", "password_hash=\(Self.hash)"]
        let made = try #require(
            try await Piforge.build(slot, from: base, into: folder.path, set: ["ssh=true"] + user).first)
        let promised = try promises(made.imagePath)
        try Packer.run("truncate", ["-s", "+32M", made.imagePath])
        let size = try #require(try FileManager.default.attributesOfItem(atPath: made.imagePath)[.size] as? Int)

        let events = try starts("card", made.imagePath)
        expectRest(events, after: 3)
        let program = release == "buster" ? "raspi-config/init_resize.sh" : "raspberrypi-sys-mods/firstboot"
        #expect(
            events.filter { $0.contains(" runs ") } == [
                "1 runs /usr/lib/\(program)", "2 runs /sbin/init", "3 runs /sbin/init",
            ])
        #expect(promised == Self.acts(events))

        let card = try Card(made.imagePath)
        try card.expectClean()
        let (tree, old) = (try CardTree(card), try await BaseSpec.of(release, "cbridge").tree())
        #expect(card.rootStart + card.rootSize == size)
        #expect(
            try Shell.run("dumpe2fs", ["-h", card.rootName]).output.contains(
                "Block count:              \(card.rootSize / 4096)\n"))
        try expectOwnDisk(card, tree)
        #expect(tree.boot["ssh"] == nil && tree.root[Self.wants + "ssh.service"] != nil)
        #expect(tree.root[Self.wants + "regenerate_ssh_host_keys.service"] == nil)
        #expect(tree.root["etc/rc3.d/S01resize2fs_once"] == nil && old.root["etc/rc3.d/S01resize2fs_once"] != nil)
        for type in ["ed25519", "ecdsa"] { #expect(tree.root["etc/ssh/ssh_host_\(type)_key"]?.mode == 0o600) }
        #expect(tree.root["etc/machine-id"]?.bytes?.count == 33)
        #expect(tree.root["etc/hostname"]?.bytes == Data("\(slot)\n".utf8))
        let accounts = String(decoding: try #require(tree.root["etc/shadow"]?.bytes), as: UTF8.self)
        #expect(accounts.contains("\ndaniel:\(Self.hash):") == (release != "buster"))
    }

    @Test("a card from a base that has run", arguments: releases)
    func cardOfAUsedBase(_ release: String) async throws {
        let base = BaseSpec.of(release, "p2", isBooted: true)
        let made = try #require(
            try await Piforge.build("p1", from: try await base.path(), into: folder.path, set: ["ssh=true"]).first)
        expectRest(try starts("card", made.imagePath), after: 2)
        let (old, new) = (try await base.tree(), try CardTree(try Card(made.imagePath)))
        for path in ["etc/machine-id", "etc/ssh/ssh_host_ed25519_key", "etc/ssh/ssh_host_ecdsa_key"] {
            let bytes = try #require(new.root[path]?.bytes)
            #expect(!bytes.isEmpty && bytes != old.root[path]?.bytes, "\(path)")
        }
        let logs = ["auth.log", "lastlog", "wtmp"].map { "var/log/\($0)" }
        for path in logs + ["var/lib/systemd/random-seed", "var/lib/dhcp/dhclient.usb0.leases"] {
            #expect(old.root[path] != nil && new.root[path] == nil, "\(path)")
        }
        #expect(old.root.keys.contains { $0.hasSuffix("/system.journal") })
        #expect(new.root.keys.filter { $0.hasPrefix("var/log/journal/") } == [])
    }

    /// A new disk id, and all that names it: kernel line and fstab.
    private func expectOwnDisk(_ card: Card, _ tree: CardTree) throws {
        let id = String(try Shell.run("sfdisk", ["--disk-id", card.path]).output.dropFirst(2).dropLast())
        #expect(id != "5d1f0a2c" && id.count == 8)
        let line = String(decoding: try #require(tree.boot["cmdline.txt"]?.bytes), as: UTF8.self)
        #expect(line.contains(" root=PARTUUID=\(id)-02 ") && !line.contains("init=") && !line.contains("quiet"))
        let mounts = String(decoding: try #require(tree.root["etc/fstab"]?.bytes), as: UTF8.self)
        #expect(mounts.contains("PARTUUID=\(id)-01 ") && mounts.contains("PARTUUID=\(id)-02 "))
    }

    /// What `inspect` says that the first starts do, in the words of `acts`.
    private func promises(_ image: String) throws -> Set<String> {
        let told = try Piforge(folder: folder.path).run("inspect", "--json", image)
        try #require(told.status == 0, "\(told.error)")
        struct Answer: Decodable { var first_boot: [Step] }
        struct Step: Decodable { var boot: Int, what: String }
        let steps = try JSONDecoder().decode(Answer.self, from: Data(told.output.utf8)).first_boot
        var acts: Set<String> = []
        for step in steps {
            for (words, act) in [
                ("machine id", "machine id"), ("host keys", "host keys"), ("restarts", "restarts"),
                ("sshswitch", "ssh"),
                ("grows the root", "grows"),
            ] where step.what.contains(words) { acts.insert("\(step.boot) \(act)") }
        }
        return acts
    }

    private static func acts(_ events: [String]) -> Set<String> {
        var acts: Set<String> = []
        for event in events {
            let boot = event.prefix { $0 != " " }
            for (words, act) in [
                ("machine id", "machine id"), ("disable regenerate_ssh_host_keys", "host keys"),
                ("restarts", "restarts"),
                ("unit sshswitch.service", "ssh"), ("resize2fs", "grows"), ("init_resize", "grows"),
            ] where event.contains(words) { acts.insert("\(boot) \(act)") }
        }
        return acts
    }

    @Test("a node's tree", arguments: releases, [[], ["--layout", "shared"]])
    func tree(_ release: String, _ layout: [String]) async throws {
        let base = try await BaseSpec.of(release, "cbridge").path()
        let made = try Piforge(folder: folder.path).run(
            ["netboot", "--slot", "p2", "--base", base, "--ssh", "--format", "dir", "--output", "trees"] + layout)
        try #require(made.status == 0, "\(made.error)")
        let trees = folder.path + "/trees" + (layout.isEmpty ? "" : "/" + (try sharedFolder()))
        let events = try starts("tree", trees, "p2")
        let isChained = release == "bookworm"
        // A shared root without a file for its changes starts anew each time.
        if layout.isEmpty { expectRest(events, after: isChained ? 3 : 2) }
        #expect(events.contains("1 restarts") == isChained)
        // What a start writes to memory, the next one does not find.
        let usual = Array(repeating: "runs /sbin/init", count: layout.isEmpty ? 2 : 1)
        #expect(
            events.filter { $0.contains(" runs ") }.map { String($0.dropFirst(2)) }
                == (isChained ? ["runs /usr/lib/raspberrypi-sys-mods/firstboot"] : []) + usual)
        #expect(!events.contains { $0.contains("resize2fs") })
        let root = trees + "/p2/"
        let boot = root + (isChained ? "boot/firmware/" : "boot/")
        #expect(!FileManager.default.fileExists(atPath: boot + "ssh"))
        #expect(try !String(contentsOfFile: boot + "cmdline.txt", encoding: .utf8).contains("init="))
        guard layout.isEmpty else { return }
        #expect(FileManager.default.fileExists(atPath: root + "etc/ssh/ssh_host_ed25519_key"))
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: root + Self.wants + "ssh.service")
                == "/lib/systemd/system/ssh.service")
        let lint = try Piforge(folder: folder.path).run("netboot", "lint", trees)
        #expect(lint.status == 0, "\(lint.output)")
    }

    private func sharedFolder() throws -> String {
        try #require(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/trees").first { !$0.contains(".") })
    }
}
