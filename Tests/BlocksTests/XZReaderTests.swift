import Bases
import Blocks
import Dispatch
import Foundation
import Tables
import TestSupport
import Testing

/// Files by xz, pixz and Python's binding of liblzma, read at random and judged by the bytes they were made from.
@Suite(.needs("xz", "pixz", "python3"))
struct XZReaderTests {
    /// How to make `packed` of `base.img`; all have several blocks.
    private static let packers = [
        "xz -c -T2 --block-size=40000 base.img > packed",
        "xz -c -T1 --block-size=65536 -C none base.img > packed",
        "xz -c -T2 --block-size=262144 -C crc32 -9e base.img > packed",
        "xz -c -T2 --block-size=100001 -C sha256 base.img > packed",
        "xz -c -T2 --block-size=70000 --x86 --lzma2 base.img > packed",
        "xz -c -T2 --block-size=70000 --delta=dist=4 --lzma2=dict=4KiB base.img > packed",
        "xz -c --block-list=1,5000,0 -T1 base.img > packed",
        "pixz -p 2 -0 -t base.img packed",
        """
        head -c 700000 base.img | xz -C sha256 > packed; head -c 16 /dev/zero >> packed; xz < /dev/null >> packed
        tail -c +700001 base.img | xz -0 -C crc32 -T2 --block-size=90000 >> packed; head -c 4 /dev/zero >> packed
        """,
        """
        python3 -c "
        import lzma
        d = open('base.img', 'rb').read()
        f = [{'id': lzma.FILTER_DELTA, 'dist': 3}, {'id': lzma.FILTER_ARM}, {'id': lzma.FILTER_LZMA2, 'preset': 1}]
        s = [lzma.compress(d[i:i + 300000], filters=f, check=lzma.CHECK_SHA256) for i in range(0, len(d), 300000)]
        open('packed', 'wb').write(b''.join(s))"
        """,
    ]

    private static func open(_ fixture: BaseImageFixture, _ name: String = "packed") throws -> XZReader {
        let file = try OpenFile(path: fixture.path(name), flags: O_RDONLY)
        return try #require(XZReader(file, index: XZIndex(file, byteCount: file.measuredByteCount())))
    }

    @Test("every kind of file gives its bytes, and each block is decoded once", arguments: packers.indices)
    func bytes(index: Int) throws {
        let fixture = try BaseImageFixture(mebibytes: 2)
        try fixture.shell(Self.packers[index])
        let reader = try Self.open(fixture)
        #expect(reader.byteCount == Int64(fixture.image.count))
        var random = SeededGenerator(seed: 5)
        for _ in 0..<60 {
            let start = Int.random(in: 0..<fixture.image.count, using: &random)
            let count = Int.random(in: 0...min(200_000, fixture.image.count - start), using: &random)
            let found = try reader.bytes(at: Int64(start), count: count)
            #expect(found == Array(fixture.image[start..<(start + count)]), "\(count) bytes at \(start)")
        }
        #expect(try reader.bytes(at: 0, count: fixture.image.count) == fixture.image)
        let counters = reader.counters
        #expect(counters.decoded == counters.touched)
        let blocks = reader.index.blocks.count { $0.uncompressedSize > 0 }
        #expect(counters.decoded <= blocks && counters.decoded + counters.recognized >= blocks)
        try #expect(fixture.image == pieces(of: reader))
    }

