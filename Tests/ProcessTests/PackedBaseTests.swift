import Bases
import Foundation
import TestSupport
import Testing

/// One image in every packing that is in use: the same output, and unpacked once.
@Suite(.needs(BaseSpec.tools + ["xz", "pixz", "gzip", "zstd", "bzip2", "zip", "7z", "python3"]))
struct PackedBaseTests {
    /// How to make `target` from a raw image; the name misleads on purpose where it says so.
    struct Packing: Sendable, CustomTestStringConvertible {
        var name: String
        var format: String
        /// Of several blocks, which are unpacked as they are needed: nothing is kept.
        var isReadInPlace = false
        var pack: @Sendable (_ image: String, _ target: String) throws -> Void
        var testDescription: String { name }
    }

    static let packings: [Packing] = [
        Packing(name: "single.img.xz", format: "xz") { try Packer.xz($0, to: $1) },
        Packing(name: "blocks.img.xz", format: "xz", isReadInPlace: true) {
            try Packer.xz($0, to: $1, options: ["-0", "-T2", "--block-size=1MiB"])
        },
        Packing(name: "streams.img.xz", format: "xz", isReadInPlace: true) { image, target in
            // Two streams with stream padding between them, as `cat a.xz b.xz` after a padding tool.
            let half = target + ".half"
            try Packer.shell("head", ["-c", "100000000", image], to: half)
            try Packer.xz(half, to: target)
            try Packer.shell("head", ["-c", "8", "/dev/zero"], to: target, append: true)
            try Packer.shell("tail", ["-c", "+100000001", image], to: half)
            try Packer.shell("xz", ["-0", "-c", "--check=sha256", half], to: target, append: true)
            unlink(half)
        },
        Packing(name: "pixz.img.xz", format: "xz", isReadInPlace: true) {
            try Packer.run("pixz", ["-0", "-t", $0, $1])
        },
        Packing(name: "gzip.img.gz", format: "gzip") { try Packer.shell("gzip", ["-1", "-c", $0], to: $1) },
        Packing(name: "zstd.img.zst", format: "zstd") { try Packer.run("zstd", ["-q", "-1", $0, "-o", $1]) },
        Packing(name: "bzip2.img.bz2", format: "bzip2") { try Packer.shell("bzip2", ["-1", "-c", $0], to: $1) },
        Packing(name: "deflated.zip", format: "zip") { try Packer.run("zip", ["-q", "-1", "-j", $1, $0]) },
        Packing(name: "stored.zip", format: "zip") { try Packer.run("zip", ["-q", "-0", "-j", $1, $0]) },
        Packing(name: "folder.zip", format: "zip") { image, target in
            try Packer.run(
                "python3",
                [
                    "-c",
                    """
                    import sys, zipfile
                    with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as z:
                        z.writestr('release/notes.txt', 'read me')
                        z.writestr('__MACOSX/release/._base.img', 'resource fork')
                        z.write(sys.argv[1], 'release/2025-11-24-base.img')
                    """, image, target,
                ])
        },
        Packing(name: "zip64.zip", format: "zip") { image, target in
            try Packer.run(
                "python3",
                [
                    "-c",
                    """
                    import shutil, sys, zipfile
                    with zipfile.ZipFile(sys.argv[2], 'w', zipfile.ZIP_DEFLATED, compresslevel=1) as z:
                        with z.open('base.img', 'w', force_zip64=True) as out, open(sys.argv[1], 'rb') as image:
                            shutil.copyfileobj(image, out, 1 << 20)
                    """, image, target,
                ])
        },
        Packing(name: "7z.zip", format: "zip") { try Packer.run("7z", ["a", "-bd", "-mx=1", "-tzip", $1, $0]) },
        Packing(name: "really-gzip.img.xz", format: "gzip") { try Packer.shell("gzip", ["-1", "-c", $0], to: $1) },
        Packing(name: "really-zip.img", format: "zip") {
            try Packer.run("zip", ["-q", "-1", "-j", $1 + ".zip", $0])
            rename($1 + ".zip", $1)
        },
    ]

    @Test(arguments: packings)
    func unpacks(_ packing: Packing) async throws {
        let base = try await BaseSpec.plain.path()
        let folder = try TemporaryFolder()
        let target = folder.path + "/" + packing.name
        try packing.pack(base, target)
        let plain = try #require(try await Piforge.build("p3", from: base, into: folder.path + "/raw").first)
        let cache = folder.path + "/cache"
        let first = try #require(
            try await Piforge.build("p3", from: target, into: folder.path + "/one", cache: cache).first)
        #expect(first.manifest.output.sha256 == plain.manifest.output.sha256)
        #expect(first.manifest.base.format == packing.format)
        #expect(first.manifest.base.file == packing.name)
        #expect(first.manifest.base.sha256 == (try Card.sha256(of: target)))
        #expect(first.manifest.changes == plain.manifest.changes)

