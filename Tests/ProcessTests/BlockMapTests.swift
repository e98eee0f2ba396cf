import Bases
import Blocks
import Forge
import Foundation
import Images
import TestSupport
import Testing
import Volumes

/// Maps beside images, judged by what bmaptool makes of them on cards that are full of something else.
@Suite(.needs(BaseSpec.tools + ["xz", "bmaptool", "python3"]))
struct BlockMapTests {
    private static let spec = BaseSpec.of("bookworm", "cnat")
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The two slots' images in one format, from a base packed with `options`, or the raw one.
    private func build(
        _ format: OutputFormat, mapping: BmapPolicy, packing options: [String]?, into name: String = "out"
    ) async throws -> [Build.Result] {
        var base = try await Self.spec.path()
        if let options {
            let packed = folder.path + "/base.img.xz"
            if !FileManager.default.fileExists(atPath: packed) { try Packer.xz(base, to: packed, options: options) }
            base = packed
        }
        let cache = Cache(path: folder.path + "/cache/piforge")
        let request = try Request(
            profilePath: nil, slots: "p1,cnat",
            flags: try Request.assignments(["ssh=true", "time_zone=Europe/Berlin"]), environment: [:])
        let spec = try request.spec(basePath: base, epoch: nil)
        let build = Build(
            spec, into: folder.path + "/" + name, replacing: true, cache: cache,
            writer: format.writer(for: spec.base, cache: cache, mapping: mapping), observe: { _ in })
        return try build.run().map { try $0.get() }
    }

    /// A card full of bytes that look like nothing.
    private func usedCard(byteCount: Int) throws -> String {
        let path = folder.path + "/card"
        try Shell.write([UInt8](repeating: 0xA5, count: byteCount), to: path)
        return path
    }

    private func unpacked(_ path: String) throws -> String {
        guard path.hasSuffix(".xz") else { return path }
        let raw = folder.path + "/unpacked.img"
        try Packer.shell("xz", ["-dc", path], to: raw)
        return raw
    }

    private func copy(_ image: String) throws -> (card: Card, image: Card) {
        let raw = try Card(try unpacked(image))
        let card = try usedCard(byteCount: FileManager.default.contents(atPath: raw.path)?.count ?? 0)
        // bmaptool empties a file before it writes; on a device it leaves what the map leaves out, as this does.
        let script = """
            import sys, xml.etree.ElementTree as tree
            bmap = tree.parse(sys.argv[1]).getroot()
            size = int(bmap.find('BlockSize').text)
            with open(sys.argv[2], 'rb') as image, open(sys.argv[3], 'r+b') as card:
                for part in bmap.find('BlockMap'):
                    first, _, last = part.text.strip().partition('-')
                    for file in image, card: file.seek(int(first) * size)
                    card.write(image.read((int(last or first) + 1 - int(first)) * size))
            """
        try Packer.run("python3", ["-c", script, image + ".bmap", raw.path, card])
        try Packer.run("bmaptool", ["copy", "--bmap", image + ".bmap", image, folder.path + "/other"])
        return (try Card(card), raw)
    }

    @Test(
        "a used card gets everything that its file systems use, and nothing else",
        arguments: [(OutputFormat.raw, nil), (.raw, ["-0", "--block-size=8MiB"]), (.xz, ["-0", "--block-size=8MiB"])])
    func usedCard(format: OutputFormat, packing: [String]?) async throws {
        for result in try await build(format, mapping: .auto, packing: packing) {
            let (card, image) = try copy(result.imagePath)
            try card.expectClean()
            #expect(card.table == image.table)
            let (copied, built) = (try CardTree(card), try CardTree(image))
            #expect(copied.boot == built.boot)
            #expect(copied.root == built.root)
            // Something was left out, or the map would be no use.
            let bytes = try #require(FileManager.default.contents(atPath: card.path))
            #expect(bytes.count { $0 == 0xA5 } > 40 << 20)
        }
    }

    @Test("every run of a raw image has a digest; of a spliced one those that were decoded")
    func digests() async throws {
        let options = ["-0", "--block-size=4MiB"]
        func counts(_ format: OutputFormat, _ mapping: BmapPolicy) async throws -> (known: Int, all: Int, text: String)
        {
            let results = try await build(format, mapping: mapping, packing: options)
            let path = try #require(results.first { $0.slot.name == "p1" }).imagePath + ".bmap"
            let text = try String(contentsOfFile: path, encoding: .utf8)
            let lines = text.split(separator: "\n").filter { $0.contains("<Range") }
            return (lines.count { $0.contains("chksum=") }, lines.count, text)
        }
        let spliced = try await counts(.xz, .auto)
        #expect(spliced.known > 0 && spliced.known < spliced.all)
        let decoded = try await counts(.xz, .always)
        #expect(decoded.known == decoded.all && decoded.all == spliced.all)
        // From now on they are known.
        #expect(try await counts(.xz, .auto).text == decoded.text)
        #expect(try await counts(.raw, .auto).text == decoded.text)
        let never = try await build(.raw, mapping: .never, packing: options)
        for result in never { #expect(!FileManager.default.fileExists(atPath: result.imagePath + ".bmap")) }
    }

    @Test("a map with all digests decodes each block once; one without, only those that are touched")
    func decoding() async throws {
        let path = folder.path + "/base.img.xz"
        try Packer.xz(try await Self.spec.path(), to: path, options: ["-0", "--block-size=2MiB"])
        for (mapping, name) in [(BmapPolicy.auto, "auto"), (.always, "always")] {
            let cache = Cache(path: folder.path + "/" + name)
            let base = try BaseImage.open(path: path, cache: cache)
            let reader = try #require(base.xz)
            let overlay = Overlay(over: reader)
            try overlay.write(Array("changed".utf8), at: 9 << 20)
            let used = try BlockSet.inUse(of: overlay)
            let before = reader.counters.touched
            let request = ImageRequest(
                name: name, path: folder.path + "/\(name).img.xz", mode: 0o644, isReplacing: false,
                patch: try overlay.patch, used: used)
            let writer = PackedImageWriter(.xz, baseName: "base", cache: cache, mapping: mapping)
            writer.write([request], from: base, observe: { _ in }) { _, result in
                if case .failure(let error) = result { Issue.record("\(error)") }
            }
            let after = reader.counters
            #expect(after.decoded == after.touched)
            let all = reader.index.blocks.count
            if mapping == .auto {
                #expect(after.touched == before)
            } else {
                #expect(after.touched + after.recognized > before)
            }
            #expect(after.touched < all)
        }
    }
}
