import Foundation
import TestSupport
import Testing

/// What the process says, and the code it ends with, when something is wrong.
@Suite(.needs(BaseSpec.tools))
struct ExitCodeTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    private func expect(
        _ answer: Piforge.Answer, _ status: Int32, _ error: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(answer.status == status, sourceLocation: sourceLocation)
        #expect(answer.error == error, sourceLocation: sourceLocation)
        #expect(answer.output == "", sourceLocation: sourceLocation)
    }

    /// Everything but the cache that a run left in its folder.
    private func leftovers() throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix("cache") }.sorted()
    }

    @Test("slots", arguments: ["p0", "p253", "p01", "P3", "p3-", "p4-p1", "controller", "", "p1,,p2"])
    func slots(_ slot: String) async throws {
        let base = try await BaseSpec.plain.path()
        let answer = try piforge.run("build", "--slot", slot, "--base", base)
        #expect(answer.status == 64)
        #expect(answer.error.hasPrefix("error: --slot:"), "\(answer.error)")
        #expect(answer.output == "")
        #expect(try leftovers() == [])
    }

    @Test("`all` without a profile is no set of slots") func allWithoutProfile() async throws {
        let answer = try piforge.run("build", "--slot", "all", "--base", try await BaseSpec.plain.path())
        #expect(answer.status == 64)
        #expect(answer.error.hasPrefix("error: --slot:"), "\(answer.error)")
    }

    @Test("missing and foreign bases") func bases() async throws {
        expect(
            try piforge.run("build", "--slot", "p3", "--base", "none.img"), 65,
            "error: could not open none.img: there is no such file\n")
        expect(
            try piforge.run("build", "--slot", "p3"), 64,
            """
            error: no base image: neither --base nor the profile's base.image names one
            hint:  add --base FILE: one of 8086's images, or Raspberry Pi OS as it is published

            """)
        let stock = BaseSpec(release: "bookworm", kind: "stock")
        expect(
            try piforge.run("build", "--slot", "cbridge", "--base", try await stock.path()), 65,
            """
            error: slot cbridge: could not make cbridge: plain Raspberry Pi OS becomes a controller of the kind cnat only
            hint:  use cnat, or give cbridge one of 8086's images by a `base` of its own; nodes may keep this one

            """)
        let bullseye = BaseSpec(release: "bullseye", kind: "stock")
        expect(
            try piforge.run("build", "--slot", "p3", "--base", try await bullseye.path()), 65,
            """
            error: slot p3: could not make p3: a node is made from plain Raspberry Pi OS since bookworm, and this is \
            bullseye
            hint:  use Raspberry Pi OS bookworm or trixie, or a ClusterCTRL image of that release

            """)
        #expect(try leftovers() == [])
        let nothing = try piforge.run("build", "--slot", "p3", "--base", "/etc/passwd")
        #expect(nothing.status == 65)
        #expect(nothing.error.hasPrefix("error: could not open /etc/passwd: "))
        let aFolder = try piforge.run("build", "--slot", "p3", "--base", "/etc")
        #expect(aFolder.status == 65)
        #expect(aFolder.error.hasPrefix("error: could not open /etc: "), "\(aFolder.error)")
    }

    @Test(
        "what is for cards says nothing of files",
        arguments: [["--yes"], ["--expect-size", "9"], ["--expect-serial", "x"], ["--changed-only"], ["--grow"]])
    func cardOptions(_ options: [String]) async throws {
        let answer = try piforge.run(["build", "--slot", "p3", "--base", try await BaseSpec.plain.path()] + options)
        expect(
            answer, 64,
            """
            error: could not build with \(options[0]): it is for cards, and no card was named
            hint:  add --device /dev/sdX, or leave out \(options[0])

            """)
        #expect(try leftovers() == [])
    }

    @Test("outputs that exist") func existing() async throws {
        let base = try await BaseSpec.plain.path()
        let first = try piforge.run("build", "--slot", "p3", "--base", base)
        #expect(first.status == 0, "\(first.error)")
        let image = folder.path + "/p3.img"
        let digest = try Card(image).sha256()
        #expect(first.output == "\(digest)  p3.img\n")
        expect(
            try piforge.run("build", "--slot", "p3", "--base", base, "--ssh"), 73,
            """
            error: could not create p3.img: it exists, made from other settings
            hint:  use --force to replace it, or choose another --output

            """)
        #expect(try Card(image).sha256() == digest)
        let forced = try piforge.run("build", "--slot", "p3", "--base", base, "--ssh", "--force")
        #expect(forced.status == 0, "\(forced.error)")
        #expect(try Card(image).sha256() != digest)

        try FileManager.default.removeItem(atPath: image)
        let besides = try piforge.run("build", "--slot", "p3", "--base", base)
        #expect(besides.status == 73)
        #expect(besides.error.hasPrefix("error: could not create p3.manifest.json: it exists\n"))
        #expect(try leftovers().sorted() == ["p3.img.bmap", "p3.manifest.json"])
    }

    @Test("the base is never the output, by whatever name") func outputIsBase() async throws {
        let base = try await BaseSpec.plain.path()
        try FileManager.default.copyItem(atPath: base, toPath: folder.path + "/p3.img")
        let digest = try Card(base).sha256()
        let hint = "hint:  choose another folder with --output\n"
        expect(
            try piforge.run("build", "--slot", "p3", "--base", "p3.img", "--force"), 73,
            "error: could not create p3.img: it is the base image\n" + hint)
        try FileManager.default.createDirectory(atPath: folder.path + "/out", withIntermediateDirectories: false)
        try FileManager.default.linkItem(atPath: folder.path + "/p3.img", toPath: folder.path + "/out/p3.img")
        expect(
            try piforge.run("build", "--slot", "p3", "--base", "p3.img", "--force", "--output", "out"), 73,
            "error: could not create out/p3.img: it is the base image\n" + hint)
        unlink(folder.path + "/out/p3.img")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/out/p3.img", withDestinationPath: "../p3.img")
        expect(
            try piforge.run("build", "--slot", "p3", "--base", "p3.img", "--force", "--output", "out"), 73,
            "error: could not create out/p3.img: it is the base image\n" + hint)
        #expect(try Card(folder.path + "/p3.img").sha256() == digest)
    }

    @Test("folders that cannot be written") func folders() async throws {
        let base = try await BaseSpec.plain.path()
        let locked = folder.path + "/locked"
        try FileManager.default.createDirectory(atPath: locked, withIntermediateDirectories: false)
        try Shell.write([], to: folder.path + "/file")
        try Shell.write([], to: locked + "/kept")
        #expect(chmod(locked, 0o555) == 0)
        defer { chmod(locked, 0o755) }
        expect(
            try piforge.run("build", "--slot", "p3", "--base", base, "--output", "file/b"), 73,
            "error: could not create file/b: not a directory\n")
        expect(
            try piforge.run("build", "--slot", "p3", "--base", base, "--output", "file"), 73,
            "error: could not create file: not a directory\n")
        // Root may write anywhere; anybody else is that other user already.
        let other = try OtherUser()
        var ordinary = other?.piforge ?? piforge
        ordinary.folder = folder.path
        if let other { ordinary.environment = ["HOME": other.folder.path] }
        expect(
            try ordinary.run("build", "--slot", "p3", "--base", base, "--output", "locked"), 77,
            "error: could not write locked: permission denied\nhint:  choose another folder with --output\n")
        expect(
            try ordinary.run("build", "--slot", "p3", "--base", base, "--output", "locked/new"), 77,
            "error: could not write locked/new: permission denied\nhint:  choose another folder with --output\n")
        #expect(try FileManager.default.contentsOfDirectory(atPath: locked) == ["kept"])
    }

    @Test("sha256 of the base") func digests() async throws {
        let base = try await BaseSpec.plain.path()
        let right = try Card(base).sha256()
        let wrong = String(repeating: "0", count: 64)
        func profile(_ digest: String) -> String {
            "version: 1\ncluster: c\nbase: {image: \(base), sha256: \(digest)}\nslots: {p3: }\n"
        }
        try Shell.write(Array(profile(wrong).utf8), to: folder.path + "/wrong.yaml")
        try Shell.write(Array(profile(right).utf8), to: folder.path + "/right.yaml")
        let refused = try piforge.run("build", "--profile", "wrong.yaml", "--slot", "p3")
        #expect(refused.status == 65)
        #expect(refused.error.contains(wrong) && refused.error.contains(right), "\(refused.error)")
        #expect(refused.error.hasSuffix("hint:  download it again, or correct base.sha256\n"))
        #expect(try leftovers() == ["right.yaml", "wrong.yaml"])
        let taken = try piforge.run("build", "--profile", "right.yaml", "--slot", "p3")
        #expect(taken.status == 0, "\(taken.error)")
    }

    @Test("all problems of a profile at once, with place and nearest key") func profiles() throws {
        let text = """
            version: 1
            cluster: c
            defaults:
              shh: true
              gpu_mem: 8
              time_zone: Europe/Berlin
            slots:
              p3:
                hostnme: tealc
              p253:
            """
        try Shell.write(Array(text.utf8), to: folder.path + "/piforge.yaml")
        let answer = try piforge.run("build", "--slot", "p3", "--base", "none.img")
        #expect(answer.status == 65)
        let places = answer.error.split(separator: "\n").dropFirst().map {
            String($0.drop { $0 == " " }.prefix { $0 != " " })
        }
        #expect(
            places == ["piforge.yaml:4:3:", "piforge.yaml:5:12:", "piforge.yaml:9:5:", "piforge.yaml:10:3:"],
            "\(answer.error)")
        #expect(answer.error.contains("ssh") && answer.error.contains("hostname"))
        #expect(answer.output == "")
    }

    @Test("errors as JSON") func json() throws {
        let answer = try piforge.run("plan", "--slot", "p3", "--base", "none.img", "--json")
        #expect(answer.status == 65)
        #expect(
            answer.output == """
                {
                  "error" : {
                    "kind" : "bad_input",
                    "message" : "could not open none.img: there is no such file"
                  },
                  "schema" : "piforge/error/1"
                }

                """)
    }

    @Test("verify: 0 on the slot, 1 on another one") func verify() async throws {
        let base = try await BaseSpec.plain.path()
        #expect(try piforge.run("build", "--slot", "p3,cnat", "--base", base, "--gpu-mem", "16").status == 0)
        let same = try piforge.run("verify", "p3.img", "--slot", "p3", "--gpu-mem", "16")
        #expect(same.status == 0, "\(same.output)\(same.error)")
        #expect(same.output == "p3.img is what slot p3 asks for\n")
        let before = try Card(folder.path + "/p3.img").sha256()
        let other = try piforge.run("verify", "p3.img", "--slot", "cnat", "--gpu-mem", "16")
        #expect(other.status == 1)
        #expect(other.output.contains("~ root:/etc/hostname  (hostname cnat)"))
        #expect(other.error.hasPrefix("error: p3.img is not what slot cnat asks for: "))
        let setting = try piforge.run("verify", "p3.img", "--slot", "p3", "--gpu-mem", "32", "--json")
        #expect(setting.status == 1)
        struct Document: Decodable {
            struct Difference: Decodable { var path: String }
            var differences: [Difference]
            var matches: Bool
            var slot: String
        }
        let document = try JSONDecoder().decode(Document.self, from: Data(setting.output.utf8))
        #expect(document.differences.map(\.path) == ["/config.txt"])
        #expect(!document.matches && document.slot == "p3")
        #expect(try piforge.run("verify", "cnat.img", "--slot", "cnat", "--gpu-mem", "16").status == 0)
        #expect(try Card(folder.path + "/p3.img").sha256() == before)
        #expect(try piforge.run("verify", "p3.img", "--slot", "p1-p3").status == 64)
        #expect(try piforge.run("verify", base, "--slot", "p3").status == 1)
    }

    @Test("a setting without effect is 65, allowed by name it is made with a warning, and unknown names are 64")
    func allowed() async throws {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPA3o3cKYqkz9y5g0G8R7b1mMYo9C1yqj2t4Ucq3o3fK me@test"
        try Shell.write(
            Array(
                "version: 1\ncluster: c\ndefaults: {files: [{content: \"\", target: /etc/nologin}]}\nslots: {p3: }\n"
                    .utf8),
            to: folder.path + "/piforge.yaml")
        let base = try await BaseSpec.plain.path()
        func run(_ command: String, _ more: String...) throws -> Piforge.Answer {
            try piforge.run(
                [command, "--slot", "p3", "--base", base, "--ssh", "--authorized-key", key]
                    + (command == "build" ? ["--output", "out"] : []) + more)
        }
        let said = "authorized_keys has no effect: /etc/nologin lets nobody but root in [login-nologin]"
        for command in ["build", "plan"] {
            let refused = try run(command)
            #expect(refused.status == 65)
            #expect(
                refused.error
                    == "error: slot p3: \(said)\nhint:  remove it from the base; or go on with --allow login-nologin\n")
        }
        #expect(try leftovers().filter { $0.hasPrefix("out/") } == [])
        let unknown = try run("build", "--allow", "login-nolgin")
        #expect(unknown.status == 64)
        #expect(unknown.error.hasSuffix("hint:  --allow login-nologin\n"), "\(unknown.error)")
        #expect(try run("build", "--allow", "keys-off").status == 65)
        let made = try run("build", "--allow", "keys-off", "--allow", "login-nologin")
        #expect(made.status == 0)
        #expect(made.error.hasPrefix("warning: p3: \(said)\nnext:  "))
        #expect(try leftovers().contains("out/c-p3.img"))
    }
}