        let kept = try Self.entry(of: cache)
        #expect(kept.isEmpty == packing.isReadInPlace)
        // A second name for the same file: what counts is the content.
        try FileManager.default.linkItem(atPath: target, toPath: folder.path + "/other.img")
        let second = try #require(
            try await Piforge.build("cnat", from: folder.path + "/other.img", into: folder.path + "/two", cache: cache)
                .first)
        #expect(second.manifest.base.sha256 == first.manifest.base.sha256)
        #expect(try Self.entry(of: cache) == kept)
    }

    /// Inode, size and times of the one unpacked image in a cache; empty when there is none.
    private static func entry(of cache: String) throws -> [Int64] {
        let names = try FileManager.default.contentsOfDirectory(atPath: cache + "/piforge/images").filter {
            $0.hasSuffix(".img")
        }
        guard let name = names.first else { return [] }
        try #require(names.count == 1)
        var status = stat()
        try #require(stat(cache + "/piforge/images/" + name, &status) == 0)
        return [
            Int64(status.st_ino), Int64(status.st_size), Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec),
            Int64(status.st_ctim.tv_sec), Int64(status.st_ctim.tv_nsec),
        ]
    }

    @Test("the second build reads neither the packed file nor writes the cache", .needs("strace"))
    func readsOnce() async throws {
        let folder = try TemporaryFolder()
        try Packer.xz(try await BaseSpec.plain.path(), to: folder.path + "/base.img.xz")
        let piforge = Piforge(
            folder: folder.path, cache: folder.path + "/cache",
            prefix: ["strace", "-f", "-y", "-o", "trace", "-e", "trace=read,pread64,write,pwrite64"])
        func traced(_ arguments: String...) throws -> [String] {
            let answer = try piforge.run(arguments + ["--base", "base.img.xz"])
            #expect(answer.status == 0, "\(answer.error)")
            return try String(contentsOfFile: folder.path + "/trace", encoding: .utf8).components(separatedBy: "\n")
        }
        func bytes(_ lines: [String], _ call: String, _ name: String) -> Int {
            lines.filter { $0.contains(" " + call) && $0.contains(name) }.compactMap {
                $0.components(separatedBy: " = ").last.flatMap { Int($0) }
            }.reduce(0, +)
        }
        let first = try traced("plan", "--slot", "p3")
        #expect(bytes(first, "pwrite64(", "/cache/piforge/images/") > 1 << 20)
        #expect(bytes(first, "pread64(", "/base.img.xz>") > 1 << 20)
        let second = try traced("plan", "--slot", "p3")
        #expect(bytes(second, "pwrite64(", "/cache/") == 0)
        // Head and index, 64 KiB at a time.
        #expect(bytes(second, "pread64(", "/base.img.xz>") <= 3 << 16)
        // A plan looks at metadata and a few small files.
        #expect(bytes(second, "pread64(", "/cache/piforge/images/") < 16 << 20)
    }

    @Test("broken archives leave nothing in the cache", arguments: ["xz", "gz", "zst", "bz2", "zip"])
    func broken(_ ending: String) async throws {
        let base = try await BaseSpec.plain.path()
        let folder = try TemporaryFolder()
        let whole = folder.path + "/base.img." + ending
        switch ending {
        case "xz": try Packer.xz(base, to: whole)
        case "gz": try Packer.shell("gzip", ["-1", "-c", base], to: whole)
        case "zst": try Packer.run("zstd", ["-q", "-1", "--check", base, "-o", whole])
        case "bz2": try Packer.shell("bzip2", ["-1", "-c", base], to: whole)
        default: try Packer.run("zip", ["-q", "-1", "-j", whole, base])
        }
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: whole)))
        unlink(whole)
        var flipped = bytes
        flipped[bytes.count / 2] ^= 0x10
        let cases: [(String, [UInt8])] = [
            ("cut", Array(bytes.dropLast(bytes.count / 3))), ("short", Array(bytes.dropLast(1))), ("flipped", flipped),
        ]
        let piforge = Piforge(folder: folder.path, cache: folder.path + "/cache")
        for (name, broken) in cases {
            try Shell.write(broken, to: folder.path + "/\(name)")
            let answer = try piforge.run("build", "--slot", "p3", "--base", name)
            #expect(answer.status == 65, "\(name): \(answer.status) \(answer.error)")
            #expect(answer.error.hasPrefix("error: could not unpack \(name): "), "\(answer.error)")
            #expect(answer.error.hasSuffix("hint:  download it again\n"), "\(answer.error)")
            let images = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/cache/piforge/images")
            #expect(images.allSatisfy { $0.hasSuffix(".lock") }, "\(images)")
            #expect(!FileManager.default.fileExists(atPath: folder.path + "/p3.img"))
        }
    }
}
