import Foundation
import TestSupport
import Testing

/// `piforge cache` as a process, over a cache that builds have filled.
@Suite(.needs(BaseSpec.tools + ["xz", "flock", "touch"]))
struct CacheCommandTests {
    private let folder: TemporaryFolder
    private var piforge: Piforge { Piforge(folder: folder.path, cache: folder.path + "/cache") }
    private var cache: String { folder.path + "/cache/piforge" }

    /// An unpacked image, packed blocks of it, and digests.
    init() async throws {
        folder = try TemporaryFolder()
        try Packer.xz(try await BaseSpec.of("bookworm", "cnat").path(), to: folder.path + "/one.img.xz")
        let built = try piforge.run("build", "--slot", "p1", "--base", "one.img.xz", "--format", "img.zst")
        try #require(built.status == 0, "\(built.error)")
    }

    private struct Listing: Decodable {
        struct Item: Decodable {
            var bytes: Int
            var in_use: Bool
            var kind: String
            var path: String
            var source: String?
            var source_sha256: String
        }
        var items: [Item]
        var total: Int
        var path: String
    }

    private func list() throws -> Listing {
        let told = try piforge.run("cache", "list", "--json")
        try #require(told.status == 0, "\(told.error)")
        return try JSONDecoder().decode(Listing.self, from: Data(told.output.utf8))
    }

    private func age(_ kind: String, days: Int) throws {
        for item in try list().items where item.kind == kind {
            let note = kind == "image" ? item.path.replacing(".img", with: ".info") : item.path + ".note"
            try Packer.run("touch", ["-d", "\(days) days ago", note])
        }
    }

    @Test("what is kept, of which base, why and how large")
    func listing() throws {
        let listing = try list()
        #expect(listing.items.map(\.kind).sorted() == ["image", "map", "packed"])
        let sum = try Card.sha256(of: folder.path + "/one.img.xz")
        for item in listing.items {
            #expect(item.source == "one.img.xz" && item.source_sha256 == sum && !item.in_use, "\(item)")
            let size = try Shell.run("du", ["-B1", item.path]).output.split(separator: "\t")[0]
            #expect(item.bytes >= Int(size) ?? .max && item.bytes < (Int(size) ?? 0) + 100_000)
        }
        #expect(listing.total == listing.items.map(\.bytes).reduce(0, +))
        let text = try piforge.run("cache").output
        for words in ["unpacked base; used today", "packed blocks to copy; used today", "digests for block maps"] {
            #expect(text.contains("one.img.xz  (" + words), "\(text)")
        }
        #expect(text.hasSuffix(" in \(cache)\n"))
    }

    @Test("by age, the old goes; by size, the longest unused")
    func pruning() throws {
        try age("image", days: 40)
        try age("packed", days: 10)
        let none = try piforge.run("cache", "prune", "--older-than", "41d")
        #expect(none.output.hasPrefix("freed 0 bytes, "), "\(none.output)\(none.error)")
        #expect(try list().items.count == 3)
        let old = try piforge.run("cache", "prune", "--older-than", "30d")
        #expect(old.output.contains("one.img.xz  (unpacked base; used 40 days ago)"), "\(old.output)")
        #expect(try list().items.map(\.kind) == ["packed", "map"])
        let sizes = try list()
        let map = try #require(sizes.items.first { $0.kind == "map" })
        #expect(try piforge.run("cache", "prune", "--max-size", "\(map.bytes / 1024 + 1)K").status == 0)
        #expect(try list().items.map(\.kind) == ["map"])
        #expect(try piforge.run("cache", "prune", "--all").status == 0)
        #expect(try list().items.isEmpty)
        let again = try piforge.run("build", "--slot", "p1", "--base", "one.img.xz", "--format", "img.zst", "--force")
        #expect(again.status == 0, "\(again.error)")
    }

    @Test("what another process uses stays, and what it left when it was killed goes")
    func inUse() throws {
        let image = try #require(try list().items.first { $0.kind == "image" }).path
        var held = piforge
        held.prefix = ["flock", "--shared", image]
        let kept = try held.run("cache", "prune", "--all")
        #expect(kept.error.contains("in use, kept: \(image)"), "\(kept.error)")
        #expect(try list().items.map(\.path) == [image])
        try Shell.write([1], to: image + ".partial.1")
        #expect(try list().items.map(\.kind).sorted() == ["image", "unfinished"])
        #expect(try piforge.run("cache", "prune", "--older-than", "1d").status == 0)
        #expect(try list().items.map(\.path) == [image])
    }

    @Test("a damaged image is noticed, told and made anew")
    func damage() throws {
        let image = try #require(try list().items.first { $0.kind == "image" }).path
        try Packer.run("sh", ["-c", "printf X | dd of=\(image) bs=1 seek=9000000 conv=notrunc status=none"])
        let built = try piforge.run("build", "--slot", "p2", "--base", "one.img.xz")
        #expect(built.status == 0)
        #expect(built.error.hasPrefix("warning: \(image) is damaged and is made anew\nnext:  "), "\(built.error)")
        let fresh = Piforge(folder: folder.path, cache: folder.path + "/other")
        let expected = try fresh.run("build", "--slot", "p2", "--base", "one.img.xz", "--force")
        #expect(expected.status == 0 && expected.output == built.output, "\(expected.error)")
    }

    @Test("an amount that is none, and no amount at all")
    func usage() throws {
        for arguments in [["--older-than", "soon"], ["--max-size", "-1G"], []] {
            let told = try piforge.run(["cache", "prune"] + arguments)
            #expect(told.status == 64, "\(arguments): \(told.error)")
        }
    }
}
