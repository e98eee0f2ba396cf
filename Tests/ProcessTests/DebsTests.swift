import Foundation
import TestSupport
import Testing

/// `debs` and `first_boot` on the command line: what is refused, and what goes into images and trees.
@Suite(.needs(BaseSpec.tools + ["dpkg-deb", "tar"]))
struct DebsTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge
    private static let box = "var/lib/piforge/packages/"
    private static let wants = "etc/systemd/system/multi-user.target.wants/"

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
        try FileManager.default.createDirectory(atPath: folder.path + "/debs", withIntermediateDirectories: true)
    }

    private func writeProfile(_ lines: String...) throws {
        let text = "version: 1\ncluster: c\ndefaults:\n" + lines.map { "  \($0)\n" }.joined() + "slots: {p1: , p2: }\n"
        try Shell.write(Array(text.utf8), to: folder.path + "/piforge.yaml")
    }

    private func make(_ packages: DebianPackage...) throws {
        for package in packages { try package.make(in: folder.path + "/debs") }
    }

    private func plan(_ more: String..., base: BaseSpec = .plain) async throws -> Piforge.Answer {
        try piforge.run(["plan", "--slot", "p1", "--base", try await base.path()] + more)
    }

    /// Two packages of which one needs the other first, the larger one too large to be held in memory.
    private func makePair() throws {
        let noise = try Shell.run("openssl", ["rand", "-hex", "120000"]).output
        try make(
            DebianPackage("probe", fields: ["Pre-Depends: libprobe (>= 2)", "Depends: libc6 (>= 2.28)"]),
            DebianPackage(
                "libprobe", version: "1:2.0-1", architecture: "all", files: ["usr/share/libprobe/noise": noise]))
    }

    // MARK: What is refused

    private func expectRefusal(_ said: String, hint: String) async throws {
        try writeProfile("debs: [debs]")
        let answer = try await plan()
        #expect(answer.status == 65)
        #expect(answer.error == "error: slot p1: could not install `debs`: \(said)\nhint:  \(hint)\n")
    }

    @Test func anotherArchitecture() async throws {
        try make(DebianPackage("probe", architecture: "arm64"))
        try await expectRefusal(
            "probe 1.0 is for arm64, and the image is armhf",
            hint: "take the packages for armhf from the image's own archive")
    }

    @Test func aMissingDependency() async throws {
        try make(DebianPackage("probe", fields: ["Depends: libprobe (>= 2)"]))
        try await expectRefusal(
            "probe 1.0 needs libprobe (>= 2), which neither the image nor the packages have",
            hint: "add the packages that it needs; `piforge packages fetch` finds them")
    }

    @Test func anOlderDependency() async throws {
        try make(DebianPackage("probe", fields: ["Depends: libc6 (>= 2.40)"]))
        try await expectRefusal(
            "probe 1.0 needs libc6 (>= 2.40), and there is libc6 2.36-9",
            hint: "add the packages that it needs; `piforge packages fetch` finds them")
    }

    @Test func aConflict() async throws {
        try make(DebianPackage("probe", fields: ["Conflicts: ifupdown"]))
        try await expectRefusal(
            "probe 1.0 conflicts with ifupdown 0.8.41, which the image has", hint: "leave one of the two out")
    }

    @Test func severalProblems() async throws {
        try make(
            DebianPackage("probe", fields: ["Depends: x"]), DebianPackage("other", fields: ["Breaks: ifupdown (<< 1)"]))
        try writeProfile("debs: [debs]")
        let answer = try await plan()
        #expect(answer.status == 65)
        #expect(
            answer.error.hasPrefix(
                """
                error: slot p1: could not install `debs`: 2 problems
                  probe 1.0 needs x, which neither the image nor the packages have
                  other 1.0 breaks ifupdown 0.8.41, which the image has

                """), "\(answer.error)")
    }

    @Test func twoVersions() async throws {
        try make(DebianPackage("probe"), DebianPackage("probe", version: "2.0"))
        try writeProfile("debs: [debs]")
        let answer = try await plan()
        #expect(answer.status == 65)
        #expect(
            answer.error == """
                error: piforge.yaml:4:10: probe is there as 1.0 and as 2.0
                hint:  take one of the two files out

                """, "\(answer.error)")
    }

    @Test func noPackage() async throws {
        try Shell.write(Array("hello".utf8), to: folder.path + "/debs/text.deb")
        try writeProfile("debs: [debs/text.deb]")
        let answer = try await plan()
        #expect(answer.status == 65)
        #expect(
            answer.error == """
                error: piforge.yaml:4:10: could not use debs/text.deb: it is no Debian package
                hint:  give the .deb file as its maker has it

                """, "\(answer.error)")
    }

    @Test func anEmptyFolder() async throws {
        try writeProfile("debs: [debs]")
        let answer = try await plan()
        #expect(answer.status == 65)
        #expect(answer.error.contains("debs holds no file whose name ends in .deb"), "\(answer.error)")
    }

    @Test("a program that a Zero cannot run", .needs("clang", "ld.lld")) func anotherProcessor() async throws {
        let source = folder.path + "/f.c"
        try Shell.write(Array("int f(int a) { return a * 3; }".utf8), to: source)
        let made = try Shell.run(
            "clang",
            [
                "--target=arm-linux-gnueabihf", "-march=armv7-a", "-mfloat-abi=soft", "-nostdlib", "-shared",
                "-fuse-ld=lld", "-s", "-o", folder.path + "/program", source,
            ])
        try #require(made.status == 0, "\(made.error)")
        try make(DebianPackage("probe", copies: ["usr/sbin/probed": folder.path + "/program"]))
        try writeProfile("debs: [debs]")
        let answer = try await plan()
        #expect(answer.status == 65)
        #expect(
            answer.error.contains(
                "the package probe has no effect: its usr/sbin/probed needs an ARMv7, and a Zero or Zero W is an ARMv6"
                    + " [package-processor]"), "\(answer.error)")
        let allowed = try await plan("--allow", "package-processor")
        #expect(allowed.status == 0, "\(allowed.error)")
    }

    @Test("more than the root has room for, where it does not grow") func noRoom() async throws {
        try make(DebianPackage("probe", fields: ["Installed-Size: 900000"]))
        try writeProfile("debs: [debs]")
        let answer = try await plan(base: .of("bookworm", "p2", isBooted: true))
        #expect(answer.status == 65)
        #expect(answer.error.contains("debs has no effect: installed they take 921.6 MB"), "\(answer.error)")
        #expect(answer.error.contains("[packages-room]"), "\(answer.error)")
        #expect(try await plan().status == 0)
    }

    // MARK: What is built

    @Test("an image holds the packages, is what was asked for, and the same each time")
    func images() async throws {
        try makePair()
        try writeProfile("debs: [debs]", "first_boot: [echo one, \"echo two\\necho three\"]")
        let base = try await BaseSpec.plain.path()
        let planned = try await plan()
        #expect(planned.output.contains("(debs: installed at the first boot)"), "\(planned.output)")
        #expect(planned.output.contains("(first_boot: run once, at the first boot)"))
        for output in ["out", "again"] {
            let built = try piforge.run("build", "--slot", "p1,p2", "--base", base, "--output", output)
            try #require(built.status == 0, "\(built.error)")
        }
        let verified = try piforge.run("verify", "out/c-p1.img", "--slot", "p1")
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        #expect(
            try Card.sha256(of: folder.path + "/out/c-p1.img") == Card.sha256(of: folder.path + "/again/c-p1.img"))
        let card = try Card(folder.path + "/out/c-p1.img")
        try card.expectClean()
        let tree = try CardTree(card)
        let files = tree.root.filter { $0.key.hasPrefix(Self.box) && $0.value.type == "regular" }
        #expect(files.keys.sorted() == ["0/libprobe_1%3a2.0-1_all.deb", "1/probe_1.0_armhf.deb"].map { Self.box + $0 })
        for (path, entry) in files {
            let name = path.split(separator: "/").last.map(String.init) ?? ""
            #expect(entry.bytes == (try Data(contentsOf: URL(fileURLWithPath: folder.path + "/debs/" + name))))
        }
        #expect(tree.root["usr/local/lib/piforge/install-packages"]?.mode == 0o755)
        for unit in ["piforge-packages.service", "piforge-first-boot.service"] {
            #expect(tree.root[Self.wants + unit]?.bytes == Data("/etc/systemd/system/\(unit)".utf8))
        }
        #expect(tree.root["var/lib/piforge/first-boot"]?.mode == 0o700)
        #expect(tree.root["var/lib/piforge/first-boot/002"]?.bytes == Data("echo two\necho three\n".utf8))
        let told = try piforge.run("inspect", "out/c-p1.img").output.split(whereSeparator: \.isWhitespace).joined(
            separator: " ")
        #expect(told.contains("installs 2 packages from the card: libprobe 1:2.0-1, probe 1.0"), "\(told)")
        #expect(told.contains("runs `echo one`, `echo two …`"), "\(told)")
    }

    @Test("what another profile left in a base goes") func leftovers() async throws {
        try makePair()
        try writeProfile("debs: [debs]", "first_boot: [echo one, echo two]")
        let built = try piforge.run(
            "build", "--slot", "p1", "--base", try await BaseSpec.plain.path(), "--output", "out")
        try #require(built.status == 0, "\(built.error)")
        try writeProfile("debs: [debs/libprobe_1%3a2.0-1_all.deb]", "first_boot: [echo three]")
        let again = try piforge.run("build", "--slot", "p2", "--base", "out/c-p1.img", "--output", "out")
        try #require(again.status == 0, "\(again.error)")
        let tree = try CardTree(try Card(folder.path + "/out/c-p2.img"))
        let paths = tree.root.filter { $0.key.hasPrefix("var/lib/piforge/") && $0.value.type == "regular" }.keys
            .sorted()
        #expect(
            paths
                == ["first-boot/001", "first-boot/count", "packages/0/libprobe_1%3a2.0-1_all.deb"].map {
                    "var/lib/piforge/" + $0
                })
    }

    @Test(
        "trees hold them, too, also those that share a root", arguments: [[], ["--layout", "shared", "--upper", "2G"]])
    func trees(layout: [String]) async throws {
        try makePair()
        try writeProfile("debs: [debs]", "first_boot: [echo one]")
        let base = try await BaseSpec.plain.path()
        let made = try piforge.run(
            ["netboot", "--slot", "p1,p2", "--base", base, "--output", "out"] + layout)
        try #require(made.status == 0, "\(made.error)")
        let tar = layout.isEmpty ? "out/c-p1.tar" : "out/c-shared.tar"
        let listed = try Shell.run("tar", ["-tf", folder.path + "/" + tar]).output
        #expect(listed.contains(Self.box + "0/libprobe_1%3a2.0-1_all.deb"), "\(listed)")
        #expect(listed.contains("var/lib/piforge/first-boot/001"))
        #expect(!made.error.contains("at each of its starts"))
        #expect(listed.contains(Self.wants + "piforge-packages.service"))
    }

    @Test("a shared root whose changes lie in memory does all of it again and again, and that is said")
    func treesInMemory() async throws {
        try writeProfile("first_boot: [echo one]")
        let base = try await BaseSpec.plain.path()
        let made = try piforge.run(
            "netboot", "--slot", "p1", "--base", base, "--output", "out", "--layout", "shared")
        try #require(made.status == 0, "\(made.error)")
        #expect(made.error.contains("at each of its starts: --upper 2G keeps it"), "\(made.error)")
    }

    @Test("both engines write the same", .needsRoot, .needs("losetup")) func mounted() async throws {
        try makePair()
        try writeProfile("debs: [debs]", "first_boot: [echo one]")
        let base = try await BaseSpec.plain.path()
        let built = try piforge.run("build", "--slot", "p1", "--base", base, "--output", "out", "--engine", "loop")
        try ToolsTrait.require(
            built.status != 69, of: .machine, "the kernel's drivers cannot be used here: \(built.error)")
        try #require(built.status == 0, "\(built.error)")
        #expect(try piforge.run("verify", "out/c-p1.img", "--slot", "p1").status == 0)
    }
}
