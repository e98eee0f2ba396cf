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
        ("tar -czf packed base.img", .gzip),
        ("tar -c base.img | xz --block-size=100000 > packed", .xz),
        ("xz -k base.img; zip -q p.zip base.img.xz; mv p.zip packed", .zip),
        ("gzip -k base.img; touch base.img.bmap; tar -cf packed base.img.bmap base.img.gz", .tar),
        ("zstd -q base.img; tar -cJf packed base.img.zst", .xz),
        ("zip -q p.zip base.img; tar -czf packed p.zip --transform s/p.zip/base.img.zip/", .gzip),
        ("xz -c base.img | gzip > packed", .gzip),
        ("tar -c base.img | gzip | zstd -q > packed", .zstd),
        ("{ printf '\\120\\052\\115\\030\\004\\000\\000\\000abcd'; zstd -qc base.img; } > packed", .zstd),
        ("zip -q -Z bzip2 p.zip base.img; mv p.zip packed", .zip),
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
        #expect(
            (base.xz != nil)
                == (script.hasPrefix("xz") && script.contains("--block-size") || script.contains("xz >> packed")))
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
            "for i in $(seq 40); do touch t/x/$i; done; tar -C t/x -cf many.tar .")
        try fixture.shell("rm -f e.zip; zip -q e.zip a.txt; zip -qd e.zip a.txt || true")
        func expect(_ name: String, _ error: BaseImageError) {
            #expect(throws: error, "\(name)") { try fixture.open(name) }
        }
        expect("none.zip", .noImage(members: ["a.txt"]))
        expect("two.zip", .severalImages(members: ["base.img", "b.img"]))
        expect("locked.zip", .encrypted(member: "base.img"))
        expect("two.tar", .severalImages(members: ["base.img", "b.img"]))
        expect("none.tar", .noImage(members: ["a.txt"]))
        expect("tree.tar.xz", .tree)
        expect("many.tar", .tree)
        // The firmware's kernel is no image of a disk.
        try fixture.shell(
            "mkdir t/boot/firmware; touch t/boot/firmware/kernel.img; tar -C t -cf kernel.tar ./boot ./etc")
        expect("kernel.tar", .tree)
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
            "xz -k x.7z; gzip -k base.img; xz -k zeros")
        try fixture.shell("printf '' > empty; xz -k empty; printf abc | gzip > abc.gz; touch nothing; printf abc > abc")
        func expect(_ name: String, _ error: BaseImageError) {
            #expect(throws: error, "\(name)") { try fixture.open(name) }
        }
        let noTable = "no disk image: its first sector does not end in 0x55 0xAA"
        func foreign(_ name: String, _ file: String, isPacked: Bool = false) {
            let error = #expect(throws: BaseImageError.self, "\(file)") { try fixture.open(file) }
            guard case .foreign(let found, isPacked)? = error else {
                Issue.record("\(file): \(String(describing: error))")
                return
            }
            #expect(found.name == name)
        }
        foreign("a 7-Zip archive", "x.7z")
        foreign("a 7-Zip archive", "x.7z.xz", isPacked: true)
        foreign("an ISO 9660 image", "iso")
        foreign("a web page (was the download answered with an error?)", "page")
        foreign("a file system without a partition table", "fs")
        expect("zeros", .unsupported(found: noTable))
        expect("zeros.xz", .unsupported(found: noTable))
        expect("empty.xz", .tooSmall(byteCount: 0))
        expect("abc.gz", .tooSmall(byteCount: 3))
        expect("nothing", .tooSmall(byteCount: 0))
        expect("abc", .tooSmall(byteCount: 3))
        expect(".", .notAFile(path: fixture.path(".")))
        expect("gone", .block(.system(errno: ENOENT, operation: "open", path: fixture.path("gone"))))
        #expect(fixture.leftovers == [])
    }

    @Test(
        "whole files that cannot be unpacked here are refused for the true reason", .needs("7z", "zipsplit"),
        arguments: [
            ("7z a -tzip -mm=Deflate64 packed.zip base.img >/dev/null; mv packed.zip packed", "Deflate64"),
            ("7z a -tzip -mm=LZMA packed.zip base.img >/dev/null; mv packed.zip packed", "LZMA"),
            ("7z a -tzip -mm=PPMd packed.zip base.img >/dev/null; mv packed.zip packed", "PPMd"),
            (
                "truncate -s 300M base.img; zstd -q -1 --long=31 base.img -o packed",
                "takes 300 MiB of memory but 128 MiB"
            ),
            ("zstd -q -1 --long=31 <base.img >packed; truncate -s 0 base.img", "takes 2048 MiB of memory but 128 MiB"),
            ("zip -q -0 -s 64k split.zip base.img; mv split.zip packed", "the last part of a multi-volume zip"),
            ("zip -q -0 -s 64k split.zip base.img; mv split.z01 packed", "a part of a multi-volume zip"),
            ("gzip -c base.img >packed; printf garbage >>packed", "holds something that is no gzip data"),
            ("zstd -qc base.img >packed; printf garbage >>packed", "holds something that is no zstd data"),
            ("printf '{\"message\": \"%1024s\"}' no >packed", "a text file"),
        ])
    func refusals(script: String, reason: String) throws {
        let fixture = try BaseImageFixture()
        try fixture.shell(script)
        let error = #expect(throws: BaseImageError.self, "\(script)") { try fixture.open("packed") }
        #expect(error?.description.contains(reason) == true, "\(script): \(String(describing: error))")
        #expect(error?.description.contains("damaged") == false)
        #expect(fixture.leftovers == [])
    }

    @Test("what a tar.gz promises at its end is held against what came out of it")
    func gzipChecksum() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("tar -czf packed base.img")
        var bytes = try fixture.bytes("packed")
        bytes[bytes.count - 6] ^= 1
        try fixture.write(bytes, as: "packed")
        #expect(throws: BaseImageError.corrupt(.gzip, reason: "incorrect data check")) { try fixture.open("packed") }
        #expect(fixture.leftovers == [])
    }

    @Test("a pipe is read once, and its image stays for the process", .needs("xz", "mkfifo"))
    func pipe() throws {
        let fixture = try BaseImageFixture()
        for (pipe, script) in [("first", "cat base.img"), ("second", "xz -c base.img")] {
            try fixture.shell("mkfifo \(pipe); (\(script) >\(pipe)) >/dev/null 2>&1 &")
            let first = try fixture.open(pipe)
            #expect(try fixture.holdsImage(first))
            // Nobody writes to it any more.
            let second = try fixture.open(pipe)
            #expect(try fixture.holdsImage(second) && second.sourceDigest == first.sourceDigest)
            let printed = try Shell.run(
                "sh", ["-c", "\(script.replacing("base.img", with: fixture.path("base.img"))) | sha256sum"])
            #expect(first.sourceDigest.description == printed.output.prefix(64))
        }
    }

    @Test("a file that is changed in place after it was opened is noticed, also where only its times are put back")
    func changes() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("xz -k --block-size=100000 base.img; cp base.img.xz kept.xz")
        for name in ["base.img", "base.img.xz"] {
            let base = try fixture.open(name)
            try base.checkUnchanged()
            let file = try #require(FileHandle(forUpdatingAtPath: fixture.path(name)))
            try fixture.shell("touch -r \(name) times")
            try file.seek(toOffset: 70_000)
            try file.write(contentsOf: [1])
            try file.close()
            try fixture.shell("touch -r times \(name)")
            #expect(throws: BlockError.changed(path: fixture.path(name))) { try base.checkUnchanged() }
        }
    }

    @Test("a stream that wants too much memory is refused with both numbers")
    func memory() throws {
        let fixture = try BaseImageFixture()
        try fixture.shell("head -c 300000000 /dev/zero | xz -0 --lzma2=preset=0,dict=256MiB > big.xz")
        let error = #expect(throws: BaseImageError.self) { try fixture.open("big.xz") }
        guard case .memoryLimit(.xz, let needed, let limit) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(limit == 192 << 20)
        #expect(needed > 256 << 20)
        #expect(needed < 400 << 20)
        #expect(fixture.leftovers == [])
    }
}
