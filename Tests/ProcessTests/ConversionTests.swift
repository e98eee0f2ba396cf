import Foundation
import Images
import TestSupport
import Testing

/// Conversions without settings: what Tests/Fixtures/reconfig-oracle makes of the same base, and nothing besides.
@Suite(.needs(BaseSpec.tools))
struct ConversionTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var spec: BaseSpec
        var slot: String
        var testDescription: String { "\(spec.testDescription) to \(slot)" }
    }

    /// Every base to every slot; in a sample every base once, and each release to every slot.
    static let cases: [Case] = {
        let slots = ["p3", "p252", "cnat", "cbridge"]
        return BaseSpec.all.enumerated().flatMap { place, spec in
            let chosen = Thoroughness.isFull ? slots : [slots[(place + place / 6) % slots.count]]
            return chosen.map { Case(spec: spec, slot: $0) }
        } + [Case(spec: BaseSpec(release: "bookworm", kind: "cbridge"), slot: "p3")]
    }()

    @Test(arguments: cases)
    func converts(_ test: Case) async throws {
        let (spec, slot) = (test.spec, test.slot)
        let base = try Card(try await spec.path())
        let folder = try TemporaryFolder()
        // The script leaves what a system that ran has of its own.
        let flags = spec.isBooted ? ["keep_identity=true"] : []
        let results = try await Piforge.build(slot, from: base.path, into: folder.path, set: flags)
        let result = try #require(results.first)
        let card = try Card(result.imagePath)
        try card.expectClean()
        #expect(card.table == base.table)

        let (old, new) = (try await spec.tree(), try CardTree(card))
        expectOnlyNamedChanges(from: old, to: new, manifest: result.manifest)
        try expectOracle(base: base, slot: slot, old: old, new: new)
    }

    /// Whatever the manifest does not name is as it was, down to inode and checksum; folders only have other entries.
    private func expectOnlyNamedChanges(from old: CardTree, to new: CardTree, manifest: Manifest) {
        func named(_ partition: String) -> Set<String> {
            Set(manifest.changes.filter { $0.partition == partition }.map { String($0.path.dropFirst()) })
        }
        let (boot, root) = (named("boot"), named("root"))
        var differing = Set(old.boot.keys).union(new.boot.keys).subtracting(boot).filter {
            old.boot[$0] != new.boot[$0]
        }
        let touchedFolders = Set(root.map { $0.split(separator: "/").dropLast().joined(separator: "/") })
        for path in Set(old.root.keys).union(new.root.keys).subtracting(root) {
            guard var before = old.root[path], let after = new.root[path] else {
                differing.insert(path)
                continue
            }
            if touchedFolders.contains(path) { before.inode = after.inode }
            if before != after { differing.insert(path) }
        }
        #expect(differing == [])
        // The check itself: named things did change.
        for path in root where manifest.changes.contains(where: { $0.path == "/" + path && $0.action == .change }) {
            #expect(old.root[path] != new.root[path], "root:\(path)")
        }
    }

    /// Where we differ from 8086's script on purpose: what is wanted instead of its bytes.
    private static func exceptions(
        _ path: String, _ bytes: Data?, old: Data?, slot: String, _ tree: CardTree
    ) -> Data? {
        switch path {
        case "cmdline.old" where tree.root["etc/default/clusterctrl"] != nil:
            // The script overwrites it each time; here only the first conversion does, so that a build on its own
            // output changes nothing.
            return old
        case "config.txt":
            guard let bytes else { return nil }
            var lines = String(decoding: bytes, as: UTF8.self).components(separatedBy: "\n")
            let before = String(decoding: old ?? Data(), as: UTF8.self).components(separatedBy: "\n")
            var section = ""
            for index in lines.indices {
                if lines[index].hasPrefix("[") { section = lines[index] }
                // The script's pattern hits the line for the CM5, too, which never is a node.
                if slot.hasPrefix("p"), section == "[cm5]", lines[index].hasPrefix("dtoverlay=dwc2") {
                    lines[index] = before[index]
                }
            }
            return Data(lines.joined(separator: "\n").utf8)
        case "etc/dhcp/dhclient.conf" where !slot.hasPrefix("p"):
            // The script leaves a controller that was node 2 with that node's address for a usb0 it does not have.
            var text = bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
            // And a bridged one with a wait that is shorter than a switch may take.
            if slot == "cbridge" { text = text.replacing("timeout 10;", with: "timeout 60;") }
            return Data(text.replacing("172.19.181.2; # ClusterCTRL Px", with: "172.19.181.253; # ClusterCTRL Px").utf8)
        default: return bytes
        }
    }

    private func expectOracle(base: Card, slot: String, old: CardTree, new: CardTree) throws {
        let folders = (root: try TemporaryFolder(), boot: try TemporaryFolder())
        try #require(try Shell.run("debugfs", ["-R", "rdump / \(folders.root.path)", base.rootName]).status == 0)
        try #require(
            try Shell.run("mcopy", ["-s", "-n", "-i", base.bootName, "::*", folders.boot.path]).status == 0)
        let oracle = try Shell.run(
            Repository.path + "/Tests/Fixtures/reconfig-oracle", [folders.root.path, folders.boot.path, slot])
        try #require(oracle.status == 0, "reconfig-oracle: \(oracle.error)")

        // The card's note is ours alone.
        let boot = try UnpackedTree.entries(of: folders.boot.path)
        #expect(Set(boot.keys).union(["piforge.json"]) == Set(new.boot.keys))
        for (path, entry) in boot {
            let wanted = Self.exceptions(path, entry.bytes, old: old.boot[path]?.bytes, slot: slot, old)
            #expect(wanted == new.boot[path]?.bytes, "boot:\(path)")
        }

        var root = try UnpackedTree.entries(of: folders.root.path)
        // The script removes the link of a node's console, and leaves its folder.
        let console = "etc/systemd/system/getty.target.wants"
        if !root.keys.contains(where: { $0.hasPrefix("\(console)/") }) { root[console] = nil }
        #expect(root.keys.sorted() == new.root.keys.sorted())
        for (path, entry) in root {
            guard let found = new.root[path] else { continue }
            let before = old.root[path]
            // debugfs gives an extracted file no more than the lower nine bits; the rest is compared with the base's.
            let mode = entry.mode & 0o777 | (before?.mode ?? 0) & 0o7000
            let isSame =
                found.type == entry.type && found.mode == mode && found.owner == before?.owner ?? "0:0"
                && found.attributes == before?.attributes ?? ""
                && found.bytes == Self.exceptions(path, entry.bytes, old: before?.bytes, slot: slot, old)
            if !isSame {
                Issue.record("root:\(path): \(found) instead of \(entry) after \(String(describing: before))")
            }
        }
    }
}
