@testable import Blocks
@testable import Cards
@testable import Forge
@testable import Images
@testable import Reports
import TestSupport
import Testing

/// Cards that are well and cards that fail, written from a small image with an MBR and a hole.
struct FlashSessionTests {
    private let folder: TemporaryFolder
    private let base: FileReader
    private let image: [UInt8]

    private static let cardSize: Int64 = 64 << 20
    private static let imageSize = (9 << 20) + 512

    init() throws {
        folder = try TemporaryFolder()
        var generator = SeededGenerator(seed: 6)
        var bytes = generator.bytes(Self.imageSize)
        for index in 0..<446 { bytes[index] = 0x90 }
        for index in 446..<510 { bytes[index] = 0 }
        // One Linux partition from 2 MiB to 8 MiB, with a hole from 4 to 6 MiB.
        bytes.replaceSubrange(446..<462, with: [0, 0, 0, 0, 0x83, 0, 0, 0, 0, 0x10, 0, 0, 0, 0x30, 0, 0])
        bytes[510] = 0x55
        bytes[511] = 0xAA
        for index in (4 << 20)..<(6 << 20) { bytes[index] = 0 }
        image = bytes
        try Shell.write(bytes, to: folder.path + "/image")
        base = try FileReader(path: folder.path + "/image")
    }

    /// All but what a file system would call free: 4.5 to 5 MiB.
    private static let used = BlockSet(touching: [0..<(9 << 19), (5 << 20)..<Int64(imageSize)])

    private func run(
        _ media: [FaultyMedium], patch: Patch? = nil, used: BlockSet? = nil, label: CardLabel? = nil,
        origin: String? = nil,
        changedOnly: Bool = false, observe: @escaping Reports.Progress.Observer = { _ in }
    ) -> [Result<CardOutcome, ForgeError>] {
        let requests = media.enumerated().map { place, medium in
            CardRequest(
                name: "p\(place + 1)", medium: medium, label: label, patch: patch ?? Patch(byteCount: base.byteCount),
                used: used)
        }
        let run = FlashSession(
            base: base, requests: requests, origin: origin, isChangedOnly: changedOnly, wantsDigest: true)
        return run.results(observe: observe)
    }

    private func error(_ faults: FaultyMedium.Faults, size: Int64 = FlashSessionTests.cardSize) throws -> (
        ForgeError, FaultyMedium
    ) {
        let medium = FaultyMedium(byteCount: size, faults: faults)
        let result = try #require(run([medium]).first)
        guard case .failure(let error) = result else {
            throw UnexpectedSuccess()
        }
        return (error, medium)
    }

    private struct UnexpectedSuccess: Error {}

    /// A card that failed must not look like one: neither the old table nor the new one is on it.
    private func expectNoTable(_ medium: FaultyMedium) {
        #expect(medium.bytes(0..<512) == [UInt8](repeating: 0, count: 512))
    }

    @Test(arguments: [(512, Int.max), (512, 512), (4096, 8192)])
    func writesEveryUsedBlock(sectorSize: Int, transferLimit: Int) throws {
        let medium = FaultyMedium(
            byteCount: Self.cardSize, sectorSize: sectorSize, faults: .init(transferLimit: transferLimit))
        let outcome = try #require(run([medium], used: Self.used).first).get()
        #expect(medium.bytes(0..<(9 << 19)) == Array(image[..<(9 << 19)]))
        #expect(medium.bytes((5 << 20)..<Int64(Self.imageSize)) == Array(image[(5 << 20)...]))
        // What is free on the image is left alone, as is what no image covers; old signatures behind it are gone.
        #expect(medium.bytes((9 << 19)..<(5 << 20)).allSatisfy { $0 == FaultyMedium.stale })
        let end = WriteMap.roundedUp(Int64(Self.imageSize))
        #expect(medium.bytes(end..<end + (1 << 20)).allSatisfy { $0 == 0 })
        #expect(medium.bytes(Self.cardSize - (1 << 20)..<Self.cardSize).allSatisfy { $0 == 0 })
        #expect(medium.bytes(end + (1 << 20)..<end + (1 << 20) + 4096).allSatisfy { $0 == FaultyMedium.stale })
        #expect(outcome.writtenByteCount == outcome.mappedByteCount)
        #expect(outcome.mappedByteCount == WriteMap.roundedUp(Int64(Self.imageSize)) - (1 << 19))
        #expect(outcome.checkedByteCount == outcome.mappedByteCount)
        #expect(outcome.digest == SHA256.digest(of: image.span.bytes))
        #expect(medium.rereads == 1)
    }

