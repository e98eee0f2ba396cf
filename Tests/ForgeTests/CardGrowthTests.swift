@testable import Bases
@testable import Blocks
@testable import Cards
@testable import Forge
@testable import Reports
@testable import Tables
import TestSupport
import Testing
import Volumes

/// Cards that the root partition is made to fill, judged by e2fsck and sfdisk.
@Suite(.needs(SmallCard.tools))
struct CardGrowthTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(
        _ image: SmallCard, _ medium: FaultyMedium, growing: Bool = true, changedOnly: Bool = false
    ) throws -> CardOutcome {
        let flash = try Flash(path: image.path, cache: Cache(path: folder.path + "/cache"), observe: { _ in })
        let results = flash.write(
            to: [medium], labels: [flash.label], changedOnly: changedOnly, growing: growing, observe: { _ in })
        return try #require(results.first).get()
    }

    /// What e2fsck finds wrong; `dumpe2fs` of the copy in group 1 must tell of as many blocks.
    private func expectSound(_ medium: FaultyMedium, _ root: Range<Int64>, blockSize: Int) throws {
        let part = folder.path + "/grown"
        try Shell.write(medium.bytes(root), to: part)
        let check = try Shell.run("e2fsck", ["-fn", part])
        #expect(check.status == 0, "\(check.output)\(check.error)")
        let blocks = try summary(part, [])
        #expect(blocks.contains("Block count: \(root.count / blockSize)"), "\(blocks)")
        // Group 1 begins behind 8 blocks for each byte of a block; with blocks of 1 KiB, groups begin at block 1.
        let copy = 8 * blockSize + (blockSize == 1024 ? 1 : 0)
        #expect(try summary(part, ["-o", "superblock=\(copy)", "-o", "blocksize=\(blockSize)"]) == blocks)
    }

    private func summary(_ part: String, _ options: [String]) throws -> [String] {
        let told = try Shell.run("dumpe2fs", ["-h"] + options + [part])
        try #require(told.status == 0, "\(told.error)")
        let kept = ["Block count:", "Inode count:", "Reserved GDT blocks:", "Blocks per group:", "Inodes per group:"]
        return told.output.split(separator: "\n").map(String.init)
            .filter { line in kept.contains { line.hasPrefix($0) } }
            .map { $0.split(separator: " ").joined(separator: " ") }
    }

    private func expectTable(_ medium: FaultyMedium, _ size: Int64, root: Range<Int64>) throws {
        let file = folder.path + "/card"
        let card = try FileDevice(creating: file, byteCount: size)
        try card.write(medium.bytes(0..<1 << 20), at: 0)
        try card.write(medium.bytes(size - (1 << 20)..<size), at: size - (1 << 20))
        let table = try PartitionTable.read(from: FileReader(path: file))
        #expect(table.partitions.last?.range == root)
        // sfdisk takes a file's sectors for 512 bytes.
        if medium.sectorSize != 512 { return }
        let verified = try Shell.run("sfdisk", ["--verify", file])
        #expect(verified.status == 0 && verified.error.isEmpty, "\(verified.error)")
        let dump = try Shell.run("sfdisk", ["-d", file]).output.filter { $0 != " " }
        #expect(dump.contains("start=\(root.lowerBound / 512),size=\(root.count / 512),"), "\(dump)")
    }

    private static let formats: [SmallCard.Format] = [
        .stretch, .bookworm,
        .init(name: "1 KiB", options: ["-O", "metadata_csum,64bit"], blockSize: 1024),
        .init(name: "1 KiB, no checksums", options: ["-O", "^metadata_csum,^64bit,^flex_bg"], blockSize: 1024),
        .init(name: "2 KiB", options: ["-O", "^metadata_csum,^64bit"], blockSize: 2048),
        .init(
            name: "1 KiB, meta_bg", options: ["-O", "metadata_csum,64bit,meta_bg,^resize_inode"], blockSize: 1024),
        .init(name: "GPT", options: ["-O", "metadata_csum,64bit"], blockSize: 1024, label: "gpt"),
        .init(
            name: "GPT, 4 KiB sectors", options: ["-O", "^metadata_csum,^64bit"], blockSize: 2048, label: "gpt",
            sectorSize: 4096),
    ]

    /// Behind the image's end the card is full of old bytes.
    @Test(arguments: formats)
    func fillsTheCard(_ format: SmallCard.Format) throws {
        let image = try SmallCard(format, in: folder)
        let size: Int64 = format.blockSize == 4096 ? 200 << 20 : 80 << 20
        let medium = FaultyMedium(byteCount: size, sectorSize: format.sectorSize)
        let outcome = try run(image, medium)
        let tail: Int64 = format.label == "gpt" ? (format.sectorSize == 512 ? 33 * 512 : 5 * 4096) : 0
        let root = Int64(SmallCard.root.lowerBound)..<(size - tail) / 4096 * 4096
        #expect(outcome.growth == .filled(rootByteCount: Int64(root.count)))
        #expect(outcome.writtenByteCount == outcome.mappedByteCount)
        #expect(outcome.checkedByteCount == outcome.mappedByteCount)
        #expect(medium.writes.last == 0..<4096)
        try expectSound(medium, root, blockSize: format.blockSize)
        try expectTable(medium, size, root: root)

        // What fills its card stays so without being asked for, and has nothing to be changed.
        let again = try run(image, medium, growing: false, changedOnly: true)
        #expect(again.growth == outcome.growth)
        #expect(again.writtenByteCount == 0)
    }

    @Test func leavesItToTheFirstBoot() throws {
        let image = try SmallCard(
            .bookworm, in: folder, cmdline: "root=/dev/mmcblk0p2 init=/usr/lib/raspberrypi-sys-mods/firstboot")
        let medium = FaultyMedium(byteCount: 100 << 20)
        let outcome = try run(image, medium)
        #expect(outcome.growth == .leftToFirstBoot)
        #expect(medium.bytes(0..<1 << 20) == (try FileReader(path: image.path).bytes(at: 0, count: 1 << 20)))
    }

    @Test func refusesBeforeAnythingIsWritten() throws {
        var third = SmallCard.Format.bookworm
        third.hasThird = true
        let medium = FaultyMedium(byteCount: 100 << 20)
        let error = try #require(throws: ForgeError.self) { try run(SmallCard(third, in: folder), medium) }
        #expect(error.kind == .badInput)
        #expect(
            error.message
                == "could not grow the root partition: partition 2 cannot grow: partition 3 lies behind it")
        #expect(error.hint == "leave out --grow")
        #expect(medium.writes.isEmpty)
    }

    /// The kernel multiplies a table's numbers by the card's sectors.
    @Test func refusesSectorsOfAnotherSize() throws {
        let medium = FaultyMedium(byteCount: 100 << 20, sectorSize: 4096)
        let error = try #require(throws: ForgeError.self) {
            try run(SmallCard(.bookworm, in: folder), medium, growing: false)
        }
        #expect(error.kind == .cannotCreate)
        #expect(
            error.message
                == "could not write /dev/sdz: its sectors have 4096 bytes, and the image's partition table counts sectors of 512"
        )
        #expect(medium.writes.isEmpty)
    }
}
