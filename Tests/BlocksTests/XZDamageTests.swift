import Blocks
import Foundation
import TestSupport
import Testing

/// Broken and lying .xz files: read or refused with a reason, never a wrong byte.
@Suite("Damaged .xz", .needs("xz", "python3"))
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

    @Test("A damaged block is refused when it is read, and the others are not", arguments: blocks.indices)
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

    @Test("A broken index, header or footer is refused")
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

    @Test("An index that would take all memory is refused")
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
            guard case .memoryLimit(let needed, XZIndex.memoryLimit) = error, needed > 1 << 40 else {
                Issue.record("\(error)")
                return
            }
        }
    }
}
