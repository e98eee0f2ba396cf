@testable import Blocks
@testable import Cards
@testable import Forge
import Foundation
@testable import Reports
@testable import Tables
import TestSupport
import Testing

/// piforge as a process, with cards that the kernel takes for disks; needs root.
@Suite(.needs(BaseSpec.tools))
struct LoopCardTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
        try Shell.write(
            Array("version: 1\ncluster: sg1\nslots:\n  p1: {hostname: oneil}\n  p2: {hostname: carter}\n".utf8),
            to: folder.path + "/piforge.yaml")
    }

    private struct Report: Decodable {
        struct Card: Decodable {
            var device: String
            var ok: Bool
            var bytes_compared: Int64?
            var bytes_mapped: Int64?
            var bytes_written: Int64?
            var bytes_erased: Int64?
            var bytes_verified: Int64?
            var sha256: String?
            var grown: String?
            var root_bytes: Int64?
        }
        var cards: [Card]
    }

    private func base() async throws -> String { try await BaseSpec.of("bookworm", "cnat").path() }

    private func flash(_ image: String, _ card: LoopCard, _ more: String...) throws -> Report.Card {
        let run = try piforge.run(
            ["flash", image, card.path, "--yes", "--expect-serial", card.file, "--json"] + more)
        try #require(run.status == 0, "\(run.error)")
        let report = try JSONDecoder().decode(Report.self, from: Data(run.output.utf8))
        return try #require(report.cards.first)
    }

    private func build(
        _ cards: [(String, LoopCard)], _ more: String..., from base: String? = nil
    ) async throws -> Piforge.Answer {
        let own = try await self.base()
        let devices = cards.flatMap { slot, card in
            ["--device", "\(slot)=\(card.path)", "--expect-serial", "\(slot)=\(card.file)"]
        }
        return try piforge.run(["build", "--base", base ?? own, "--yes", "--json"] + devices + more)
    }

    /// Every partition, as the tools of their own see it; where the image's table says, or the card's own.
    private func expectSoundFileSystems(_ card: LoopCard, like image: String? = nil) throws {
        let reader = try FileReader(path: image ?? card.file)
        let system = try PartitionTable.read(from: reader).findSystemPartitions(in: reader)
        for (partition, tool) in [(system.boot, ["fsck.fat", "-n"]), (system.root, ["e2fsck", "-fn"])] {
            let part = folder.path + "/part"
            try Shell.write(
                try card.bytes(Int(partition.range.lowerBound)..<Int(partition.range.upperBound)), to: part)
            let run = try Shell.run(tool[0], Array(tool.dropFirst()) + [part])
            #expect(run.status == 0, "\(run.output)\(run.error)")
        }
    }

    @Test func flashesACardThatWasUsed() async throws {
        let image = try await base()
        let size = Int(try FileReader(path: image).byteCount)
        let card = try LoopCard.make(mebibytes: (size >> 20) + 9)
        let report = try flash(image, card)
        #expect(report.bytes_written == report.bytes_mapped)
        #expect(report.bytes_verified == report.bytes_mapped)
        try expectSoundFileSystems(card, like: image)
        #expect(try card.bytes(0..<1 << 20) == Array(try Data(contentsOf: URL(fileURLWithPath: image)).prefix(1 << 20)))
        #expect(try card.bytes((size + (8 << 20))..<(size + (9 << 20))).allSatisfy { $0 == 0 })
    }

    /// The kernel would look for the partitions at eight times their place.
    @Test func refusesLargerSectors() async throws {
        let image = try await base()
        let size = Int(try FileReader(path: image).byteCount)
        let card = try LoopCard.make(mebibytes: (size >> 20) + 1, sectorSize: 4096)
        let run = try piforge.run("flash", image, card.path, "--yes", "--expect-serial", card.file)
        #expect(run.status == 73)
        #expect(run.error.contains("could not write \(card.path): its sectors have 4096 bytes"))
        #expect(try card.bytes(0..<4096).allSatisfy { $0 == 0xE5 })
    }

    /// The kernel, too, fills what was grown, and a changed name does not shrink it.
    @Test(.needs("mount", "umount", "dd"))
    func fillsTheCardWhereNoBootWould() async throws {
        let booted = try await BaseSpec.of("bookworm", "cnat", isBooted: true).path()
        let size = Int(try FileReader(path: booted).byteCount)
        let card = try LoopCard.make(mebibytes: (size >> 20) + 300)
        let run = try await build([("p1", card)], "--grow", from: booted)
        try #require(run.status == 0, "\(run.error)")
        let report = try #require(try JSONDecoder().decode(Report.self, from: Data(run.output.utf8)).cards.first)
        let reader = try FileReader(path: card.file)
        let root = try PartitionTable.read(from: reader).findSystemPartitions(in: reader).root.range
        #expect(root.upperBound == Int64(size + (300 << 20)))
        #expect(report.grown == "filled" && report.root_bytes == Int64(root.count))
        #expect(report.bytes_written == report.bytes_mapped)
        try expectSoundFileSystems(card)
        // What is digested is the image, as it is written to a file.
        let file = try piforge.run("build", "--base", booted, "--slot", "p1", "--output", folder.path + "/file")
        #expect(report.sha256.map { file.output.contains($0) } == true, "\(file.output)")
        let identified = try piforge.run("identify", card.path)
        #expect(identified.status == 0, "\(identified.error)")

        let changed = try await build([("p1", card)], "--changed-only", "--hostname", "samantha", from: booted)
        try #require(changed.status == 0, "\(changed.error)")
        let second = try #require(try JSONDecoder().decode(Report.self, from: Data(changed.output.utf8)).cards.first)
        #expect(second.grown == "filled" && second.bytes_written.map { $0 > 0 && $0 < 1 << 20 } == true)
        try expectSoundFileSystems(card)

        let point = folder.path + "/point"
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
        let mounted = try Shell.run(
            "mount", ["-t", "ext4", "-o", "loop,offset=\(root.lowerBound),sizelimit=\(root.count)", card.path, point])
        try #require(mounted.status == 0, "\(mounted.error)")
        let filled = try Shell.run(
            "dd", ["if=/dev/zero", "of=\(point)/large", "bs=1M", "count=280", "conv=fsync", "status=none"])
        let unmounted = try Shell.unmount(point)
        #expect(filled.status == 0, "\(filled.error)")
        #expect(unmounted.status == 0, "\(unmounted.error)")
        try expectSoundFileSystems(card)
    }

    @Test func leavesGrowingToTheFirstBoot() async throws {
        let image = try await base()
        let size = Int(try FileReader(path: image).byteCount)
        let card = try LoopCard.make(mebibytes: (size >> 20) + 8)
        let run = try await build([("p1", card)], "--grow")
        try #require(run.status == 0, "\(run.error)")
        #expect(run.error.contains("note: \(card.path): the first boot makes the root partition fill the card"))
        let report = try #require(try JSONDecoder().decode(Report.self, from: Data(run.output.utf8)).cards.first)
        #expect(report.grown == "first_boot" && report.root_bytes == nil)
        try expectSoundFileSystems(card, like: image)
    }

    /// Sooner and later, until one is finished: the exit code is the signal's, and half a card has no table.
    @Test(.needs("timeout"), arguments: [("INT", 130), ("TERM", 143)])
    func leavesNoTableWhenInterrupted(signal: String, status: Int32) async throws {
        let image = try await base()
        let size = Int(try FileReader(path: image).byteCount)
        let card = try LoopCard.make(mebibytes: (size >> 20) + 4)
        var isTold = false
        for step in 1..<60 where !isTold {
            let limit = "0.\(step < 10 ? "0" : "")\(step)"
            let stopped = Piforge(
                folder: folder.path, prefix: ["timeout", "--preserve-status", "-s", signal, limit])
            let run = try stopped.run("flash", image, card.path, "--yes", "--expect-serial", card.file)
            guard run.status == status else { continue }
            isTold = run.error.contains("interrupted; \(card.path) is without a partition table now")
            if isTold {
                #expect(run.error.contains("hint:  write it again before it is used"))
                #expect(try card.bytes(0..<4096).allSatisfy { $0 == 0 })
            }
        }
        #expect(isTold, "at no moment was it interrupted while it wrote")
    }

    @Test(.needs("mkfs.ext4", "mount", "umount"))
    func refusesWhatIsMounted() async throws {
        let card = try LoopCard.make(mebibytes: 300, isFull: false)
        let made = try Shell.run("mkfs.ext4", ["-q", card.path])
        try #require(made.status == 0, "\(made.error)")
        let point = folder.path + "/point"
        try FileManager.default.createDirectory(atPath: point, withIntermediateDirectories: false)
        let mounted = try Shell.run("mount", [card.path, point])
        try #require(mounted.status == 0, "\(mounted.error)")
        defer { _ = try? Shell.unmount(point) }
        let run = try piforge.run(
            "flash", try await base(), card.path, "--yes", "--expect-serial", card.file)
        #expect(run.status == 73)
        #expect(run.error.contains("could not write \(card.path): it is in use: "))
        #expect(run.error.contains("is mounted at \(point)"))
        #expect(run.error.contains("hint:  if it is the card you mean: sudo umount \(point)"))
    }

    /// Another program holds the disk; and from a disk that is held, nothing can be mounted between check and write.
    @Test(.needs("mkfs.ext4", "mount"))
    func holdsTheDiskAlone() async throws {
        let card = try LoopCard.make(mebibytes: 300, isFull: false)
        let made = try Shell.run("mkfs.ext4", ["-q", card.path])
        try #require(made.status == 0, "\(made.error)")
        let held = try ExclusiveDevice(path: card.path, guard: DeviceGuard(expectedSerial: card.file), canAsk: false)
        let mounted = try Shell.run("mount", [card.path, folder.path])
        #expect(mounted.status != 0)
        let run = try piforge.run(
            "flash", try await base(), card.path, "--yes", "--expect-serial", card.file)
        #expect(run.status == 73)
        #expect(run.error.contains("could not write \(card.path): another program uses it"))
        withExtendedLifetime(held) {}
    }

    /// Killed at some moment, the card has its old table, none, or is whole; never the new table on half an image.
    @Test(.needs("timeout"), arguments: ["0.3", "0.8", "1.5"])
    func leavesNoTableWhenKilled(seconds: String) async throws {
        let image = try await base()
        let size = Int(try FileReader(path: image).byteCount)
        let card = try LoopCard.make(mebibytes: (size >> 20) + 4)
        // In the foreground it kills its child alone and waits for the end of it, which lets go of the card.
        let killed = Piforge(folder: folder.path, prefix: ["timeout", "--foreground", "-s", "KILL", seconds])
        let run = try killed.run("flash", image, card.path, "--yes", "--expect-serial", card.file)
        let table = try card.bytes(0..<512)
        if run.status != 0 {
            #expect(table.allSatisfy { $0 == 0 } || table.allSatisfy { $0 == 0xE5 })
        }
        _ = try flash(image, card)
        try expectSoundFileSystems(card, like: image)
    }

    @Test func refusesASmallCardAndKeepsItsTable() async throws {
        let card = try LoopCard.make(mebibytes: 4)
        let run = try piforge.run(
            "flash", try await base(), card.path, "--yes", "--expect-serial", card.file)
        #expect(run.status == 73)
        #expect(run.error.contains("but it holds 4.1 MB (4194304 bytes)\nhint:  use a larger card"))
        #expect(try card.bytes(0..<512).allSatisfy { $0 == 0xE5 })
    }

    /// Before the base, which is not even there, is looked for.
    @Test func tellsWhatGivesTheRight() async throws {
        let card = try LoopCard.make(mebibytes: 4, isFull: false)
        let other = try #require(try OtherUser(), "loop devices were had, so this is root")
        let run = try other.piforge.run(
            "build", "--slot", "p1", "--base", "/nowhere.img", "--hostname", "oneil", "--device", card.path, "--yes",
            "--expect-size", "4194304", "--expect-serial", card.file)
        #expect(run.status == 77)
        #expect(run.error.contains("could not open \(card.path): permission denied"))
        #expect(run.error.contains("hint:  sudo setfacl -m u:$USER:rw \(card.path) lets you write it"))
    }

    @Test func asksForConsent() async throws {
        let card = try LoopCard.make(mebibytes: 4)
        let image = try await base()
        for (arguments, message) in [
            ([], "nobody is there to be asked"), (["--yes"], "--yes needs to know which disk is meant"),
        ] {
            let run = try piforge.run(["flash", image, card.path] + arguments)
            #expect(run.status == 64)
            #expect(run.error.contains("could not write \(card.path): \(message)"))
        }
        let wrong = try piforge.run("flash", image, card.path, "--yes", "--expect-serial", "123")
        #expect(wrong.status == 73)
        #expect(wrong.error.contains("it is no card but a loop device"))
        #expect(try card.bytes(0..<512).allSatisfy { $0 == 0xE5 })
        let none = try piforge.run("flash", image)
        #expect(none.status == 64)
    }

    @Test func buildsTwoCardsKnowsThemAndChangesOne() async throws {
        let image = try await base()
        let size = Int(try FileReader(path: image).byteCount)
        let cards = try [0, 1].map { _ in try LoopCard.make(mebibytes: (size >> 20) + 8) }
        let run = try await build([("p1", cards[0]), ("p2", cards[1])])
        try #require(run.status == 0, "\(run.error)")
        let files = try piforge.run(["build", "--base", image, "--slot", "p1,p2"])
        try #require(files.status == 0, "\(files.error)")
        for (card, name) in zip(cards, ["sg1-p1", "sg1-p2"]) {
            try expectSoundFileSystems(card, like: "\(folder.path)/\(name).img")
            let manifests = try ["card.manifest", "manifest"].map {
                try String(contentsOfFile: "\(folder.path)/\(name).\($0).json", encoding: .utf8)
            }
            #expect(manifests[0] == manifests[1])
        }
        let identified = try piforge.run("identify", cards[1].path)
        #expect(identified.status == 0)
        #expect(identified.output.contains("card         p2 of sg1\n"))
        #expect(identified.output.contains("sg1-p2.card.manifest.json: all "))

        // The wrong slot is not overwritten unasked.
        let wrong = try await build([("p1", cards[1])])
        #expect(wrong.status == 73)
        #expect(wrong.error.contains("could not write \(cards[1].path): it is the card p2 of sg1"))

        let changed = try await build([("p2", cards[1])], "--changed-only", "--hostname", "samantha")
        try #require(changed.status == 0, "\(changed.error)")
        let report = try #require(try JSONDecoder().decode(Report.self, from: Data(changed.output.utf8)).cards.first)
        #expect(report.bytes_written.map { $0 > 0 && $0 < 1 << 20 } == true)
        try expectSoundFileSystems(cards[1], like: "\(folder.path)/sg1-p2.img")
        let fresh = try piforge.run(
            "build", "--base", image, "--slot", "p2", "--hostname", "samantha", "--output", folder.path + "/fresh")
        try #require(fresh.status == 0, "\(fresh.error)")
        let again = try flash(folder.path + "/fresh/sg1-p2.img", cards[1], "--changed-only")
        #expect(again.bytes_written == 0)
    }

    /// A card that turns out to be worn: its file lies on a disk that is too small for it.
    @Test(.needs("mkfs.ext4"))
    func tellsOfACardThatFails() async throws {
        let small = try MountedDisk.make("ext4", mebibytes: 16)
        let card = try LoopCard.make(mebibytes: 400, in: small.path, isFull: false)
        let run = try piforge.run(
            "flash", try await base(), card.path, "--yes", "--expect-serial", card.file, "--json")
        #expect(run.status == 74)
        #expect(run.error.contains("error: could not write \(card.path): "))
        #expect(run.output.contains("\"ok\" : false"))
        #expect(try card.bytes(0..<512).allSatisfy { $0 == 0 })
    }
}