    /// All pieces, put together again.
    private func pieces(of reader: XZReader) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for range in reader.pieces {
            let piece = try reader.takePiece(range)
            #expect(piece.range == range)
            for index in 0..<piece.chunkCount {
                let place = piece.range(ofChunk: index)
                bytes += piece.chunk(index)?.bytes ?? [UInt8](repeating: 0, count: place.count)
            }
        }
        return bytes
    }

    @Test("the index is what xz lists", arguments: packers.indices)
    func listing(index: Int) throws {
        let fixture = try BaseImageFixture(mebibytes: 2)
        try fixture.shell(Self.packers[index])
        let file = try OpenFile(path: fixture.path("packed"), flags: O_RDONLY)
        let index = try XZIndex(file, byteCount: file.measuredByteCount())
        let lines = try Shell.run("xz", ["--robot", "-lvv", fixture.path("packed")]).output.split(separator: "\n")
        let listed = lines.map { $0.split(separator: "\t").map(String.init) }
        let blocks = listed.filter { $0[0] == "block" }.map { [$0[4], $0[5], $0[6], $0[7]] }
        #expect(
            blocks
                == index.blocks.map {
                    [$0.compressedOffset, $0.uncompressedOffset, $0.totalSize, $0.uncompressedSize].map(String.init)
                })
        let streams = listed.filter { $0[0] == "stream" }.map { [$0[2], $0[3], $0[5], $0[6], $0[9]] }
        #expect(
            streams
                == index.streams.map {
                    [
                        "\($0.blockCount)", "\($0.compressedOffset)", "\($0.compressedSize)", "\($0.uncompressedSize)",
                        "\($0.padding)",
                    ]
                })
    }

    @Test("what is not touched is not decoded, and nothing is for the question where data lies")
    func untouched() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -c -T2 --block-size=262144 base.img > packed")
        let reader = try Self.open(fixture)
        #expect(try reader.nextData(from: 7) == 7..<262_144)
        #expect(reader.counters == XZReader.Counters())
        _ = try reader.bytes(at: 262_144, count: 4)
        #expect(reader.counters.decoded == 1)
        // That block was all zero, and so is, byte for byte, the next one.
        _ = try reader.bytes(at: 524_288, count: 4)
        #expect(reader.counters.decoded == 1 && reader.counters.recognized == 1)
        #expect(try reader.nextData(from: 262_144) == 786_432..<1_048_576)
        #expect(throws: BlockError.outOfBounds(offset: reader.byteCount, count: 1, size: reader.byteCount)) {
            try reader.bytes(at: reader.byteCount, count: 1)
        }
    }

    @Test("a block that many threads want is decoded once")
    func threads() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -c -T2 --block-size=600000 base.img > packed")
        let reader = try Self.open(fixture)
        let image = fixture.image
        DispatchQueue.concurrentPerform(iterations: 16) { number in
            // All in the block from 600000 on.
            let offset = (1 << 20) + number * 1000
            #expect((try? reader.bytes(at: Int64(offset), count: 900)) == Array(image[offset..<(offset + 900)]))
        }
        #expect(reader.counters.decoded == 1)
    }

    @Test("what was read once is there when its block is gone")
    func eviction() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -c -T2 --block-size=524288 base.img > packed")
        let file = try OpenFile(path: fixture.path("packed"), flags: O_RDONLY)
        let index = try XZIndex(file, byteCount: file.measuredByteCount())
        let reader = try #require(XZReader(file, index: index, memoryLimit: 1))
        let places: [Int64] = [0, 1 << 20, Int64(fixture.image.count - 600)]
        for _ in 0..<3 {
            for place in places { #expect(try reader.bytes(at: place, count: 4).count == 4) }
        }
        #expect(reader.counters.decoded == 3)
        #expect(try reader.bytes(at: 0, count: fixture.image.count) == fixture.image)
        #expect(reader.counters.decoded > reader.counters.touched)
    }

    @Test("one block, or none, is left to be unpacked as a whole")
    func single() throws {
        let fixture = try BaseImageFixture(mebibytes: 2)
        try fixture.shell("xz -c -T1 base.img > packed; xz < /dev/null > empty")
        for name in ["packed", "empty"] {
            let file = try OpenFile(path: fixture.path(name), flags: O_RDONLY)
            let index = try XZIndex(file, byteCount: file.measuredByteCount())
            #expect(index.blocks.count == (name == "empty" ? 0 : 1))
            #expect(XZReader(file, index: index) == nil)
        }
    }
}
