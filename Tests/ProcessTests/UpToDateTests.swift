import Foundation
import TestSupport
import Testing

/// Building again: what is there and is the same is left, what is another's is refused.
@Suite(.needs(BaseSpec.tools))
struct UpToDateTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
    }

    private func path(_ name: String) -> String { folder.path + "/" + name }

    private func build(_ more: String...) async throws -> Piforge.Answer {
        try piforge.run(["build", "--base", try await BaseSpec.plain.path()] + more)
    }

    private func inode(_ name: String) throws -> Int {
        let attributes = try FileManager.default.attributesOfItem(atPath: path(name))
        return try #require(attributes[.systemFileNumber] as? Int)
    }

    private func change(_ name: String, at offset: UInt64 = 100) throws {
        let file = try #require(FileHandle(forUpdatingAtPath: path(name)))
        try file.seek(toOffset: offset)
        try file.write(contentsOf: Data([0x58]))
        try file.close()
    }

    @Test("the same build is up to date, with the same result and no write; the next step names a real file")
    func again() async throws {
        let first = try await build("--sha256sums")
        #expect(first.status == 0)
        #expect(
            first.error.hasPrefix("next:  piforge flash sg1-cnat.img /dev/sdX  # then the other 2"), "\(first.error)")
        let before = try inode("sg1-p1.img")
        let again = try await build("--sha256sums")
        #expect(
            again.status == 0
                && again.output == first.output)
        #expect(again.error.hasPrefix("up to date: all 3 images; --force makes them anew\nnext:  "), "\(again.error)")
        #expect(try inode("sg1-p1.img") == before)

        // One that is missing is made, the others stay.
        for name in ["sg1-p3.img", "sg1-p3.img.bmap", "sg1-p3.manifest.json"] {
            try FileManager.default.removeItem(atPath: path(name))
        }
        let part = try await build("--json")
        struct Document: Decodable {
            struct Image: Decodable {
                var slot: String
                var up_to_date: Bool
            }
            var images: [Image]
        }
        #expect(part.status == 0 && part.error == "")
        let images = try JSONDecoder().decode(Document.self, from: Data(part.output.utf8)).images
        #expect(images.map(\.up_to_date) == [true, true, false])
        #expect(try inode("sg1-p1.img") == before)
        let forced = try await build("--slot", "p1", "--force")
        #expect(try forced.status == 0 && inode("sg1-p1.img") != before)
    }

    @Test("nothing is read again as long as size and times are the same; else, and with --verify, the bytes count")
    func cheap() async throws {
        let base = try await BaseSpec.plain.path()
        func decoded(_ more: String...) throws -> [String] {
            let run = try piforge.run(["build", "--slot", "p1", "--base", base, "--progress", "json"] + more)
            #expect(run.status == 0, "\(run.error)")
            struct Event: Decodable { var stage, subject: String? }
            return try run.error.split(separator: "\n").compactMap {
                let event = try JSONDecoder().decode(Event.self, from: Data($0.utf8))
                return event.stage == "hash" ? event.subject : nil
            }
        }
        _ = try decoded()
        #expect(try decoded().contains("sg1-p1.img") == false)
        #expect(try decoded("--verify").contains("sg1-p1.img"))
        try FileManager.default.setAttributes([.modificationDate: Date()], ofItemAtPath: path("sg1-p1.img"))
        #expect(try decoded().contains("sg1-p1.img"))
    }

    @Test("an output that is another's is refused, with the reason") func stale() async throws {
        #expect(try await build("--slot", "p1", "--set", "password_hash=\(try hash("a"))").status == 0)
        let hint = "\nhint:  use --force to replace it, or choose another --output\n"
        func expect(_ answer: Piforge.Answer, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation) {
            #expect(answer.status == 73, sourceLocation: sourceLocation)
            #expect(
                answer.error == "error: could not create sg1-p1.img: it exists, \(reason)" + hint,
                sourceLocation: sourceLocation)
        }
        let same = "password_hash=\(try hash("a"))"
        #expect(try await build("--slot", "p1", "--set", same).error.hasPrefix("up to date: sg1-p1.img;"))
        // The manifest tells nothing of a password; the image does.
        expect(
            try await build("--slot", "p1", "--set", "password_hash=\(try hash("b"))"),
            "made with another password or secret")
        expect(try await build("--slot", "p1", "--set", same, "--gpu-mem", "32"), "made from other settings")
        expect(
            try piforge.run(
                ["build", "--base", try await BaseSpec.plain.path(), "--slot", "p1", "--set", same],
                environment: ["SOURCE_DATE_EPOCH": "1500000000"]), "made for another SOURCE_DATE_EPOCH")
        let other = try await BaseSpec.of("bookworm", "cnat").path()
        expect(
            try piforge.run("build", "--base", other, "--slot", "p1", "--set", same),
            "made from another base, \(URL(fileURLWithPath: try await BaseSpec.plain.path()).lastPathComponent)")
        expect(
            try await build("--slot", "p1", "--set", same, "--bmap", "never"),
            "and its block map is not the one asked for")
        try change("sg1-p1.img")
        expect(try await build("--slot", "p1", "--set", same), "and was changed since it was made")
        #expect(try await build("--slot", "p1", "--set", same, "--force").status == 0)
        let manifest = try String(contentsOfFile: path("sg1-p1.manifest.json"), encoding: .utf8)
        let older = manifest.replacing(/"version" : "[^"]*"/, with: "\"version\" : \"0.0.1\"")
        try Shell.write(Array(older.utf8), to: path("sg1-p1.manifest.json"))
        let refused = try await build("--slot", "p1", "--set", same)
        #expect(refused.status == 73 && refused.error.contains("it exists, made by piforge 0.0.1, and this is "))
        try Shell.write([0x7B], to: path("sg1-p1.manifest.json"))
        #expect(try await build("--slot", "p1", "--set", same).error.contains("is no manifest of piforge's"))
    }

    private func hash(_ password: String) throws -> String {
        try Shell.run("openssl", ["passwd", "-6", "-salt", "saltsalt", password]).output.trimmingCharacters(
            in: .newlines)
    }
}
