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
}
