import Bases
import Blocks
import Foundation
import Tables
import TestSupport
import Testing

/// Broken and lying .xz files: read or refused with a reason, never a wrong byte.
@Suite(.needs("xz", "python3"))
struct XZDamageTests {
    /// Functions of Python that change `packed`, which has blocks of 262144 bytes whose headers tell their sizes.
    private static let library = """
        import struct, zlib
        d = bytearray(open('packed', 'rb').read())
        def save(): open('packed', 'wb').write(d)
        def vli(n):
            out = b''
            while n > 127: out += bytes([n & 127 | 128]); n >>= 7
            return out + bytes([n])
        def header(at, change):  # of the block at an offset
            size = (d[at] + 1) * 4
            change(at)
            d[at + size - 4:at + size] = struct.pack('<I', zlib.crc32(d[at:at + size - 4]))
        """

    private static func fixture(_ script: String) throws -> BaseImageFixture {
        let fixture = try BaseImageFixture(mebibytes: 2)
        try fixture.shell("xz -c -T2 --block-size=262144 base.img > packed")
        try fixture.write(Array((library + "\n" + script).utf8), as: "script.py")
        try fixture.shell("python3 script.py")
        return fixture
    }

    private static func index(_ fixture: BaseImageFixture) throws(BaseImageError) -> XZIndex {
        let file: OpenFile
        let count: Int64
        do throws(BlockError) {
            file = try OpenFile(path: fixture.path("packed"), flags: O_RDONLY)
            count = try file.measuredByteCount()
        } catch {
            throw .block(error)
        }
        return try XZIndex(file, byteCount: count)
    }

    /// Damage to the block at byte 12, the first one, and what is said about it.
    private static let blocks: [(script: String, reason: String)] = [
        ("d[60] ^= 1; save()", "a check failed"),
        ("d[12] = 0; save()", "a block has no header"),
        ("d[16] ^= 1; save()", "a check failed"),
        // A stored size of 262143 where the index says 262144: the low seven bits of the second number.
        (
            """
            def change(at):
                p = at + 2
                while d[p] & 128: p += 1
                d[p + 1:p + 4] = vli(262143)
            header(12, change); save()
            """, "a block's header promises 262143 bytes and the index 262144"
        ),
        ("header(12, lambda at: d.__setitem__(at + 1, d[at + 1] | 4)); save()", "a block has unknown options"),
    ]

