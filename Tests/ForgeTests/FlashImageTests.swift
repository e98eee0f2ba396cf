import Bases
import Foundation
import Reports
import TestSupport
import Testing

@testable import Forge

/// Images that `flash` must not write as they are.
@Suite(.needs(SmallCard.tools))
struct FlashImageTests {
    @Test(
        "an image that ends before its partitions do is refused, also a packed one", .needs("gzip"),
        arguments: ["dos", "gpt"])
    func cutShort(label: String) throws {
        let folder = try TemporaryFolder()
        let card = try SmallCard(.init(name: label, options: [], label: label), in: folder)
        let cache = Cache(path: folder.path + "/cache")
        _ = try Flash(path: card.path, cache: cache, observe: { _ in })
        try #require(truncate(card.path, 30 << 20) == 0)
        try #require(try Shell.run("gzip", ["-k", "-1", card.path]).status == 0)
        for path in [card.path, card.path + ".gz"] {
            #expect { try Flash(path: path, cache: cache, observe: { _ in }) } throws: { error in
                guard let error = error as? ForgeError else { return false }
                return error.kind == .badInput && error.message.hasPrefix("could not use \(path): ")
                    && error.hint == "the file is not whole: download it again, or copy the card again, to its end"
            }
        }
    }

    @Test("an image whose file system is longer than its partition is refused", .needs("sfdisk"))
    func shortPartition() throws {
        let folder = try TemporaryFolder()
        let card = try SmallCard(.init(name: "dos", options: [], label: "dos"), in: folder)
        let dump = try Shell.run("sfdisk", ["-d", card.path]).output
        var lines = dump.split(separator: "\n").map(String.init)
        let last = try #require(lines.last)
        lines.removeLast()
        let size = try #require(last.firstMatch(of: /size= *(\d+)/).flatMap { Int($0.1) })
        lines.append(last.replacing("\(size)", with: "\(size - 2048)"))
        let made = try Shell.run(
            "sfdisk", ["-q", "--no-tell-kernel", card.path], input: Array(lines.joined(separator: "\n").utf8))
        try #require(made.status == 0, "\(made.error)")
        #expect {
            try Flash(path: card.path, cache: Cache(path: folder.path + "/cache"), observe: { _ in })
        } throws: { error in
            guard let error = error as? ForgeError else { return false }
            return error.kind == .badInput
                && error.message.contains(
                    "the file system on partition 2 has \(size * 512) bytes but the partition has only")
        }
    }

    @Test("an image that is changed while it is written gives a card without a table")
    func changed() throws {
        let folder = try TemporaryFolder()
        let card = try SmallCard(.bookworm, in: folder)
        let flash = try Flash(path: card.path, cache: Cache(path: folder.path + "/cache"), observe: { _ in })
        let medium = FaultyMedium(byteCount: 64 << 20)
        let file = try #require(FileHandle(forUpdatingAtPath: card.path))
        try file.seek(toOffset: 20 << 20)
        try file.write(contentsOf: [1])
        try file.close()
        let result = try #require(flash.write(to: [medium], observe: { _ in }).first)
        guard case .failure(let error) = result else {
            Issue.record("it was written")
            return
        }
        #expect(error.kind == .badInput && error.message.contains("was changed while it was read"))
        #expect(medium.bytes(0..<512).allSatisfy { $0 == 0 })
    }
}
