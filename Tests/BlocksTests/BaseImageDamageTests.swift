import Bases
import Blocks
import Foundation
import TestSupport
import Testing

/// Flipped and missing bytes: an error that fits, or the right image, and never anything left in the cache.
@Suite(.needs("xz", "gzip", "zstd", "bzip2", "zip"))
struct BaseImageDamageTests {
    static let packers = [
        "xz -c -T2 --block-size=40000 base.img > packed", "gzip -c base.img > packed", "zstd -qc base.img > packed",
        "bzip2 -c base.img > packed", "zip -q p.zip base.img; mv p.zip packed",
        "zip -q0 p.zip base.img; mv p.zip packed",
    ]

    /// A fixture with `packed` in it; the image is small so that many damages can be tried.
    private static func fixture(_ packer: String) throws -> (BaseImageFixture, packed: [UInt8]) {
        let fixture = try BaseImageFixture(mebibytes: 2)
        try fixture.shell(packer)
        return (fixture, try fixture.bytes("packed"))
    }

    /// Opens damaged bytes; returns the error, or `nil` when the right image came out.
    private static func open(_ bytes: [UInt8], _ fixture: BaseImageFixture) throws -> BaseImageError? {
        try fixture.write(bytes, as: "damaged")
        let base: BaseImage
        do throws(BaseImageError) {
            base = try fixture.open("damaged")
        } catch {
            #expect(fixture.leftovers.filter { !$0.hasSuffix(".img") && !$0.hasSuffix(".info") } == [])
            return error
        }
        do {
            #expect(try fixture.holdsImage(base), "wrong bytes came out")
        } catch BlockError.damaged(_, _, let reason) where base.xz != nil {
            // A block is verified when it is read, not when the file is opened.
            return .corrupt(.xz, reason: reason)
        }
        return nil
    }

    @Test("a flipped byte is noticed wherever it changes the image", arguments: packers)
    func flips(packer: String) throws {
        let (fixture, packed) = try Self.fixture(packer)
        let last = packed.count
        let offsets =
            Array(0..<64) + Array(stride(from: 64, to: last - 100, by: last / 40)) + Array((last - 100)..<last)
        var noticed = 0
        for offset in offsets {
            var bytes = packed
            bytes[offset] ^= 0x10
            if try Self.open(bytes, fixture) != nil { noticed += 1 }
        }
        #expect(noticed > offsets.count / 4)
    }

    @Test("an archive cut anywhere is refused", arguments: packers)
    func truncations(packer: String) throws {
        let (fixture, packed) = try Self.fixture(packer)
        let counts = [1, 2, 5, 8, 11, 12, 20, 60, packed.count / 2, packed.count - 40, packed.count - 9]
        for count in counts + ((packed.count - 6)..<packed.count) {
            let error = try #require(try Self.open(Array(packed.prefix(count)), fixture), "\(count) bytes")
            switch error {
            case .truncated: break
            case .tooSmall, .unsupported: #expect(count < 60)
            case .corrupt: #expect(count < 60, "\(count) bytes: \(error)")
            default: Issue.record("\(count) bytes: \(error)")
            }
        }
        #expect(fixture.leftovers == [])
    }

    @Test("garbage behind the packed image is refused", arguments: packers.prefix(4))
    func garbage(packer: String) throws {
        let (fixture, packed) = try Self.fixture(packer)
        let error = try #require(try Self.open(packed + Array("garbage, and a lot of it".utf8), fixture))
        switch error {
        case .trailingGarbage(_, let offset): #expect(offset >= packed.count && offset <= packed.count + 12)
        case .corrupt(.zstd, _): break
        default: Issue.record("\(error)")
        }
        #expect(fixture.leftovers == [])
    }

    @Test("a full disk is told as such and leaves nothing", .needs("mount", "umount"))
    func fullDisk() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -k base.img; mkdir small")
        let mounted = try Shell.run("mount", ["-t", "tmpfs", "-o", "size=48k", "none", fixture.path("small")])
        try ToolsTrait.require(mounted.status == 0, "no right to mount a small tmpfs: \(mounted.error)")
        defer { _ = try? Shell.unmount(fixture.path("small")) }
        let cache = Cache(path: fixture.path("small/cache"))
        let error = #expect(throws: BaseImageError.self) {
            try BaseImage.open(path: fixture.path("base.img.xz"), cache: cache)
        }
        guard case .block(.system(errno: ENOSPC, operation: "write", path: _)) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: cache.path + "/images")
        #expect(left.filter { !$0.hasSuffix(".lock") } == [])
    }

    @Test("headers and directories without end are refused before they are in memory", .needs("python3"))
    func endlessHeaders() throws {
        let fixture = try BaseImageFixture()
        let script = #"""
            import tarfile, struct
            def member(name, size, kind=b'0'):
                t = tarfile.TarInfo(name); t.size = size; t.type = kind
                return t.tobuf(tarfile.USTAR_FORMAT)
            def pad(b): return b + bytes(-len(b) % 512)
            # A sparse map of pax 1.0 with ten million parts.
            records = b''.join(b'%d %s\n' % (len(r) + 4, r) for r in (
                b'GNU.sparse.major=1', b'GNU.sparse.minor=0', b'GNU.sparse.name=a.img', b'GNU.sparse.realsize=4096'))
            count = 10_000_000
            body = b'%d\n' % count + b'0\n0\n' * count
            open('map.tar', 'wb').write(
                member('x', len(records), b'x') + pad(records) + member('a', len(body)) + pad(body) + bytes(1024))
            # A directory of a zip with half a million members.
            entry = struct.pack('<4sHHHHHHIIIHHHHHII', b'PK\1\2', 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0)
            entry += b'a.img'
            n = 500_000
            end = struct.pack('<4sQHHIIQQQQ', b'PK\6\6', 44, 45, 45, 0, 0, n, n, n * len(entry), 30)
            locator = struct.pack('<4sIQI', b'PK\6\7', 0, 30 + n * len(entry), 1)
            last = struct.pack('<4sHHHHIIH', b'PK\5\6', 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
            open('many.zip', 'wb').write(b'PK\3\4' + bytes(26) + entry * n + end + locator + last)
            """#
        try fixture.write(Array(script.utf8), as: "make.py")
        try fixture.shell("python3 make.py")
        #expect(throws: BaseImageError.unsupported(found: "a tar archive with a header of many MiB")) {
            try fixture.open("map.tar")
        }
        #expect(throws: BaseImageError.unsupported(found: "a zip with a directory of more than 8 MiB")) {
            try fixture.open("many.zip")
        }
    }
}
