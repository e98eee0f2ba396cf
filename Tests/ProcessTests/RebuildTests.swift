import Foundation
import TestSupport
import Testing

/// Outputs as bases: building again changes nothing, and another slot's image does not depend on the way to it.
@Suite(.needs(BaseSpec.tools))
struct RebuildTests {
    static let bases = [
        BaseSpec.of("buster", "p2"), BaseSpec.of("bullseye", "cnat", isBooted: true),
        BaseSpec.plain, BaseSpec.of("bookworm", "p2", isBooted: true),
    ]

    @Test(arguments: bases, Thoroughness.isFull ? [true, false] : [true])
    func settles(_ spec: BaseSpec, isRich: Bool) async throws {
        let base = try await spec.path()
        let profile = isRich ? try RichProfile() : nil
        for slot in ["p3", "cnat"] {
            let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
            let once = try #require(
                try await Piforge.build(slot, from: base, into: first.path, profile: profile?.path).first)
            let twice = try #require(
                try await Piforge.build(slot, from: once.imagePath, into: second.path, profile: profile?.path).first)
            #expect(twice.manifest.changes == [])
            #expect(try Card(twice.imagePath).sha256() == (try Card(once.imagePath).sha256()))
        }
    }

    @Test(arguments: Thoroughness.isFull ? bases : [bases[0], bases[3]])
    func detours(_ spec: BaseSpec) async throws {
        let base = try await spec.path()
        let (direct, detour) = (try TemporaryFolder(), try TemporaryFolder())
        let p3 = try #require(try await Piforge.build("p3", from: base, into: detour.path).first)
        for slot in Thoroughness.isFull ? ["p1", "cnat", "cbridge"] : ["cnat"] {
            let straight = try #require(try await Piforge.build(slot, from: base, into: direct.path).first)
            let around = try #require(try await Piforge.build(slot, from: p3.imagePath, into: detour.path).first)
            try Card(around.imagePath).expectClean()
            let (wanted, found) = (
                try CardTree(try Card(straight.imagePath)), try CardTree(try Card(around.imagePath))
            )
            expectEqual(wanted, found, slot: slot)
        }
    }

    /// A node's line for USB becomes a controller's, where one that is made at once leaves it commented out.
    private static func bytes(_ tree: CardTree, _ path: String) -> Data? {
        let bytes = tree.boot[path]?.bytes
        guard path == "config.txt", let bytes else { return bytes }
        let text = String(decoding: bytes, as: UTF8.self)
        return Data(
            text.replacing("\n#dtoverlay=dwc2,dr_mode=peripheral\n", with: "\ndtoverlay=dwc2,dr_mode=host\n").utf8)
    }

    /// Paths, bytes, modes, owners and attributes; inodes lie elsewhere after a detour.
    private func expectEqual(
        _ wanted: CardTree, _ found: CardTree, slot: String
    ) {
        #expect(wanted.root.keys.sorted() == found.root.keys.sorted(), "\(slot)")
        #expect(wanted.boot.keys.sorted() == found.boot.keys.sorted(), "\(slot)")
        for (path, entry) in wanted.root {
            guard var other = found.root[path] else { continue }
            other.inode = entry.inode
            if other != entry { Issue.record("\(slot) root:\(path): \(other) instead of \(entry)") }
        }
        for path in wanted.boot.keys where path != "cmdline.old" {
            // cmdline.old is what was there before the first conversion: another slot's word is in it.
            #expect(Self.bytes(found, path) == Self.bytes(wanted, path), "\(slot) boot:\(path)")
        }
    }
}