    @Test("a damaged block is refused when it is read, and the others are not", arguments: blocks.indices)
    func damagedBlock(index number: Int) throws {
        let (script, reason) = Self.blocks[number]
        let fixture = try Self.fixture(script)
        let file = try OpenFile(path: fixture.path("packed"), flags: O_RDONLY)
        let reader = try #require(XZReader(file, index: try Self.index(fixture)))
        let path = fixture.path("packed")
        for _ in 0..<2 {
            #expect(throws: BlockError.damaged(path: path, offset: 12, reason: reason)) {
                try reader.bytes(at: 100, count: 4)
            }
        }
        let rest = fixture.image.count - 262_144
        #expect(try reader.bytes(at: 262_144, count: rest) == Array(fixture.image.suffix(rest)))
        #expect(throws: BaseImageError.corrupt(.xz, reason: reason)) { try fixture.open("packed") }
        #expect(try Shell.run("xz", ["-t", path]).status != 0)
    }

    @Test("a broken index, header or footer is refused")
    func brokenIndex() throws {
        let damaged = BaseImageError.corrupt(.xz, reason: "its index is damaged, or it ends too early")
        for script in ["d[-20] ^= 1; save()", "d[-5] ^= 1; save()", "d[-1] ^= 1; save()", "d = d[:-4]; save()"] {
            let fixture = try Self.fixture(script)
            #expect(throws: damaged, "\(script)") { try Self.index(fixture) }
            #expect(try Shell.run("xz", ["-t", fixture.path("packed")]).status != 0)
        }
        #expect(throws: BaseImageError.corrupt(.xz, reason: "no xz header")) {
            try Self.index(Self.fixture("d[1] ^= 1; save()"))
        }
    }

    @Test("an index that would take all memory is refused")
    func hostileIndex() throws {
        let fixture = try Self.fixture(
            """
            i = b'\\0' + vli(1 << 40) + b'\\0' * 400
            i += b'\\0' * (-len(i) % 4)
            i += struct.pack('<I', zlib.crc32(i))
            f = struct.pack('<I', len(i) // 4 - 1) + d[6:8]
            d = d[:12] + i + struct.pack('<I', zlib.crc32(f)) + f + b'YZ'
            save()
            """)
        do throws(BaseImageError) {
            _ = try Self.index(fixture)
            Issue.record("it was taken")
        } catch {
            guard case .memoryLimit(.xz, let needed, XZIndex.memoryLimit) = error, needed > 1 << 40 else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("empty blocks are no bytes, wherever they stand")
    func emptyBlocks() throws {
        // A block whose LZMA2 data is the end marker alone, without sizes in its header and with no check.
        let fixture = try BaseImageFixture(mebibytes: 2)
        try fixture.write(
            Array(
                """
                import lzma, struct, zlib
                image = open('base.img', 'rb').read()
                def vli(n):
                    out = b''
                    while n > 127: out += bytes([n & 127 | 128]); n >>= 7
                    return out + bytes([n])
                head = bytes([2, 0, 0x21, 1, 0x16]) + bytes(3)
                head += struct.pack('<I', zlib.crc32(head))
                def block(data):
                    raw = lzma.compress(data, lzma.FORMAT_RAW, filters=[{'id': lzma.FILTER_LZMA2, 'dict_size': 1 << 23}])
                    return head + raw + bytes(-len(raw) % 4), len(head) + len(raw), len(data)
                cut = [b'', image[:900000], b'', b'', image[900000:], b'']
                blocks = [block(data) for data in cut]
                flags = bytes([0, 0])
                index = b'\\0' + vli(len(blocks)) + b''.join(vli(u) + vli(n) for _, u, n in blocks)
                index += bytes(-len(index) % 4)
                index += struct.pack('<I', zlib.crc32(index))
                tail = struct.pack('<I', len(index) // 4 - 1) + flags
                packed = b'\\xfd7zXZ\\0' + flags + struct.pack('<I', zlib.crc32(flags)) + b''.join(b for b, _, _ in blocks)
                packed += index + struct.pack('<I', zlib.crc32(tail)) + tail + b'YZ'
                assert lzma.decompress(packed) == image
                open('packed', 'wb').write(packed)
                """.utf8), as: "script.py")
        try fixture.shell("python3 script.py; xz -t packed")
        let base = try fixture.open("packed")
        #expect(try #require(base.xz).index.blocks.map(\.uncompressedSize) == [0, 900_000, 0, 0, 1_197_664, 0])
        #expect(try fixture.holdsImage(base))
        #expect(try base.reader.bytes(at: 899_999, count: 2) == Array(fixture.image[899_999...900_000]))
    }

    @Test("an index that lies about sizes is found out, and not one wrong byte is given")
    func lyingIndex() throws {
        // Two blocks' sizes swapped in the index; its own check is right. The blocks do not tell their sizes.
        let fixture = try BaseImageFixture(mebibytes: 2)
        try fixture.shell("xz -c -T1 --block-list=700000,900000,0 base.img > packed")
        try fixture.write(
            Array(
                (Self.library + """

                    start = len(d) - 12 - (struct.unpack('<I', d[-8:-4])[0] + 1) * 4
                    index = bytes(d[start:len(d) - 16])
                    a, b = vli(700000), vli(900000)
                    assert index.count(a) == 1 and index.count(b) == 1 and len(a) == len(b)
                    index = index.replace(a, b'???').replace(b, a).replace(b'???', b)
                    d[start:len(d) - 16] = index
                    d[len(d) - 16:len(d) - 12] = struct.pack('<I', zlib.crc32(index))
                    save()
                    """).utf8), as: "script.py")
        try fixture.shell("python3 script.py; ! xz -t packed 2> /dev/null")
        let file = try OpenFile(path: fixture.path("packed"), flags: O_RDONLY)
        let reader = try #require(XZReader(file, index: try Self.index(fixture)))
        for offset: Int64 in [0, 899_000, 1_000_000] {
            do throws(BlockError) {
                _ = try reader.bytes(at: offset, count: 100)
                Issue.record("the bytes at \(offset) were given")
            } catch {
                guard case .damaged = error else {
                    Issue.record("\(error)")
                    continue
                }
            }
        }
    }
}
