import Blocks
import Foundation
import TestSupport
import Testing

/// What would be written over is compared with what is read as what both are, not by their names.
@Suite(.needs(BaseSpec.tools + ["losetup"]))
struct SourceTargetTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    /// A base of this test's own, with its digest.
    private func ownBase(_ name: String = "base.img") async throws -> (path: String, digest: String) {
        let path = folder.path + "/" + name
        try FileManager.default.copyItem(atPath: try await BaseSpec.plain.path(), toPath: path)
        return (path, try Card(path).sha256())
    }

    private func link(_ name: String, to path: String, isHard: Bool) throws -> String {
        let link = folder.path + "/" + name
        if isHard {
            try FileManager.default.linkItem(atPath: path, toPath: link)
        } else {
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
        }
        return link
    }

    @Test("an image is not flashed onto a loop device over itself", arguments: ["file", "hard link", "link", "device"])
    func flash(_ kind: String) async throws {
        let (path, digest) = try await ownBase()
        let card = try LoopCard.attach(path)
        let source =
            switch kind {
            case "hard link": try link("other.img", to: path, isHard: true)
            case "link": try link("other.img", to: path, isHard: false)
            case "device": card.path
            default: path
            }
        let run = try piforge.run("flash", source, card.path, "--yes", "--expect-serial", path)
        #expect(run.status == 73)
        #expect(
            run.error.hasPrefix(
                kind == "device"
                    ? "error: could not write \(card.path): it is the image that would be read\n"
                    : "error: could not write \(card.path): \(source), which would be read, lies in it\n"),
            "\(run.error)")
        #expect(try Card(path).sha256() == digest)
    }

    /// At the name by which the kernel knows the file lies another one by now.
    @Test("nor when the file has another name since") func renamed() async throws {
        let (path, digest) = try await ownBase()
        let card = try LoopCard.attach(path)
        let source = try link("other.img", to: path, isHard: true)
        unlink(path)
        try Shell.write([0], to: path)
        let run = try piforge.run("flash", source, card.path, "--yes", "--expect-serial", path + " (deleted)")
        #expect(run.status == 73)
        #expect(
            run.error.contains("could not write \(card.path): \(source), which would be read, lies in it"),
            "\(run.error)")
        #expect(try Card(source).sha256() == digest)
    }

    @Test("a card is not built over its own base", arguments: [true, false])
    func build(isDevice: Bool) async throws {
        let (path, digest) = try await ownBase()
        let card = try LoopCard.attach(path)
        let run = try piforge.run(
            "build", "--base", isDevice ? card.path : path, "--device", "p1=\(card.path)", "--yes", "--expect-serial",
            "p1=\(path)")
        #expect(run.status == 73)
        #expect(
            run.error.contains(
                "could not write \(card.path): "
                    + (isDevice ? "it is the image that would be read" : "\(path), which would be read, lies in it")),
            "\(run.error)")
        #expect(try Card(path).sha256() == digest)
    }

    @Test("an output does not take the place of the file that its base lies in", arguments: ["img", "img.xz"])
    func outputs(_ format: String) async throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/out", withIntermediateDirectories: false)
        let (path, digest) = try await ownBase("out/p1.\(format)")
        let card = try LoopCard.attach(path)
        let run = try piforge.run(
            "build", "--slot", "p1", "--base", card.path, "--format", format, "--output", "out", "--force")
        #expect(run.status == 73)
        #expect(
            run.error == """
                error: could not create out/p1.\(format): the base image \(card.path) lies in it
                hint:  choose another folder with --output

                """)
        #expect(try Card(path).sha256() == digest)
    }

    @Test("a repaired copy does not take the place of what it is made from") func repair() async throws {
        let (path, digest) = try await ownBase()
        let card = try LoopCard.attach(path)
        for output in [path, try link("hard.img", to: path, isHard: true)] {
            let run = try piforge.run("repair", card.path, "--output", output, "--force")
            #expect(run.status == 73)
            #expect(run.error.contains("could not create \(output): the base image \(card.path) lies in it"))
        }
        #expect(try Card(path).sha256() == digest)
    }

    @Test("an image is not repaired in place while it is mounted", .needs("mount", "umount", "debugfs"))
    func mounted() async throws {
        let disk = try LoopCard.make(mebibytes: 40, in: folder.path, isFull: false)
        let path = try link("disk.img", to: disk.file, isHard: true)
        try #require(try Shell.run("mkfs.ext4", ["-q", disk.path]).status == 0)
        let point = folder.path + "/point"
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
        let mounted = try Shell.run("mount", [disk.path, point])
        try #require(mounted.status == 0, "\(mounted.error)")
        defer { _ = try? Shell.unmount(point) }
        let run = try piforge.run("repair", "--in-place", path)
        #expect(run.status == 73)
        #expect(run.error.contains("could not repair \(path) in place: it is in use: "), "\(run.error)")
        #expect(run.error.contains("is mounted at \(point)"))
    }

    @Test("a tree does not take the place of a folder that its base lies in", .needsRoot)
    func folders() async throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/out/p1/old", withIntermediateDirectories: true)
        let (path, digest) = try await ownBase("out/p1/old/base.img")
        let named = try link("base.img", to: path, isHard: false)
        let run = try piforge.run(
            "netboot", "--slot", "p1", "--base", named, "--format", "dir", "--output", "out", "--force")
        #expect(run.status == 73)
        #expect(run.error.contains("could not create out/p1: the base image \(named) lies in it"), "\(run.error)")
        #expect(try Card(path).sha256() == digest)
    }

    @Test("nor an image the place of one that another slot starts from") func otherSlots() async throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/out", withIntermediateDirectories: false)
        let base = try await BaseSpec.plain.path()
        let (path, digest) = try await ownBase("out/sg1-p1.img")
        let profile = """
            version: 1
            cluster: sg1
            slots:
              p1: {base: {image: \(base)}}
              p2: {base: {image: \(path)}}
            """
        try Shell.write(Array(profile.utf8), to: folder.path + "/piforge.yaml")
        let run = try piforge.run("build", "--slot", "p1,p2", "--output", "out", "--force")
        #expect(run.status == 73)
        #expect(run.error.contains("could not create out/sg1-p1.img: it is the base image"), "\(run.error)")
        #expect(try Card(path).sha256() == digest)
    }

    @Test("nor the place of one that nodes' trees come from") func trees() async throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/out", withIntermediateDirectories: false)
        let (path, digest) = try await ownBase("out/sg1-cnat.img")
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let profile = """
            version: 1
            cluster: sg1
            slots:
              cnat: {base: {image: \(base)}}
              p1: {base: {image: \(path)}}
            """
        try Shell.write(Array(profile.utf8), to: folder.path + "/piforge.yaml")
        let run = try piforge.run(
            "build", "--slot", "cnat", "--with-netboot", "p1", "--output", "out", "--force")
        #expect(run.status == 73)
        #expect(run.error.contains("could not create out/sg1-cnat.img: it is the base image"), "\(run.error)")
        #expect(try Card(path).sha256() == digest)
    }

    @Test("a tree in which the profile, its secret or a source lies is not replaced", .needsRoot)
    func inTree() async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let inner = folder.path + "/out/p1/etc"
        try FileManager.default.createDirectory(atPath: inner, withIntermediateDirectories: true)
        let files = ["piforge.yaml", "sg1.secret", "source"].map { "\(inner)/\($0)" }
        try Shell.write(Array("mine\n".utf8), to: files[2])
        try #require(try piforge.run("identity", "new", files[1]).status == 0)
        let before = try files.dropFirst().map { try Data(contentsOf: URL(fileURLWithPath: $0)) }
        for (line, read) in [
            ("", files[0]), ("identity: out/p1/etc/sg1.secret", files[1]),
            ("defaults: {files: [{target: /etc/x, source: out/p1/etc/source}]}", files[2]),
        ] {
            let profile = line.isEmpty ? files[0] : folder.path + "/piforge.yaml"
            try Shell.write(
                Array("version: 1\ncluster: sg1\n\(line)\nslots: {p1: {hostname: a}}\n".utf8), to: profile)
            let run = try piforge.run(
                "netboot", "--profile", profile, "--slot", "p1", "--base", base, "--format", "dir", "--output", "out",
                "--force")
            #expect(run.status == 73, "\(run)")
            #expect(
                run.error.contains("could not replace out/p1: \(read), which is read for this run, lies in it\n"),
                "\(run.error)")
        }
        #expect(try files.dropFirst().map { try Data(contentsOf: URL(fileURLWithPath: $0)) } == before)
    }

    @Test("no page is written over what it is made of, whatever is forced") func page() async throws {
        let (path, digest) = try await ownBase()
        let run = try piforge.run("report", "--slot", "p1", "--base", path, "--html", "base.img", "--force")
        #expect(run.status == 73)
        #expect(run.error.contains("could not create base.img: it is read for this run\n"), "\(run.error)")
        #expect(try Card(path).sha256() == digest)
    }

    @Test("a card that another program has open is not written", .needs("sleep", "sh")) func held() async throws {
        let base = try await BaseSpec.plain.path()
        let size = Int(try FileReader(path: base).byteCount)
        let card = try LoopCard.make(mebibytes: (size >> 20) + 1)
        var piforge = piforge
        piforge.prefix = [
            "sh", "-c",
            "sleep 1000 < \(card.path) & holder=$!; \"$@\"; code=$?; kill $holder; echo $holder; exit $code",
            "sh",
        ]
        let run = try piforge.run("flash", base, card.path, "--yes", "--expect-serial", card.file)
        #expect(run.status == 73)
        let holder = run.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(
            run.error == """
                error: could not write \(card.path): another program uses it: sleep (process \(holder))
                hint:  close it, or wait until it has ended

                """)
        #expect(try card.bytes(0..<4096).allSatisfy { $0 == 0xE5 })
    }
}
