import Bases
import Foundation
import Reports
import TestSupport
import Testing

@testable import Forge

/// Images that were copied while they were in use.
@Suite(.needs(SmallCard.tools + ["debugfs", "fsck.fat", "dd"]))
struct RepairTests {
    private let folder: TemporaryFolder
    private let card: SmallCard
    private var cache: Cache { Cache(path: folder.path + "/cache") }

    /// A card whose journal holds a block that is not in its place yet, and whose boot partition is marked as in use.
    init() throws {
        folder = try TemporaryFolder()
        card = try SmallCard(.bookworm, in: folder)
        try Self.takeApart(card.path, in: folder)
        try Shell.write([UInt8](repeating: 0x61, count: 4096), to: folder.path + "/block")
        let commands = "jo\njw -b 5000 \(folder.path)/block\njc\n"
        try Shell.write(Array(commands.utf8), to: folder.path + "/commands")
        let journal = try Shell.run("debugfs", ["-w", "-f", folder.path + "/commands", folder.path + "/root"])
        try #require(journal.status == 0, "\(journal.error)")
        // FAT16's byte of state (fatgen103, BS_Reserved1) at 0x25.
        try Self.shell(
            """
            dd if=root of=image bs=1M seek=16 conv=notrunc status=none
            printf '\\001' | dd of=image bs=1 seek=$((1048576 + 37)) conv=notrunc status=none
            """, in: folder)
    }

    private static func takeApart(_ image: String, in folder: TemporaryFolder) throws {
        try shell("dd if='\(image)' of=root bs=1M skip=16 count=24 status=none", in: folder)
        try shell("dd if='\(image)' of=boot bs=1M skip=1 count=8 status=none", in: folder)
    }

    private static func shell(_ script: String, in folder: TemporaryFolder) throws {
        let run = try Shell.run("sh", ["-ec", "cd '\(folder.path)'; \(script)"])
        try #require(run.status == 0, "\(run.error)")
    }

    private var repair: Repair { Repair(card.path, cache: cache, observe: { _ in }) }

    @Test("a copy is clean by the tools' own word, and holds what the journal held")
    func copy() throws {
        let before = try Data(contentsOf: URL(fileURLWithPath: card.path))
        let output = folder.path + "/repaired.img"
        let outcome = try repair.run(into: output, replacing: false)
        #expect(outcome.findings.map(\.partition) == [1, 2])
        #expect(outcome.findings[0].complaint == "dirty FAT volume: not cleanly unmounted")
        #expect(outcome.findings[1].complaint.hasPrefix("a journal that was not replayed"))
        #expect(outcome.image == output)
        #expect(try Data(contentsOf: URL(fileURLWithPath: card.path)) == before)
        try Self.takeApart(output, in: folder)
        #expect(try Shell.run("e2fsck", ["-fn", folder.path + "/root"]).status == 0)
        #expect(try Shell.run("fsck.fat", ["-n", folder.path + "/boot"]).status == 0)
        let root = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/root"))
        #expect(root[5000 * 4096..<5001 * 4096].allSatisfy { $0 == 0x61 })
        // Nothing but the two partitions changed, and the same image gives the same bytes again.
        let after = try Data(contentsOf: URL(fileURLWithPath: output))
        #expect(after[..<(1 << 20)] == before[..<(1 << 20)] && after[(40 << 20)...] == before[(40 << 20)...])
        let again = try repair.run(into: folder.path + "/again.img", replacing: false)
        #expect(again.sha256 == outcome.sha256)
    }

    @Test("in place the image becomes what the copy would be, and is then clean")
    func inPlace() throws {
        let output = folder.path + "/repaired.img"
        _ = try repair.run(into: output, replacing: false)
        #expect(try repair.runInPlace().findings.count == 2)
        #expect(try Shell.run("cmp", [card.path, output]).status == 0)
        #expect(try repair.runInPlace() == Repair.Outcome(findings: [], image: nil, sha256: nil))
        let none = folder.path + "/none.img"
        #expect(try repair.run(into: none, replacing: false).image == nil)
        #expect(!FileManager.default.fileExists(atPath: none))
    }

    @Test("a packed image is repaired in a copy alone", .needs("xz"))
    func packed() throws {
        try Self.shell("xz -0 image", in: folder)
        let packed = Repair(card.path + ".xz", cache: cache, observe: { _ in })
        #expect { try packed.runInPlace() } throws: { error in
            (error as? ForgeError)?.kind == .usage
        }
        #expect(try packed.run(into: folder.path + "/repaired.img", replacing: false).findings.count == 2)
    }
}
