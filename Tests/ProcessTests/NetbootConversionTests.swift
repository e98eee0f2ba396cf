@testable import Blocks
@testable import Forge
import Foundation
import TestSupport
import Testing

/// Trees without settings: what Tests/Fixtures/usbboot-oracle makes of the same base, and nothing besides.
@Suite(.needs(BaseSpec.tools + ["tar", "xz"]))
struct NetbootConversionTests {
    static let releases = ["buster", "bullseye", "bookworm"]

    /// The base's tree with the boot files in their folder, as mtools and debugfs unpack it.
    private func unpack(_ base: Card, release: String) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        try #require(try Shell.run("debugfs", ["-R", "rdump / \(folder.path)", base.rootName]).status == 0)
        let boot = folder.path + (release == "bookworm" ? "/boot/firmware" : "/boot")
        try #require(try Shell.run("mcopy", ["-s", "-n", "-i", base.bootName, "::*", boot]).status == 0)
        return folder
    }

    @Test("from an image", arguments: releases, ["p3", "p252"])
    func image(_ release: String, _ slot: String) async throws {
        let base = try Card(try await BaseSpec.of(release, "cbridge").path())
        let output = try TemporaryFolder()
        let result = try #require(try Piforge.netboot(slot, from: base.path, into: output.path).first)
        let tree = try UnpackedTree(archive: result.path)
        let wanted = try unpack(base, release: release)
        let oracle = try Shell.run(
            Repository.path + "/Tests/Fixtures/usbboot-oracle",
            [wanted.path, release, "armhf", String(slot.dropFirst())])
        try #require(oracle.status == 0, "usbboot-oracle: \(oracle.error)")
        try expect(tree, UnpackedTree.entries(of: wanted.path), release: release, slot: slot)

        // Owners, times and the upper bits, which debugfs does not give to files that it unpacks.
        let before = try await BaseSpec.of(release, "cbridge").tree()
        let changed = Set(result.manifest.changes.map(\.path))
        let boot = release == "bookworm" ? "boot/firmware" : "boot"
        for (path, entry) in before.root where !changed.contains("/" + path) && !path.hasPrefix(boot + "/") {
            let found = try #require(tree.listing[path], "\(path)")
            let words = found.split(separator: " ")
            #expect(words[1] == entry.owner.replacing(":", with: "/"), "\(path): \(found)")
            #expect(Self.mode(String(words[0])) == entry.mode, "\(path): \(found)")
        }
    }

    @Test("from 8086's archive", arguments: releases)
    func archive(_ release: String) async throws {
        let base = try await BaseSpec.usbboot(release).path()
        let output = try TemporaryFolder()
        let result = try #require(try Piforge.netboot("p7", from: base, into: output.path).first)
        let wanted = try TemporaryFolder()
        try #require(try Shell.run("tar", ["-xf", base, "-C", wanted.path, "--no-same-owner", "-p"]).status == 0)
        // Once more over what is a slot's already: only the second half of the oracle is to be seen.
        let before = try UnpackedTree(archive: base)
        let oracle = try Shell.run(
            Repository.path + "/Tests/Fixtures/usbboot-oracle", ["--slot-only", wanted.path, release, "armhf", "7"])
        try #require(oracle.status == 0, "usbboot-oracle: \(oracle.error)")
        // buster's own password stays open, which is true of 8086's archive as well.
        #expect(result.manifest.warnings.allSatisfy { $0.hasSuffix("[known-password]") })
        let tree = try UnpackedTree(archive: result.path)
        try expect(tree, UnpackedTree.entries(of: wanted.path), release: release, slot: "p7")
        let changed = Set(result.manifest.changes.map(\.path))
        for (path, line) in before.listing where !changed.contains(where: { $0.hasSuffix("/" + path) }) {
            #expect(tree.listing[path] == line, "\(path)")
        }
    }

    @Test("a base that was booted gives each node an identity of its own", arguments: releases, ["cnat", "p2"])
    func booted(_ release: String, _ kind: String) async throws {
        let base = try await BaseSpec.of(release, kind, isBooted: true).path()
        let output = try TemporaryFolder()
        let result = try #require(try Piforge.netboot("p3", from: base, into: output.path).first)
        let tree = try UnpackedTree(archive: result.path)
        let boot = release == "bookworm" ? "boot/firmware" : "boot"
        #expect(tree.text("etc/machine-id") == "")
        #expect(tree.entries["var/lib/systemd/random-seed"] == nil)
        #expect(tree.entries["var/lib/dhcp/dhclient.usb0.leases"] == nil)
        #expect(tree.text("etc/default/clusterctrl")?.hasSuffix("TYPE=usbboot\nID=3\n") == true)
        #expect(tree.entries["etc/systemd/system/multi-user.target.wants/clusterctrl-composite.service"] == nil)
        #expect(tree.entries["etc/systemd/system/multi-user.target.wants/clusterctrl-rpiboot.service"] == nil)
        let line = try #require(tree.text(boot + "/cmdline.txt"))
        #expect(line.contains(" root=/dev/nfs nfsroot=172.19.180.254:/var/lib/clusterctrl/nfs/p3 rw "))
        let newKeys = "etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service"
        #expect(
            line.contains(" init=/usr/lib/raspberrypi-sys-mods/firstboot") == (release == "bookworm")
                && (release == "bookworm" || tree.entries[newKeys] != nil))
        #expect(
            result.manifest.warnings.filter {
                !$0.hasSuffix("[no-bootable-board]") && !$0.hasSuffix("[known-password]")
            }
                == [NetbootBuild.noInitramfs])
    }

    /// All entries as the oracle has them, but for what is better than 8086's on purpose.
    private func expect(
        _ tree: UnpackedTree, _ wanted: [String: UnpackedTree.Entry], release: String, slot: String
    ) throws {
        var wanted = wanted
        // So that a kernel upgrade on the node makes an initramfs with all that it needs.
        let defaults = "etc/default/clusterctrl"
        #expect(tree.text(defaults)?.hasSuffix("TYPE=usbboot\nID=\(slot.dropFirst())\n") == true)
        wanted[defaults] = tree.entries[defaults]
        // It looks for a partition, in vain at each start.
        wanted["etc/rc3.d/S01resize2fs_once"] = nil
        let config = release == "bookworm" ? "boot/firmware/config.txt" : "boot/config.txt"
        #expect(
            try ConfigLines(tree.text(config))
                == ConfigLines(wanted[config]?.bytes.map { String(decoding: $0, as: UTF8.self) }))
        wanted[config] = tree.entries[config]
        #expect(tree.entries.keys.sorted() == wanted.keys.sorted())
        for (path, entry) in wanted {
            guard let found = tree.entries[path] else { continue }
            // debugfs gives what it unpacks no more than the lower nine bits, and FAT has none.
            let isBoot = path.hasPrefix("boot/")
            let isSame =
                found.type == entry.type && found.bytes == entry.bytes
                && (isBoot || found.mode & 0o777 == entry.mode & 0o777)
            if !isSame { Issue.record("\(path): \(found) instead of \(entry)") }
        }
    }

    /// config.txt as what each section sets, in order: the oracle repeats no `[all]`.
    private struct ConfigLines: Equatable {
        var sections: [String: [String]] = [:]

        init(_ text: String?) throws {
            var section = "all"
            for line in try #require(text).components(separatedBy: "\n") where !line.isEmpty {
                if line.hasPrefix("[") {
                    section = String(line.dropFirst().dropLast())
                } else if !line.hasPrefix("#") || line.contains("dwc2") {
                    sections[section, default: []].append(line)
                }
            }
            // 8086's pattern makes the CM5, which never is a node, a peripheral, too.
            sections["cm5"] = nil
        }
    }

    private static func mode(_ text: String) -> UInt16 {
        let flags = Array(text.dropFirst())
        var mode: UInt16 = 0
        for (index, flag) in flags.prefix(9).enumerated() where !"-ST".contains(flag) { mode |= 0o400 >> index }
        for (index, bit) in [(2, 0o4000), (5, 0o2000), (8, 0o1000)] where "sStT".contains(flags[index]) {
            mode |= UInt16(bit)
        }
        return mode
    }
}
