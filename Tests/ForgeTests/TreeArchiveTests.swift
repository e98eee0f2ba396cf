@testable import Bases
@testable import Blocks
@testable import Forge
import Foundation
@testable import Reports
import TestSupport
import Testing
import Trees
import Volumes

/// Archives of trees, honest ones and others.
@Suite(.needs("tar", "xz", "zstd", "gzip", "bzip2"))
struct TreeArchiveTests {
    private let folder: TemporaryFolder
    private var cache: Cache { Cache(path: folder.path + "/cache") }

    init() throws { folder = try TemporaryFolder() }

    /// A ustar member made by hand.
    struct Member {
        var name: String
        var type: Character = "0"
        var link = ""
        var bytes: [UInt8] = []
        /// What the header says, where that is not the bytes' count.
        var size: Int?

        var block: [UInt8] {
            var block = [UInt8](repeating: 0, count: 512)
            func put(_ text: String, _ offset: Int) {
                for (index, byte) in text.utf8.enumerated() { block[offset + index] = byte }
            }
            func octal(_ number: Int, _ width: Int) -> String {
                let digits = String(number, radix: 8)
                return String(repeating: "0", count: width - digits.count) + digits
            }
            put(name, 0)
            put(octal(0o644, 7), 100)
            put(octal(0, 7), 108)
            put(octal(0, 7), 116)
            put(octal(size ?? bytes.count, 11), 124)
            put(octal(1_600_000_000, 11), 136)
            put("        ", 148)
            put(String(type), 156)
            put(link, 157)
            put("ustar\u{0}00", 257)
            put(octal(block.reduce(0) { $0 + Int($1) }, 6) + "\u{0}", 148)
            return block + bytes + [UInt8](repeating: 0, count: (512 - bytes.count % 512) % 512)
        }
    }

    private func archive(_ members: [Member]) throws -> String {
        let top = [
            Member(name: "./", type: "5"), Member(name: "./etc/", type: "5"), Member(name: "./boot/", type: "5"),
        ]
        let path = folder.path + "/\(UUID().uuidString).tar"
        try Shell.write((top + members).flatMap(\.block) + [UInt8](repeating: 0, count: 1024), to: path)
        return path
    }

    private func open(_ path: String) throws -> ArchiveVolume? {
        try ArchiveVolume.open(.init(path: path, sha256: nil), cache: cache, observe: { _ in })?.volume
    }

    static let evil: [(String, [Member], String)] = [
        ("an absolute name", [Member(name: "/etc/passwd")], "member /etc/passwd is absolute"),
        ("a name that leads upwards", [Member(name: "./../../evil")], "member ./../../evil leads upwards"),
        ("upwards in the middle", [Member(name: "etc/../../evil")], "member etc/../../evil leads upwards"),
        (
            "a file below a link", [Member(name: "etc/out", type: "2", link: "/tmp"), Member(name: "etc/out/evil")],
            "member etc/out/evil lies below /etc/out, which is no folder"
        ),
        (
            "a file below a file", [Member(name: "etc/f"), Member(name: "etc/f/g")],
            "member etc/f/g lies below /etc/f, which is no folder"
        ),
        (
            "a hard link upwards", [Member(name: "etc/h", type: "1", link: "../../../etc/shadow")],
            "member ../../../etc/shadow leads upwards"
        ),
        (
            "an absolute hard link", [Member(name: "etc/h", type: "1", link: "/etc/shadow")],
            "member /etc/shadow is absolute"
        ),
        (
            "a hard link to nothing", [Member(name: "etc/h", type: "1", link: "etc/later"), Member(name: "etc/later")],
            "member etc/h is a hard link to /etc/later, which the archive does not have before it"
        ),
        ("a file over a folder", [Member(name: "etc")], "member etc takes the place of a folder"),
    ]

    @Test("what leads out of the tree is refused, and nothing is left", arguments: evil.indices)
    func refused(_ index: Int) throws {
        let (what, members, reason) = Self.evil[index]
        let path = try archive(members)
        #expect(what.isEmpty == false)
        do {
            _ = try open(path)
            Issue.record("\(what) was taken")
        } catch let error as ForgeError {
            #expect(error.kind == .badInput)
            #expect(error.message == "could not open \(path): it is a tar archive whose \(reason)", "\(what)")
        }
        let kept = try FileManager.default.subpathsOfDirectory(atPath: folder.path + "/cache")
        #expect(!kept.contains { $0.hasSuffix(".tree") || $0.contains(".partial") }, "\(kept)")
    }

