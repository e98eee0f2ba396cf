import Foundation
import TestSupport
import Testing

/// Files of the user's that are larger than the memory that a build may take: their bytes pass through.
@Suite(.serialized, .needs(BaseSpec.tools + ["python3", "tar"]))
struct LargeFileTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge
    /// A card with room for one.
    private static let roomy = BaseSpec(
        release: "bookworm", kind: "cbridge",
        options: ["--boot-mib", "80", "--cluster-sectors", "1", "--root-mib", "140"])
    private static let mebibyte = 1 << 20

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    /// Random bytes, and a few more so that no block ends with the file.
    private func makeFile(_ name: String, mebibytes: Int) throws -> String {
        let script = "head -c \(mebibytes * Self.mebibyte + 7) /dev/urandom > \(folder.path)/\(name)"
        try #require(try Shell.run("sh", ["-c", script]).status == 0)
        return try Card.sha256(of: folder.path + "/" + name)
    }

    private func writeProfile(_ items: String...) throws {
        let list = items.map { "    - {\($0)}\n" }.joined()
        try Shell.write(
            Array("version: 1\ncluster: c\ndefaults:\n  files:\n\(list)slots: {p1: , p2: }\n".utf8),
            to: folder.path + "/piforge.yaml")
    }

    /// What piforge took at most, in MiB, and what it answered.
    private func peak(_ arguments: [String]) throws -> (mebibytes: Int, answer: Piforge.Answer) {
        let script = """
            import resource, subprocess, sys
            code = subprocess.call(sys.argv[1:])
            print("peak", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
            sys.exit(code)
            """
        var measured = piforge
        measured.prefix = ["python3", "-c", script]
        let answer = try measured.run(arguments)
        let number = answer.output.split(separator: "\n").last { $0.hasPrefix("peak ") }.flatMap {
            Int($0.dropFirst(5))
        }
        return (try #require(number, "\(answer.error)"), answer)
    }

    /// SHA-256 of a file of an image's root partition, as debugfs reads it.
    private func digest(of path: String, in image: String) throws -> String {
        let copy = folder.path + "/copy"
        let card = try Card(folder.path + "/" + image)
        try #require(try Shell.run("debugfs", ["-R", "dump \(path) \(copy)", card.rootName]).status == 0)
        defer { try? FileManager.default.removeItem(atPath: copy) }
        return try Card.sha256(of: copy)
    }

    @Test("64 MiB in two slots and 20 MiB on a boot partition take no memory of that size")
    func images() async throws {
        let large = try makeFile("large", mebibytes: 64)
        let small = try makeFile("small", mebibytes: 20)
        try writeProfile(
            "source: large, target: /srv/large", "source: small, target: /small.bin, partition: boot")
        let base = try await Self.roomy.path()
        let built = try peak(["build", "--slot", "p1,p2", "--base", base, "--output", "out"])
        try #require(built.answer.status == 0, "\(built.answer.error)")
        #expect(built.mebibytes < 140)
        for slot in ["p1", "p2"] {
            let card = try Card(folder.path + "/out/c-\(slot).img")
            try card.expectClean()
            #expect(try digest(of: "/srv/large", in: "out/c-\(slot).img") == large)
            let read = try Shell.run(
                "mcopy", ["-n", "-i", card.bootName, "::small.bin", folder.path + "/boot-\(slot)"])
            #expect(read.status == 0)
            #expect(try Card.sha256(of: folder.path + "/boot-\(slot)") == small)
        }
        let manifest = try String(contentsOfFile: folder.path + "/out/c-p1.manifest.json", encoding: .utf8)
        #expect(manifest.contains(large) && manifest.contains(small))
        let verified = try peak(["verify", "out/c-p1.img", "--slot", "p1"])
        #expect(verified.answer.status == 0, "\(verified.answer.output)\(verified.answer.error)")
        #expect(verified.mebibytes < 140)
    }

    @Test("netboot trees take it as they come, a tar and a folder")
    func trees() async throws {
        let large = try makeFile("large", mebibytes: 64)
        try writeProfile("source: large, target: /srv/large")
        let base = try await Self.roomy.path()
        let tar = try peak(["netboot", "--slot", "p1", "--base", base, "--output", "out"])
        try #require(tar.answer.status == 0, "\(tar.answer.error)")
        #expect(tar.mebibytes < 140)
        let read = try Shell.run(
            "sh", ["-c", "tar -xOf \(folder.path)/out/c-p1.tar --wildcards '*srv/large' | sha256sum"])
        #expect(String(read.output.prefix(64)) == large, "\(read.error)")
    }

    @Test("what does not fit is an error of plan, with the size")
    func noRoom() async throws {
        _ = try makeFile("large", mebibytes: 70)
        try writeProfile("source: large, target: /srv/large")
        let answer = try piforge.run("plan", "--slot", "p1", "--base", try await BaseSpec.plain.path())
        #expect(answer.status == 65)
        #expect(
            answer.error == """
                error: slot p1: could not write root:/srv/large: it has 73.4 MB, and the root partition has too little room \
                left
                hint:  put fewer or smaller files there, or use a base whose root partition is larger

                """)
    }

    @Test("a small change of a large file is a change, and the same file is none")
    func changes() async throws {
        _ = try makeFile("large", mebibytes: 3)
        try writeProfile("source: large, target: /srv/large")
        let base = try await BaseSpec.plain.path()
        let built = try piforge.run("build", "--slot", "p1", "--base", base, "--output", "out")
        try #require(built.status == 0, "\(built.error)")
        #expect(try piforge.run("plan", "--slot", "p1", "--base", "out/c-p1.img").output.hasPrefix("c-p1: 0 changes"))
        let file = try #require(FileHandle(forUpdatingAtPath: folder.path + "/large"))
        try file.seek(toOffset: 3 << 20)
        try file.write(contentsOf: Data("another".utf8))
        try file.close()
        let verified = try piforge.run("verify", "out/c-p1.img", "--slot", "p1", "--settings-only")
        #expect(verified.status == 1)
        #expect(verified.output.contains("~ root:/srv/large  (file of the profile)"), "\(verified.output)")
    }

    @Test("both engines write the same", .needsRoot, .needs("losetup"))
    func mounted() async throws {
        let large = try makeFile("large", mebibytes: 9)
        try writeProfile(
            "source: large, target: /srv/large, mode: \"0600\"", "source: large, target: /l, partition: boot")
        let base = try await Self.roomy.path()
        let built = try piforge.run("build", "--slot", "p1", "--base", base, "--output", "out", "--engine", "loop")
        try ToolsTrait.require(
            built.status != 69, of: .machine, "the kernel's drivers cannot be used here: \(built.error)")
        try #require(built.status == 0, "\(built.error)")
        try Card(folder.path + "/out/c-p1.img").expectClean()
        #expect(try digest(of: "/srv/large", in: "out/c-p1.img") == large)
    }
}
