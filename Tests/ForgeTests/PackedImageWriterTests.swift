import Bases
import Blocks
import Foundation
import Images
import Reports
import Synchronization
import Tables
import TestSupport
import Testing

/// Compressed outputs, judged by the tools that will read them.
@Suite(.needs("xz", "zstd", "gzip", "bmaptool"))
struct PackedImageWriterTests {
    static let tools: [PackedFormat: [String]] = [.xz: ["xz"], .zstd: ["zstd", "-q"], .gzip: ["gzip"]]

    let fixture: PackedFixture

    init() throws {
        fixture = try PackedFixture()
    }

    private func unpack(_ path: String, _ format: PackedFormat) throws -> [UInt8] {
        let tool = try #require(Self.tools[format])
        let copy = fixture.folder.path + "/unpacked"
        let command = (tool + ["-dc", path, ">", copy]).joined(separator: " ")
        let run = try Shell.run("sh", ["-c", command])
        #expect(run.status == 0, "\(run.error)")
        return try fixture.bytes(copy)
    }

    @Test("a raw base is packed once; each output decodes to the patched image", arguments: PackedFormat.allCases)
    func fromRaw(_ format: PackedFormat) throws {
        let base = try fixture.open(try fixture.rawBase())
        let requests = try fixture.requests(base, suffix: "img." + format.suffix)
        let written = try fixture.write(
            PackedImageWriter(format, baseName: "base.img", cache: fixture.cache), requests, base)
        for (request, image) in zip(requests, written) {
            #expect(try unpack(request.path, format) == fixture.expected(request))
            let tool = try #require(Self.tools[format])
            #expect(try Shell.run(tool[0], ["-t"] + [request.path]).status == 0)
            let bytes = try fixture.bytes(request.path)
            #expect(SHA256.digest(of: bytes.span.bytes) == image.digest)
            #expect(Int64(bytes.count) == image.byteCount)
        }
    }

