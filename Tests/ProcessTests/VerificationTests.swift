import Foundation
import TestSupport
import Testing

/// What `verify` and `identify` say of images that are, or are not any more, what was built.
@Suite(.needs(BaseSpec.tools + ["debugfs", "mcopy"]))
struct VerificationTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
    }

    private func profile(_ more: String = "", p2: String = "{hostname: carter}") throws {
        try Shell.write(
            Array(
                """
                version: 1
                cluster: sg1
                defaults:
                  wifi: {ssid: Home, psk: twelve12twelve, country: GB}
                slots:
                  p1: {hostname: oneil}
                  p2: \(p2)
                \(more)
                """.utf8), to: folder.path + "/piforge.yaml")
    }

    private func build() async throws {
        try profile()
        let answer = try piforge.run("build", "--base", try await BaseSpec.plain.path(), "--output", "out")
        #expect(answer.status == 0, "\(answer.error)")
    }

    private func bytes(_ path: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + path))
    }

    /// Adds a file that no profile knows to the root file system of an image, by e2fsprogs.
    private func addFile(to image: String) throws {
        let path = folder.path + "/" + image
        let table = try Shell.run("sfdisk", ["-d", path]).output
        let starts = table.matches(of: /start= *([0-9]+)/).compactMap { Int($0.output.1) }
        let offset = try #require(starts.last) * 512
        try Shell.write(Array("ssh-ed25519 AAAA intruder".utf8), to: folder.path + "/key")
        let added = try Shell.run(
            "debugfs", ["-w", "-R", "write \(folder.path)/key /etc/intruder", "\(path)?offset=\(offset)"])
        #expect(added.status == 0)
    }

    @Test("a file that cannot be verified is named, and the others are verified all the same")
    func oneOfMany() async throws {
        try await build()
        let answer = try piforge.run("verify", "gone.img", "out/sg1-p1.img")
        #expect(answer.status == 65 || answer.status == 74, "\(answer.status)")
        #expect(answer.output == "out/sg1-p1.img is what slot p1 asks for\n")
        #expect(answer.error.hasPrefix("error: gone.img: "))
        #expect(answer.error.contains("error: 1 of 2 could not be verified\n"))
        let json = try piforge.run("verify", "--json", "gone.img", "out/sg1-p1.img")
        #expect(json.status == answer.status)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let (images, errors) = (document["images"] as? [[String: Any]], document["errors"] as? [[String: Any]])
        #expect(images?.first?["image"] as? String == "out/sg1-p1.img")
        #expect(errors?.first?["image"] as? String == "gone.img")
    }

    @Test("an image that was unpacked is not held against the digest of the packed one", .needs("xz"))
    func unpacked() async throws {
        try profile()
        let built = try piforge.run(
            "build", "--slot", "p1", "--base", try await BaseSpec.plain.path(), "--output", "out", "--format", "img.xz")
        #expect(built.status == 0, "\(built.error)")
        try Packer.run("xz", ["-dk", folder.path + "/out/sg1-p1.img.xz"])
        let answer = try piforge.run("verify", "out/sg1-p1.img")
        #expect(answer.status == 0 && answer.output == "out/sg1-p1.img is what slot p1 asks for\n", "\(answer.error)")
        #expect(answer.error.contains("is of another packing of out/sg1-p1.img: its bytes are not compared"))
        #expect(try piforge.run("verify", "out/sg1-p1.img.xz").status == 0)
    }

    @Test("many files are verified, and each one's slot is found") func many() async throws {
        try await build()
        let answer = try piforge.run("verify", "out/sg1-p1.img", "out/sg1-p2.img")
        #expect(answer.status == 0, "\(answer.error)")
        #expect(
            answer.output == "out/sg1-p1.img is what slot p1 asks for\nout/sg1-p2.img is what slot p2 asks for\n")
        try profile(p2: "{hostname: daniel}")
        let other = try piforge.run("verify", "out/sg1-p1.img", "out/sg1-p2.img")
        #expect(other.status == 1)
        #expect(other.output.hasPrefix("out/sg1-p1.img is what slot p1 asks for\n"))
        #expect(other.output.contains("out/sg1-p2.img is not what slot p2 asks for: "))
    }

    @Test("a file that the profile does not know makes another image of it") func addedFile() async throws {
        try await build()
        try addFile(to: "out/sg1-p1.img")
        let answer = try piforge.run("verify", "out/sg1-p1.img")
        #expect(answer.status == 1)
        #expect(
            answer.error == """
                error: out/sg1-p1.img is not what slot p1 asks for: its bytes are not those of out/sg1-p1.manifest.json
                hint:  piforge build --slot p1 makes it anew

                """)
        let lived = try piforge.run("verify", "out/sg1-p1.img", "--settings-only")
        #expect(lived.status == 0, "\(lived.error)")
        let identified = try piforge.run("identify", "out/sg1-p1.img")
        #expect(identified.status == 1)
        #expect(identified.output.contains("bytes        not those that out/sg1-p1.manifest.json was written for"))
        #expect(try piforge.run("identify", "out/sg1-p2.img").status == 0)
    }

    @Test("a file whose slot nothing tells is refused, and one that is none of piforge's is found by its name")
    func unknownSlot() async throws {
        try profile()
        let base = try await BaseSpec.plain.path()
        for name in ["image.img", "lab-p2.img"] {
            try FileManager.default.createSymbolicLink(
                atPath: folder.path + "/" + name, withDestinationPath: base)
        }
        let answer = try piforge.run("verify", "image.img")
        #expect(answer.status == 64)
        #expect(answer.error == "error: could not tell which slot image.img is\nhint:  add --slot p3\n")
        #expect(try piforge.run("verify", "lab-p2.img").status == 1)
    }

    @Test("a comment, another slot and a secret leave an image and its label as they are; an own setting does not")
    func settingsDigest() async throws {
        try await build()
        let first = try bytes("out/sg1-p1.img")
        let base = try await BaseSpec.plain.path()
        try profile("# a comment", p2: "{hostname: daniel, cgroups: true}")
        let answer = try piforge.run("build", "--slot", "p1", "--base", base, "--output", "again")
        #expect(answer.status == 0, "\(answer.error)")
        #expect(try bytes("again/sg1-p1.img") == first)
        let manifest = String(decoding: try bytes("out/sg1-p1.manifest.json"), as: UTF8.self)
        let yaml = try Shell.run("sha256sum", [folder.path + "/piforge.yaml"]).output.prefix(64)
        #expect(!manifest.contains("\"profile\"") && !manifest.contains(yaml))
        struct Label: Decodable, Equatable { var settings: String }
        func label(_ options: [String]) throws -> Label {
            let answer = try piforge.run(
                ["build", "--slot", "p1", "--base", base, "--output", "labelled", "--force"] + options)
            #expect(answer.status == 0, "\(answer.error)")
            return try JSONDecoder().decode(Label.self, from: try bytes("labelled/sg1-p1.manifest.json"))
        }
        let plain = try label([])
        #expect(try label(["--set", "wifi.psk=other than twelve"]) == plain)
        #expect(try label(["--gpu-mem", "32"]) != plain)
    }
}
