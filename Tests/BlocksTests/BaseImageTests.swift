import Bases
import Blocks
import Foundation
import TestSupport
import Testing

@Suite(.needs("xz", "gzip", "zstd", "bzip2", "zip", "tar", "sha256sum"))
struct BaseImageTests {
    /// How to make `packed` of `base.img`.
    private static let packers: [(script: String, format: BaseFormat)] = [
        ("cp base.img packed", .raw),
        ("xz -kc base.img > packed", .xz),
        ("xz -9kc --check=sha256 base.img > packed", .xz),
        ("xz -kc -T2 --block-size=100000 base.img > packed", .xz),
        ("head -c 1500000 base.img | xz > packed; tail -c +1500001 base.img | xz >> packed", .xz),
        ("xz -kc base.img > packed; head -c 8 /dev/zero >> packed", .xz),
        ("gzip -kc base.img > packed", .gzip),
        ("head -c 1500000 base.img | gzip > packed; tail -c +1500001 base.img | gzip >> packed", .gzip),
        ("gzip -kc base.img > packed; head -c 1000 /dev/zero >> packed", .gzip),
        ("zstd -qkc base.img > packed", .zstd),
        ("zstd -qkc --no-check -19 base.img > packed", .zstd),
        ("head -c 1500000 base.img | zstd > packed; tail -c +1500001 base.img | zstd >> packed", .zstd),
        ("bzip2 -kc base.img > packed", .bzip2),
        ("head -c 1500000 base.img | bzip2 > packed; tail -c +1500001 base.img | bzip2 >> packed", .bzip2),
        ("zip -q p.zip base.img; mv p.zip packed", .zip),
        ("zip -q -0 p.zip base.img; mv p.zip packed", .zip),
        ("zip -q -fz p.zip base.img; mv p.zip packed", .zip),
        (
            "zip -q - - < base.img > /dev/null; mkdir sub; mv base.img sub/Base.IMG; zip -q p.zip -r sub; mv p.zip packed",
            .zip
        ),
        (
            """
            mkdir __MACOSX d; touch README.txt __MACOSX/._base.img d/._base.img __MACOSX/other.img; mv base.img d;
            zip -qr p.zip README.txt __MACOSX d; mv p.zip packed
            """, .zip
        ),
        ("tar -cf packed base.img", .tar),
        ("touch note; tar -cJf packed note ./base.img", .xz),
        ("tar -c base.img | zstd -q > packed", .zstd),
        ("tar -cjf packed base.img", .bzip2),
    ]

    @Test("whatever packs it, the image comes out, once", arguments: packers.indices)
    func formats(index: Int) throws {
        let (script, format) = Self.packers[index]
        let fixture = try BaseImageFixture()
        try fixture.shell(script)
        // So long that the note about the digest is trusted.
        usleep(80_000)
        let first = BaseImageFixture.Events()
        let base = try fixture.open("packed", events: first)
        #expect(base.format == format)
        #expect(try fixture.holdsImage(base))
        let isInPlace = format == .raw || base.xz != nil
        #expect((base.xz != nil) == (script.contains("--block-size") || script.contains("xz >> packed")))
        #expect(first.hashed && first.unpacked == !isInPlace)
        let printed = try Shell.run("sha256sum", [fixture.path("packed")]).output.prefix(64)
        #expect(base.sourceDigest.description == printed)

        let second = BaseImageFixture.Events()
        let again = try fixture.open("packed", expecting: base.sourceDigest, events: second)
        #expect(try fixture.holdsImage(again))
        #expect(second.all == [])
        #expect(fixture.leftovers == (isInPlace ? [] : ["\(printed).img", "\(printed).info"]))
    }

    @Test(
        "a sparse tar gives the whole image, also one that ends in a hole",
        arguments: [
            "--format=gnu", "--format=posix --sparse-version=0.0", "--format=posix --sparse-version=0.1",
            "--format=posix --sparse-version=1.0",
        ])
    func sparseTars(options: String) throws {
        let fixture = try BaseImageFixture()
        try fixture.shell(
            "truncate -s +5M base.img; tar --sparse \(options) -cf s.tar base.img; tar --sparse \(options) -cJf s.xz base.img"
        )
        for name in ["s.tar", "s.xz"] {
            let base = try fixture.open(name)
            #expect(try base.reader.bytes(at: 0, count: Int(base.byteCount)) == fixture.bytes("base.img"))
        }
        // Cut in the middle of its data it is damaged nevertheless.
        try fixture.shell("head -c 40000 s.tar > cut.tar")
        #expect(throws: BaseImageError.truncated(.tar)) { try fixture.open("cut.tar") }
    }

