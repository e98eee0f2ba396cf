import Foundation
import Plans
import Readers
import TestSupport
import Testing

@testable import Forge

/// Package files as dpkg-deb writes them, and damaged ones.
@Suite(.needs("dpkg-deb")) struct PackageFileTests {
    private let folder: TemporaryFolder
    private let files: LocalProfileFiles

    init() throws {
        folder = try TemporaryFolder()
        files = LocalProfileFiles(folder: folder.path, home: nil)
    }

    @Test("each packing is read", arguments: ["gzip", "xz", "zstd", "none"], [true, false])
    func packings(packing: String, isUniform: Bool) throws {
        let package = DebianPackage(
            "probe", version: "1:2.0~rc1-1", fields: ["Depends: libc6 (>= 2.28)", "Installed-Size: 12"],
            files: ["usr/share/probe/text": "hello"], packing: packing, isUniform: isUniform)
        let path = try package.make(in: folder.path)
        let found = try files.package(path)
        #expect(found.facts.name == "probe" && found.facts.version.text == "1:2.0~rc1-1")
        #expect(found.facts.fileName == "probe_1%3a2.0~rc1-1_armhf.deb")
        #expect(found.facts.depends.map(\.description) == ["libc6 (>= 2.28)"])
        #expect(found.facts.installedKiB == 12)
        #expect(found.dataPacking == ["gzip": "gz", "xz": "xz", "zstd": "zst", "none": ""][packing])
        guard case .file(let bytes) = found.content else { throw NotInMemory() }
        #expect(Data(bytes) == (try Data(contentsOf: URL(fileURLWithPath: path))))
        #expect(try found.programs.needs() == [:])
    }

    private struct NotInMemory: Error {}

    @Test(
        "a program's need is found in the package", .needs("clang", "ld.lld"),
        arguments: ["gzip", "xz", "zstd", "none"])
    func programs(packing: String) throws {
        let source = folder.path + "/f.c"
        try Shell.write(Array("int f(int a) { return a * 3; }".utf8), to: source)
        for march in ["armv6k", "armv7-a"] {
            let made = try Shell.run(
                "clang",
                [
                    "--target=arm-linux-gnueabihf", "-march=\(march)", "-mfloat-abi=soft", "-nostdlib", "-shared",
                    "-fuse-ld=lld", "-s", "-o", folder.path + "/" + march, source,
                ])
            try #require(made.status == 0, "\(made.error)")
        }
        let (old, new) = (folder.path + "/armv6k", folder.path + "/armv7-a")
        let package = DebianPackage(
            "probe", files: ["usr/share/probe/text": "hello"],
            copies: ["usr/bin/old": old, "usr/bin/new": new, "usr/lib/neon/vfp/f.so": new], packing: packing)
        let found = try files.package(try package.make(in: folder.path))
        #expect(try found.programs.needs() == [.armV6: "usr/bin/old", .armV7: "usr/bin/new"])
    }

    @Test("what is none is said so") func none() throws {
        try Shell.write(Array("hello".utf8), to: folder.path + "/text.deb")
        #expect(throws: ProfileFileError.failed("it is no Debian package")) { try files.package("text.deb") }
        #expect(throws: ProfileFileError.notFound) { try files.package("nothing.deb") }
    }

    @Test("damage of any kind ends in an answer") func damage() throws {
        for packing in ["gzip", "xz", "zstd"] {
            let path = try DebianPackage(
                "probe", files: ["usr/share/probe/text": String(repeating: "hello ", count: 500)], packing: packing
            ).make(in: folder.path)
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
            var generator = SeededGenerator(seed: 11)
            for turn in 0..<150 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                if turn % 3 == 0 {
                    damaged = Array(damaged.prefix(Int.random(in: 0...damaged.count, using: &generator)))
                }
                let name = "damaged-\(packing)-\(turn).deb"
                try Shell.write(damaged, to: folder.path + "/" + name)
                guard let found = try? files.package(name) else { continue }
                _ = try? found.programs.needs()
            }
        }
    }
}