    @Test("a header of a gigabyte is refused in little memory") func giantHeader() throws {
        for type in ["L", "K", "x"] as [Character] {
            let path = try archive([Member(name: "././@LongLink", type: type, size: 1 << 30)])
            #expect { try open(path) } throws: { error in
                (error as? ForgeError)?.kind == .badInput
            }
        }
    }

    @Test("a truncated archive is told") func truncated() throws {
        let whole = try archive([Member(name: "etc/big", bytes: [UInt8](repeating: 7, count: 5000))])
        let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
        try bytes.prefix(4000).write(to: URL(fileURLWithPath: whole))
        #expect { try open(whole) } throws: { error in
            (error as? ForgeError)?.message
                == "could not unpack \(whole): the tar data ends too early; the download may be incomplete"
        }
    }

    @Test("a later member takes the place of an earlier one; devices, pipes and links are kept as such")
    func kept() throws {
        var device = Member(name: "etc/null", type: "3").block
        device.replaceSubrange(329..<336, with: Array("0000001".utf8))
        device.replaceSubrange(337..<344, with: Array("0000003".utf8))
        device.replaceSubrange(148..<156, with: Array("        ".utf8))
        let sum = String(device.reduce(0) { $0 + Int($1) }, radix: 8)
        device.replaceSubrange(
            148..<156, with: Array((String(repeating: "0", count: 6 - sum.count) + sum + "\u{0} ").utf8))
        let path = try archive([
            Member(name: "etc/a", bytes: [1]), Member(name: "etc/a", bytes: [2, 3]),
            Member(name: "etc/b", type: "1", link: "./etc/a"), Member(name: "etc/l", type: "2", link: "../../outside"),
            Member(name: "etc/p", type: "6"),
        ])
        var bytes = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
        bytes.insert(contentsOf: device, at: bytes.count - 1024)
        try Shell.write(bytes, to: path)
        let volume = try #require(try open(path))
        #expect(try volume.node(at: "/etc/a")?.content == .file([2, 3]))
        #expect(try volume.node(at: "/etc/b")?.content == .file([2, 3]))
        #expect(try volume.node(at: "/etc/l")?.content == .symlink("../../outside"))
        #expect(try volume.node(at: "/etc/p")?.content == .special(.fifo))
        #expect(try volume.node(at: "/etc/null")?.metadata.device == .init(major: 1, minor: 3))
        #expect(try volume.entries(in: "/etc") == ["a", "b", "l", "null", "p"])
        #expect(throws: VolumeError.notADirectory("/etc/l")) { try volume.node(at: "/etc/l/x") }
        let reader = volume.treeReader()
        var identities: [String: UInt64] = [:]
        while let entry = try reader.next() { identities[entry.path.description] = entry.identity }
        #expect(identities["/etc/a"] == identities["/etc/b"] && identities.count == 2)
    }

    @Test("GNU tar's and our own archives are read alike, packed in any way, long and foreign names included")
    func read() throws {
        let source = folder.path + "/source"
        let long = String(repeating: "n", count: 200)
        for name in ["etc", "boot", "deep/\(long)/\(long)"] {
            try FileManager.default.createDirectory(atPath: source + "/" + name, withIntermediateDirectories: true)
        }
        var random = SeededGenerator(seed: 5)
        let blob = random.bytes(1_000_003)
        try Shell.write(blob, to: source + "/etc/blob")
        try Shell.write([1], to: source + "/deep/\(long)/\(long)/file")
        try Shell.write([2], to: source + "/etc/Főtanúsítvány")
        // An é of one code point and one of two, and a mark that would join the slash before it.
        let composed = ["caf\u{E9}", "cafe\u{301}", "\u{301}mark"]
        for (index, name) in composed.enumerated() { try Shell.write([4, UInt8(index)], to: "\(source)/etc/\(name)") }
        _ = try Shell.run("ln", ["-s", composed[1], source + "/etc/accent"])
        _ = try Shell.run("ln", ["\(source)/etc/\(composed[1])", source + "/etc/second"])
        try Shell.write([3], to: source + "/etc/hole")
        _ = try Shell.run("truncate", ["-s", "5000000", source + "/etc/hole"])
        _ = try Shell.run("ln", ["-s", String(repeating: "x/", count: 120), source + "/etc/link"])
        for (options, ending) in [
            (["--format=gnu"], "tar"), (["--format=posix"], "tar.xz"), (["--format=posix", "--sparse"], "tar.zst"),
            (["--format=gnu"], "tar.gz"), (["--format=ustar", "--exclude=deep", "--exclude=link"], "tar.bz2"),
        ] {
            let path = folder.path + "/read.\(ending)"
            let made = try Shell.run("tar", options + ["--auto-compress", "-cf", path, "-C", source, "."])
            try #require(made.status == 0, "\(made.error)")
            let volume = try #require(try open(path), "\(ending)")
            #expect(try volume.node(at: "/etc/blob")?.content == .file(blob))
            #expect(try volume.node(at: "/etc/Főtanúsítvány")?.content == .file([2]))
            #expect(try volume.status(at: "/etc/hole")?.byteCount == 5_000_000)
            for (index, name) in composed.enumerated() {
                let path = try #require(VolumePath("/etc/\(name)"))
                #expect(try volume.node(at: path)?.content == .file([4, UInt8(index)]), "\(ending)")
            }
            guard case .symlink(let text)? = try volume.node(at: "/etc/accent")?.content else {
                Issue.record("/etc/accent is no link")
                continue
            }
            #expect(Array(text.utf8) == Array(composed[1].utf8))
            #expect(try volume.node(at: "/etc/second")?.content == .file([4, 1]))
            guard ending != "tar.bz2" else { continue }
            let path2 = try #require(VolumePath("/deep/\(long)/\(long)/file"))
            #expect(try volume.node(at: path2)?.content == .file([1]))
            #expect(try volume.node(at: "/etc/link")?.content == .symlink(String(repeating: "x/", count: 120)))
        }
        let kept = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/cache/trees")
        #expect(kept.count { $0.hasSuffix(".tree") } == 5)
    }

    @Test("an archive of an image, and an image, are no trees") func images() throws {
        try Shell.write([UInt8](repeating: 0, count: 2048), to: folder.path + "/card.img")
        let path = folder.path + "/image.tar"
        _ = try Shell.run("tar", ["-cf", path, "-C", folder.path, "card.img"])
        #expect(try open(path) == nil)
        #expect(try open(folder.path + "/card.img") == nil)
    }
}