    @Test("a hole of any size in a tar costs neither time nor room, and what fits no card is refused")
    func hugeHoles() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell(
            "truncate -s 1G base.img; tar -cSf s.tar base.img; truncate -s 4T base.img; tar -cSf t.tar base.img")
        let base = try fixture.open("s.tar")
        #expect(base.byteCount == 1 << 30)
        let error = BaseImageError.tooLarge(byteCount: 4 << 40, limit: 1 << 41)
        #expect(throws: error) { try fixture.open("t.tar") }
        #expect(throws: error) { try fixture.open("base.img") }
    }

    @Test("the unpacked image is sparse and for its owner alone")
    func sparse() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -k base.img")
        let base = try fixture.open("base.img.xz")
        let path = "\(fixture.cache.path)/images/\(base.sourceDigest).img"
        var found = stat()
        #expect(stat(path, &found) == 0)
        #expect(found.st_mode & 0o777 == 0o600)
        #expect(found.st_blocks * 512 < 120_000)
        #expect(stat(fixture.cache.path, &found) == 0)
        #expect(found.st_mode & 0o777 == 0o700)
        #expect(try base.reader.nextData(from: 4_096) == (1 << 20)..<((1 << 20) + 32_768))
    }

    @Test("another file than the expected one is refused before it is unpacked")
    func digest() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("gzip -k base.img")
        let wrong = try #require(SHA256Digest(hex: String(repeating: "ab", count: 32)))
        let printed = try Shell.run("sha256sum", [fixture.path("base.img.gz")]).output.prefix(64)
        let found = try #require(SHA256Digest(hex: printed))
        let error = BaseImageError.digestMismatch(expected: wrong, found: found)
        let events = BaseImageFixture.Events()
        #expect(throws: error) { try fixture.open("base.img.gz", expecting: wrong, events: events) }
        #expect(!events.unpacked && fixture.cached == [])
        #expect(error.description == "its sha256 is \(printed) but \(wrong) was asked for")
        #expect(throws: error) { try fixture.open("base.img.gz", expecting: wrong) }
    }

    @Test("an archive with no or several images names what it holds")
    func members() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("touch a.txt; cp base.img b.img; zip -q none.zip a.txt; zip -q two.zip base.img b.img a.txt")
        try fixture.shell("tar -cf two.tar base.img b.img; tar -cf none.tar a.txt; zip -qP secret locked.zip base.img")
        try fixture.shell("mkdir -p t/etc t/boot t/x; touch t/etc/fstab; (cd t; tar -cJf ../tree.tar.xz ./etc ./boot)")
        try fixture.shell(
            "for i in $(seq 40); do touch t/x/$i; done; tar -C t/x -cf many.tar .; tar -czf t.gz base.img")
        try fixture.shell("rm -f e.zip; zip -q e.zip a.txt; zip -qd e.zip a.txt || true")
        func expect(_ name: String, _ error: BaseImageError) {
            #expect(throws: error, "\(name)") { try fixture.open(name) }
        }
        expect("none.zip", .noImage(members: ["a.txt"]))
        expect("two.zip", .severalImages(members: ["base.img", "b.img"]))
        expect("locked.zip", .encrypted(member: "base.img"))
        expect("two.tar", .severalImages(members: ["base.img", "b.img"]))
        expect("none.tar", .noImage(members: ["a.txt"]))
        let tree = "a tar archive of a file tree, such as a usbboot one, not of a disk image"
        expect("tree.tar.xz", .unsupported(found: tree))
        expect("many.tar", .unsupported(found: tree))
        expect("t.gz", .unsupported(found: "a compressed tar archive; unpack it first"))
        #expect(fixture.leftovers == [])
    }

    @Test("what is no image is named", .needs("7z", "mkfs.ext4"))
    func foreign() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell(
            "7z a x.7z base.img > /dev/null; truncate -s 100K iso; printf CD001 | dd of=iso bs=1 seek=32769")
        try fixture.shell(
            "printf '\\n <!DOCTYPE html><p>404' > page; truncate -s 4K zeros; truncate -s 8M fs; mkfs.ext4 -q fs")
        try fixture.shell(
            "xz -k x.7z; gzip -k base.img; gzip -c base.img.gz > twice; xz -k zeros; mkfifo pipe")
        try fixture.shell("printf '' > empty; xz -k empty; printf abc | gzip > abc.gz; touch nothing; printf abc > abc")
        func expect(_ name: String, _ error: BaseImageError) {
            #expect(throws: error, "\(name)") { try fixture.open(name) }
        }
        let noTable = "no disk image: its first sector does not end in 0x55 0xAA"
        expect("x.7z", .unsupported(found: "a 7-Zip archive"))
        expect("x.7z.xz", .unsupported(found: "a 7-Zip archive, packed"))
        expect("iso", .unsupported(found: "an ISO 9660 image"))
        expect("page", .unsupported(found: "a web page (was the download answered with an error?)"))
        expect("zeros", .unsupported(found: noTable))
        expect("zeros.xz", .unsupported(found: noTable))
        expect("fs", .unsupported(found: noTable))
        expect("twice", .unsupported(found: "gzip data packed twice; unpack it first"))
        expect("empty.xz", .tooSmall(byteCount: 0))
        expect("abc.gz", .tooSmall(byteCount: 3))
        expect("nothing", .tooSmall(byteCount: 0))
        expect("abc", .tooSmall(byteCount: 3))
        expect("pipe", .notAFile(path: fixture.path("pipe")))
        expect(".", .notAFile(path: fixture.path(".")))
        expect("gone", .block(.system(errno: ENOENT, operation: "open", path: fixture.path("gone"))))
        #expect(fixture.leftovers == [])
    }

    @Test("a stream that wants too much memory is refused with both numbers")
    func memory() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("head -c 300000000 /dev/zero | xz -0 --lzma2=preset=0,dict=256MiB > big.xz")
        let error = #expect(throws: BaseImageError.self) { try fixture.open("big.xz") }
        guard case .memoryLimit(let needed, let limit) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(limit == 192 << 20)
        #expect(needed > 256 << 20)
        #expect(needed < 400 << 20)
        #expect(fixture.leftovers == [])
    }
}