    @Test("a block whose frame is damaged is not copied; what only decoding tells, verifying finds")
    func damagedBlocks() throws {
        let path = try fixture.xzBase(["--block-size=1MiB"])
        let whole = try fixture.bytes(path)
        let index = try XZIndex(OpenFile(path: path, flags: O_RDONLY), byteCount: Int64(whole.count))
        // No order touches the third block; it begins with a header of 12 bytes and the first chunk's header of 6.
        let block = index.blocks[3]
        let start = Int(block.compressedOffset)
        let end = start + Int(block.totalSize)
        func outcome(flipping offset: Int, isVerifying: Bool) throws -> ForgeError? {
            var bytes = whole
            bytes[offset] ^= 0x40
            try Shell.write(bytes, to: path)
            let base = try fixture.open(path)
            let orders = try fixture.requests(base, suffix: "img.xz", isReplacing: true)
            let sink = PackedImageWriter(.xz, baseName: "base.img.xz", cache: fixture.cache, isVerifying: isVerifying)
            do {
                _ = try fixture.write(sink, orders, base)
            } catch let error as ForgeError {
                return error
            }
            return nil
        }
        for offset in [start, start + 4, start + 9, start + 12, start + 15, start + 16] {
            let error = try #require(try outcome(flipping: offset, isVerifying: false), "\(offset - start)")
            #expect(
                error.kind == .badInput && error.message.contains("is damaged at byte \(start)"), "\(error.message)")
        }
        for offset in [start + 40, (start + end) / 2, end - 1] {
            #expect(try outcome(flipping: offset, isVerifying: false) == nil, "\(offset - start)")
            #expect(try Shell.run("xz", ["-tq", fixture.folder.path + "/a.img.xz"]).status == 1)
            let error = try #require(try outcome(flipping: offset, isVerifying: true), "\(offset - start)")
            #expect(
                error.kind == .badInput && error.message.contains("is damaged at byte \(start)"), "\(error.message)")
        }
    }

    @Test(
        "untouched blocks of an .xz are copied as they are and never decoded",
        arguments: [["-C", "crc64"], ["-C", "crc32"], ["-C", "sha256"], ["-C", "none"], ["--x86", "--lzma2"]])
    func splice(_ options: [String]) throws {
        let path = try fixture.xzBase(["--block-size=2MiB"] + options)
        let base = try fixture.open(path)
        let reader = try #require(base.reader as? XZReader)
        let requests = try fixture.requests(base, suffix: "img.xz")
        _ = try fixture.write(PackedImageWriter(.xz, baseName: "base.img.xz", cache: fixture.cache), requests, base)
        // Two blocks are touched; the overlays' edits have looked into them, and so has opening the base.
        let touched = Set(requests.flatMap { $0.patch.ranges.map { Int($0.lowerBound >> 21) } }).union([0])
        #expect(reader.counters.touched == touched.count)
        #expect(reader.counters.decoded == touched.count)
        let source = PackedImage(reader.file, index: reader.index)
        for request in requests {
            #expect(try unpack(request.path, .xz) == fixture.expected(request))
            #expect(try Shell.run("xz", ["-t", request.path]).status == 0)
            let list = try Shell.run("xz", ["-l", "--robot", request.path]).output
            #expect(list.contains("totals\t1\t"), "\(list)")
            let file = try OpenFile(path: request.path, flags: 0)
            let made = PackedImage(file, index: try XZIndex(file, byteCount: try file.measuredByteCount()))
            for block in source.blocks where !request.patch.touches(block.image) {
                let copy = try #require(made.blocks.first { $0.image == block.image })
                #expect(try fixture.slice(request.path, copy.file) == fixture.slice(path, block.file))
            }
        }
    }

    @Test("a base of streams with different checks keeps them; padding goes")
    func streams() throws {
        let base = try fixture.open(try fixture.multiStreamBase())
        let requests = try fixture.requests(base, suffix: "img.xz")
        _ = try fixture.write(PackedImageWriter(.xz, baseName: "base.img.xz", cache: fixture.cache), requests, base)
        for request in requests {
            #expect(try unpack(request.path, .xz) == fixture.expected(request))
            let list = try Shell.run("xz", ["-l", "--robot", request.path]).output
            #expect(list.contains("totals\t2\t"), "\(list)")
            #expect(list.contains("CRC32,SHA-256"), "\(list)")
        }
    }

    @Test("the bytes depend on neither threads, cache nor the other slots", arguments: PackedFormat.allCases)
    func reproducible(_ format: PackedFormat) throws {
        let path = try fixture.rawBase()
        let base = try fixture.open(path)
        let requests = try fixture.requests(base, suffix: "img." + format.suffix, isReplacing: true)
        let all = try fixture.write(
            PackedImageWriter(format, baseName: "b", cache: fixture.cache, workers: .exactly(5)), requests, base)
        for (index, request) in requests.enumerated() {
            let cache = Cache(path: fixture.folder.path + "/cache\(index)")
            let alone = try fixture.write(
                PackedImageWriter(format, baseName: "b", cache: cache, workers: .exactly(1)), [request], base)
            #expect(alone == [all[index]])
        }
    }

    @Test("bmaptool copies by the map beside an image, and sees a changed byte", arguments: PackedFormat.allCases)
    func bmap(_ format: PackedFormat) throws {
        let base = try fixture.open(try fixture.rawBase())
        let requests = try fixture.requests(base, suffix: "img." + format.suffix)
        _ = try fixture.write(PackedImageWriter(format, baseName: "b", cache: fixture.cache), requests, base)
        let request = requests[1]
        let copy = fixture.folder.path + "/card"
        let run = try Shell.run("bmaptool", ["copy", "--bmap", request.path + ".bmap", request.path, copy])
        #expect(run.status == 0, "\(run.error)")
        #expect(try fixture.bytes(copy) == fixture.expected(request))

        var changed = try fixture.expected(request)
        changed[Int(request.patch.ranges[0].lowerBound) + 9] ^= 1
        let raw = fixture.folder.path + "/changed.img"
        try Shell.write(changed, to: raw)
        let bad = try Shell.run("bmaptool", ["copy", "--bmap", request.path + ".bmap", raw, copy])
        #expect(bad.status != 0)
        #expect(bad.error.contains("checksum mismatch"), "\(bad.error)")
    }

    @Test("a map that is not wanted is not made, and a stale one goes")
    func noMap() throws {
        let base = try fixture.open(try fixture.xzBase(["--block-size=2MiB"]))
        let requests = try fixture.requests(base, suffix: "img.xz", isReplacing: true)
        try Shell.write([1], to: requests[0].path + ".bmap")
        _ = try fixture.write(
            PackedImageWriter(.xz, baseName: "b", cache: fixture.cache, mapping: .never), requests, base)
        for request in requests { #expect(!FileManager.default.fileExists(atPath: request.path + ".bmap")) }
    }

    @Test("a damaged cell file is noticed, told and made anew; a touched one is only checked")
    func damage() throws {
        let base = try fixture.open(try fixture.xzBase(["--block-size=2MiB"]))
        let requests = try fixture.requests(base, suffix: "img.xz", isReplacing: true)
        let writer = PackedImageWriter(.xz, baseName: "b", cache: fixture.cache)
        let first = try fixture.write(writer, requests, base)
        let packed = fixture.cache.path + "/packed"
        let names = try FileManager.default.contentsOfDirectory(atPath: packed).filter { $0.hasSuffix(".xz") }.sorted()
        #expect(names.count == 2)
        let victim = packed + "/" + names[0]
        var bytes = try fixture.bytes(victim)
        bytes[bytes.count / 2] ^= 1
        try Shell.write(bytes, to: victim)
        try Shell.write(try fixture.bytes(packed + "/" + names[1]), to: packed + "/" + names[1])
        let told = Mutex<[String]>([])
        let second = try fixture.write(writer, requests, base) { (progress: Reports.Progress) in
            if progress.stage == .repair { told.withLock { $0.append(progress.subject) } }
        }
        #expect(second == first)
        #expect(told.withLock { $0 } == [victim])
    }
}