    @Test func writesTheTableLast() throws {
        let medium = FaultyMedium(byteCount: Self.cardSize)
        _ = try #require(run([medium]).first).get()
        let writes = medium.writes
        #expect(writes.first?.lowerBound == 0)
        #expect(writes.last == 0..<4096)
        let inBetween = writes.dropFirst().dropLast()
        #expect(!inBetween.contains { $0.lowerBound < 4096 })
        #expect(inBetween.last.map { $0.upperBound <= 1 << 20 } == true)
    }

    @Test func writesTheSlotsChanges() throws {
        let overlay = Overlay(over: base)
        try overlay.write(Array("slot p1".utf8), at: 3_000_000)
        try overlay.write(Array("end".utf8), at: Int64(Self.imageSize) - 3)
        try overlay.write(Array("boot".utf8), at: 100)
        let medium = FaultyMedium(byteCount: Self.cardSize)
        let outcome = try #require(run([medium], patch: try overlay.patch).first).get()
        let expected = try overlay.bytes(at: 0, count: Self.imageSize)
        #expect(medium.bytes(0..<Int64(Self.imageSize)) == expected)
        #expect(outcome.digest == SHA256.digest(of: expected.span.bytes))
    }

    @Test func refusesAnImageThatDoesNotFit() throws {
        let (error, medium) = try error(.init(), size: 8 << 20)
        #expect(error.kind == .cannotCreate)
        #expect(
            error.message
                == "could not write /dev/sdz: the image is 9.4 MB (9437696 bytes) but it holds 8.3 MB (8388608 bytes)")
        #expect(medium.writes.isEmpty)
    }

    // MARK: Faults

    @Test func tellsWhereACardCannotBeWritten() throws {
        let (error, medium) = try error(.init(unwritable: [5_000_000]))
        #expect(error.kind == .inputOutput)
        #expect(
            error.message
                == "could not write /dev/sdz: bytes 4980736-5046271 cannot be written, also when tried again: this card is worn"
        )
        #expect(error.hint == "use another card; this one is without a partition table now")
        expectNoTable(medium)
    }

    @Test func findsOneBlockThatIsNotWhatWasWritten() throws {
        let (error, medium) = try error(.init(forgetting: [5_000_000: .max]))
        #expect(error.kind == .inputOutput)
        #expect(
            error.message
                == "could not write /dev/sdz: bytes 4997120-5001215 do not read back as written, also when written again: "
                + "this card is worn or lies about its size")
        expectNoTable(medium)
    }

    @Test func writesABlockAgainThatDidNotKeep() throws {
        let medium = FaultyMedium(byteCount: Self.cardSize, faults: .init(forgetting: [5_000_000: 1]))
        let outcome = try #require(run([medium]).first).get()
        #expect(outcome.retries == 1)
        #expect(medium.bytes(0..<Int64(Self.imageSize)) == image)
    }

    @Test func tellsWhatCannotBeReadBack() throws {
        let (error, medium) = try error(.init(unreadable: [5_000_000]))
        #expect(error.kind == .inputOutput)
        #expect(error.message.hasPrefix("could not write /dev/sdz: bytes 4194304-8388607 do not read back as written"))
        expectNoTable(medium)
    }

    @Test func findsACardThatLiesAboutItsSize() throws {
        let (error, medium) = try error(.init(realByteCount: 16 << 20))
        #expect(error.kind == .inputOutput)
        #expect(
            error.message
                == "could not write /dev/sdz: it says it holds 67.1 MB, but what is written at 33554432 appears at 16777216: "
                + "this card lies about its size")
        // Found out before the long write.
        #expect(medium.writes.reduce(0) { $0 + $1.count } < 4 << 20)
    }

    @Test func findsACardThatForgetsItsEnd() throws {
        let (error, _) = try error(.init(forgetting: [(32 << 20) + 7: .max]))
        #expect(
            error.message
                == "could not write /dev/sdz: it says it holds 67.1 MB, but does not keep what is written at 33554432: "
                + "this card is worn or lies about its size")
    }

    @Test func noticesThatTheCardWasTakenOut() throws {
        let (error, medium) = try error(.init(vanishing: 6 << 20))
        #expect(error.kind == .inputOutput)
        #expect(error.message == "could not write /dev/sdz: the card was taken out, or its reader has failed")
        #expect(error.hint == "the card has no partition table now; put it in and write it again")
        expectNoTable(medium)
    }

    /// Before the first byte, and before the table: in between the descriptor is what holds the card.
    @Test func noticesThatTheCardWasReplaced() throws {
        let (first, untouched) = try error(.init(replacedAtCheck: 1))
        #expect(first.message == "could not write /dev/sdz: it is not the disk any more that was there a moment ago")
        #expect(untouched.writes.isEmpty)
        let (last, written) = try error(.init(replacedAtCheck: 2))
        #expect(last.kind == .cannotCreate)
        expectNoTable(written)
    }

    @Test func finishesTheOtherCards() throws {
        let good = [FaultyMedium(byteCount: Self.cardSize), FaultyMedium(byteCount: Self.cardSize)]
        let bad = FaultyMedium(byteCount: Self.cardSize, faults: .init(unwritable: [5_000_000]))
        let results = run([good[0], bad, good[1]])
        #expect(results.count == 3)
        #expect(throws: ForgeError.self) { try results[1].get() }
        for (result, medium) in [(results[0], good[0]), (results[2], good[1])] {
            _ = try result.get()
            #expect(medium.bytes(0..<Int64(Self.imageSize)) == image)
        }
        expectNoTable(bad)
    }

    // MARK: Only what differs

    private func label(base: String) -> CardLabel {
        CardLabel(base: base, cluster: "sg1", settings: nil, slot: "p1", sourceDateEpoch: 0)
    }

    @Test func rewritesOnlyWhatDiffers() throws {
        let medium = FaultyMedium(byteCount: Self.cardSize)
        _ = try #require(run([medium]).first).get()
        let overlay = Overlay(over: base)
        try overlay.write(Array("another name".utf8), at: 3_000_000)
        let before = medium.writes.count
        let outcome = try #require(
            run([medium], patch: try overlay.patch, label: label(base: "b"), origin: "b", changedOnly: true).first
        ).get()
        #expect(medium.bytes(0..<Int64(Self.imageSize)) == (try overlay.bytes(at: 0, count: Self.imageSize)))
        // The block, and the table that was taken away meanwhile.
        #expect(outcome.writtenByteCount == 2 * 4096)
        #expect(outcome.erasedByteCount == 4096)
        #expect(outcome.comparedByteCount + 4096 >= outcome.mappedByteCount)
        let writes = medium.writes[before...]
        #expect(writes.first == 0..<4096 && writes.last == 0..<4096)
        let again = try #require(
            run([medium], patch: try overlay.patch, label: label(base: "b"), origin: "b", changedOnly: true).first
        ).get()
        #expect(again.writtenByteCount == 0 && again.erasedByteCount == 0)
    }

    @Test func refusesToRewriteACardOfAnotherBase() throws {
        let medium = FaultyMedium(byteCount: Self.cardSize)
        let other = label(base: String(repeating: "ab", count: 32))
        for (label, what) in [(other, "it was made from base abababababab"), (nil, "it holds no card of piforge's")] {
            let result = try #require(run([medium], label: label, origin: "b", changedOnly: true).first)
            let error = #expect(throws: ForgeError.self) { try result.get() }
            #expect(error?.message == "could not rewrite only what differs on /dev/sdz: \(what)")
            #expect(error?.hint == "without --changed-only all of it is written")
        }
        #expect(medium.writes.isEmpty)
    }
}
