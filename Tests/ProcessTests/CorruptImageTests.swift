@testable import Bases
@testable import Blocks
@testable import Forge
import Foundation
@testable import Images
import Plans
@testable import Reports
@testable import Tables
import TestSupport
import Testing

/// Bases that are broken: refused with a typed error, or turned into a card that the checkers accept; never a crash.
@Suite(.needs(BaseSpec.tools), .mustEnd)
struct CorruptImageTests {
    /// Builds p3 with a few settings over `reader`, without writing a file.
    private func edit(_ reader: PatchedReader) throws -> Result<Overlay, ForgeError> {
        let request = try Request(
            profilePath: nil, slots: "p3",
            flags: try Request.assignments([
                "ssh=true", "gpu_mem=16", "cgroups=true", "authorized_keys=\(RichProfile.key)",
            ]), environment: [:])
        let job = try #require(request.jobs.first)
        do throws(ForgeError) {
            return .success(
                try ImageEditor(
                    base: reader, SlotRequest(slot: job.slot, settings: job.settings),
                    label: CardLabelSource(base: SHA256Digest(hex: String(repeating: "0", count: 64)))
                ).edit().overlay)
        } catch {
            return .failure(error)
        }
    }

    /// The outcome of one broken base: how it ended, checked.
    private func judge(
        _ reader: PatchedReader, of card: Card, _ what: String, writing: Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> Bool {
        switch try edit(reader) {
        case .failure(let error):
            // Never `bug`, never `io`: the fault is the image's.
            #expect(error.kind == .badInput, "\(what): \(error.message)", sourceLocation: sourceLocation)
            #expect(!error.message.isEmpty)
            return false
        case .success(let overlay):
            guard writing else { return true }
            let found = try Self.complaints(of: overlay, on: card)
            // A base that was no longer clean is not ours to answer for.
            if !found.isEmpty, try Self.complaints(of: Overlay(over: reader), on: card).isEmpty {
                Issue.record("\(what): \(found.joined(separator: "; "))", sourceLocation: sourceLocation)
            }
            return true
        }
    }

    /// Lets the checkers judge the two partitions where they are on the unbroken card.
    private static func complaints(of overlay: Overlay, on card: Card) throws -> [String] {
        let folder = try TemporaryFolder()
        let (boot, root) = (folder.path + "/boot", folder.path + "/root")
        for (path, start, size) in [
            (boot, Int64(card.bootStart), Int64(card.bootSize)),
            (root, Int64(card.rootStart), overlay.byteCount - Int64(card.rootStart)),
        ] {
            try Shell.write([], to: path)
            truncate(path, Int(size))
            let file = try ImageFile(path)
            try overlay.forEachData(chunk: 1 << 20) { offset, bytes in
                let from = max(offset, start)
                let to = min(offset + Int64(bytes.byteCount), start + size)
                guard from < to else { return }
                try file.write(bytes.extracting(Int(from - offset)..<Int(to - offset)), at: from - start)
            }
        }
        var complaints: [String] = []
        for (tool, arguments) in [("e2fsck", ["-fn", root]), ("fsck.fat", ["-n", boot])] {
            let answer = try Shell.run(tool, arguments)
            if answer.status != 0 { complaints.append("\(tool): \(answer.output)") }
        }
        return complaints
    }

    private func base(_ release: String) async throws -> (reader: PatchedReader, card: Card) {
        let path = try await BaseSpec.of(release, "cbridge").path()
        let folder = try TemporaryFolder()
        let image = try BaseImage.open(path: path, cache: Cache(path: folder.path))
        return (PatchedReader(image.reader), try Card(path))
    }

    @Test("every cut is refused", arguments: [20_260_501 as UInt64])
    func truncations(seed: UInt64) async throws {
        let (reader, card) = try await base("bookworm")
        var generator = SeededGenerator(seed: seed)
        let step: Int64 = 4096
        var sizes: [Int64] = []
        for size in stride(from: Int64(0), to: 1 << 20, by: Thoroughness.isFull ? 512 : 65536) { sizes.append(size) }
        for border in [Int64(card.bootStart), Int64(card.rootStart), reader.byteCount] {
            for steps in Int64(-6)...6 where border + steps * step < reader.byteCount {
                sizes.append(border + steps * step)
            }
            sizes += [border - 512, border - 1]
        }
        for _ in 0..<24 { sizes.append(Int64.random(in: 0..<reader.byteCount / step, using: &generator) * step) }
        for size in sizes {
            guard case .failure(let error) = try edit(PatchedReader(reader.base, byteCount: size)) else {
                Issue.record("an image of \(size) bytes was accepted (seed \(seed))")
                continue
            }
            #expect(error.kind == .badInput, "\(size): \(error.message)")
        }
    }

    struct Header: Sendable, CustomTestStringConvertible {
        var name: String
        var release: String
        var byteCount: Int
        /// Where code or padding lies that nobody reads.
        var idle: Range<Int>
        var start: @Sendable (Card) -> Int
        var testDescription: String { "\(name) of \(release)" }

        /// Places that are read, and a few that are not: all of the former, or a sample.
        func places(using generator: inout SeededGenerator) -> [Int] {
            let read = (0..<byteCount).filter { !idle.contains($0) }.shuffled(using: &generator)
            let rest = idle.shuffled(using: &generator)
            return Thoroughness.isFull ? (read + rest.prefix(30)).sorted() : (read.prefix(10) + rest.prefix(3)).sorted()
        }
    }

    static let allHeaders = [
        Header(name: "MBR", release: "bookworm", byteCount: 512, idle: 0..<440) { _ in 0 },
        Header(name: "FAT boot sector", release: "buster", byteCount: 512, idle: 90..<510) { $0.bootStart },
        Header(name: "FAT boot sector", release: "bookworm", byteCount: 512, idle: 90..<510) { $0.bootStart },
        Header(name: "FAT info sector", release: "bookworm", byteCount: 512, idle: 4..<484) { $0.bootStart + 512 },
        Header(name: "superblock", release: "buster", byteCount: 1024, idle: 0x180..<1020) { $0.rootStart + 1024 },
        Header(name: "superblock", release: "bookworm", byteCount: 1024, idle: 0x10..<1020) { $0.rootStart + 1024 },
        Header(name: "group descriptors", release: "buster", byteCount: 64, idle: 0..<0) { $0.rootStart + 4096 },
        Header(name: "root inode", release: "buster", byteCount: 256, idle: 0xA0..<256) { card in
            // Inode 2, in the table whose block number stands at byte 8 of the first descriptor.
            let bytes = (try? FileHandle(forReadingFrom: URL(fileURLWithPath: card.path))).flatMap { handle in
                try? handle.seek(toOffset: UInt64(card.rootStart + 4096 + 8))
                return try? handle.read(upToCount: 4)
            }
            let block = (bytes ?? Data()).reversed().reduce(0) { $0 << 8 | Int($1) }
            return card.rootStart + block * 4096 + 256
        },
    ]

    @Test("flipped bytes in headers", arguments: allHeaders, [20_260_502 as UInt64])
    func flips(_ header: Header, seed: UInt64) async throws {
        let (reader, card) = try await base(header.release)
        let start = Int64(header.start(card))
        var generator = SeededGenerator(seed: seed)
        var (refused, accepted) = (0, 0)
        for index in header.places(using: &generator) {
            for bit in (0..<8).shuffled(using: &generator).prefix(Thoroughness.isFull ? 3 : 1) {
                var patched = reader
                let place = start + Int64(index)
                patched.patches[place] = try reader.byte(at: place) ^ (1 << bit)
                let what = "\(header.name) of \(header.release), byte \(index), bit \(bit) (seed \(seed))"
                // Checking takes long, so one in 24 of the accepted ones is.
                let isAccepted = try judge(patched, of: card, what, writing: accepted % 24 == 0)
                if isAccepted { accepted += 1 } else { refused += 1 }
            }
        }
        // Both must occur, or nothing was tested; the numbers in the info sector are mere hints.
        #expect(refused > 0 || header.name == "FAT info sector")
        #expect(accepted > 0 || header.name == "superblock")
    }

    @Test(
        "FAT chains that cycle, cross or leave the volume", arguments: ["buster", "bookworm"], [20_260_503 as UInt64])
    func chains(_ release: String, seed: UInt64) async throws {
        let (reader, card) = try await base(release)
        let boot = Int64(card.bootStart)
        func number(_ offset: Int64, _ count: Int) throws -> Int64 {
            try reader.bytes(at: boot + offset, count: count).reversed().reduce(0) { $0 << 8 | Int64($1) }
        }
        let (reserved, fatSectors) = (try number(14, 2), try number(36, 4))
        let fats = [reserved * 512, (reserved + fatSectors) * 512]
        let used = try (2..<1500).filter { try number(fats[0] + $0 * 4, 4) & 0x0FFF_FFFF != 0 }
        try #require(used.count > 100)
        var generator = SeededGenerator(seed: seed)
        var trials: [(cluster: Int64, value: Int64)] = [(2, 2)]
        for _ in 0..<(Thoroughness.isFull ? 200 : 16) {
            let cluster = try #require(used.randomElement(using: &generator))
            let others = [
                cluster, 2, used.randomElement(using: &generator) ?? 2, 0, 1, 0x0FFF_FFF7, 0x0FFF_FFEF,
                fatSectors * 128,
            ]
            trials.append((cluster, others.randomElement(using: &generator) ?? 0))
        }
        for (index, trial) in trials.enumerated() {
            var patched = reader
            for fat in fats {
                for byte in 0..<4 {
                    patched.patches[boot + fat + trial.cluster * 4 + Int64(byte)] = UInt8(
                        truncatingIfNeeded: trial.value >> (8 * Int64(byte)))
                }
            }
            _ = try judge(
                patched, of: card, "\(release): cluster \(trial.cluster) -> \(trial.value) (seed \(seed))",
                writing: index % 6 == 0)
        }
    }

    struct Unclean: Sendable, CustomTestStringConvertible {
        var name: String
        var debugfs: [String] = []
        /// Offset in the boot partition, and the bits to flip there.
        var bootPatches: [(offset: Int, flip: UInt8)] = []
        var message: String
        var testDescription: String { name }
    }

    static let uncleanCards = [
        Unclean(
            name: "journal to replay", debugfs: ["feature needs_recovery"],
            message:
                "could not edit the root partition: a journal that was not replayed (was it copied while the card was in use?)"
        ),
        Unclean(
            name: "not unmounted", debugfs: ["set_super_value state 0"],
            message: "could not edit the root partition: a file system not cleanly unmounted"),
        Unclean(
            name: "errors", debugfs: ["set_super_value state 3"],
            message: "could not edit the root partition: a file system with recorded errors"),
        Unclean(
            name: "orphans", debugfs: ["set_super_value last_orphan 20"],
            message: "could not edit the root partition: a list of orphaned inodes"),
        Unclean(
            name: "FAT not unmounted", bootPatches: [(0x41, 1)],
            message: "could not edit the boot partition: dirty FAT volume: not cleanly unmounted"),
    ]

    @Test("cards that were pulled out while running", arguments: uncleanCards)
    func refuses(_ test: Unclean) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/base.img"
        try Packer.run("cp", ["--sparse=always", try await BaseSpec.plain.path(), path])
        let card = try Card(path)
        for command in test.debugfs {
            try #require(try Shell.run("debugfs", ["-w", "-R", command, card.rootName]).status == 0)
        }
        let device = try ImageFile(path)
        for patch in test.bootPatches {
            var bytes = [UInt8](repeating: 0, count: 1)
            var span = bytes.mutableSpan
            var raw = span.mutableBytes
            try device.read(into: &raw, at: Int64(card.bootStart + patch.offset))
            bytes[0] ^= patch.flip
            try device.write(bytes.span.bytes, at: Int64(card.bootStart + patch.offset))
        }
        let piforge = Piforge(folder: folder.path)
        for command in ["build", "plan"] {
            let answer = try piforge.run(command, "--slot", "p3", "--base", path)
            #expect(answer.status == 65)
            let said = answer.error.split(separator: "\n").map(String.init)
            #expect(said.first?.hasSuffix(test.message) == true, "\(answer.error)")
            #expect(said.last == "hint:  make a clean copy of it: piforge repair \(path)", "\(answer.error)")
        }
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/p3.img"))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/p3.img.partial"))
    }
}
