import Blocks
import Images
import Inspect
import Netboot
import Plans
import Reports
import Trees
import Volumes

/// Input: a `PatchInput` over a whole image; a zone is a block of 4 KiB that is not all zeros.
///
/// The image is inspected, a node's card is planned from it, and its files are made a tree as `netboot` does.
func fuzzImage(_ input: [UInt8]) throws(BrokenClaim) {
    let input = PatchInput(input)
    let sample = try ImageSample.only.get()
    let pieces = input.patches.map { patch in
        (offset: sample.zones[patch.zone % sample.zones.count] + Int64(patch.offset % 4096), bytes: patch.bytes)
    }
    let image = PatchedImage(over: sample.reader, pieces: pieces)
    _ = try? Inspection.of(image)
    _ = try? BlockSet.inUse(of: Overlay(over: image))
    try claimSettled {
        let label = try CardLabelSource(base: CardLabel.fingerprint(of: image))
        let request = SlotRequest(slot: .node(3), settings: Settings(), epoch: 1_750_000_000)
        _ = try ImageEditor(base: image, request, label: label).edit()
    }
    guard let image = try? SystemImage(Overlay(over: image), now: nil), let boot = image.boot as? any TreeSource,
        let root = image.root as? any TreeSource
    else { return }
    let pass = TreePass(source: TreeUnion(root, mounting: boot, at: "/boot/firmware"), latestTime: .max)
    try? pass.run([(EndlessOutput(), TreeEdits(["/etc/hostname": nil]))])
}

/// Claims that a refusal is not for a bug of ours.
func claimSettled(_ body: () throws -> Void) throws(BrokenClaim) {
    do {
        try body()
    } catch {
        let isBug = (error as? ForgeError)?.kind == .bug
        if isBug { throw BrokenClaim(description: "\(error)") }
    }
}

private struct ImageSample: Sendable {
    let reader: FileReader
    let zones: [Int64]

    static let only = Result<ImageSample, BrokenClaim> { () throws(BrokenClaim) in
        let reader = try SeedFolder.image("card.img")
        var zones: [Int64] = []
        for offset in stride(from: Int64(0), to: reader.byteCount, by: 4096) {
            let bytes = try? reader.bytes(at: offset, count: 4096)
            if bytes?.contains(where: { $0 != 0 }) == true { zones.append(offset) }
        }
        return ImageSample(reader: reader, zones: zones)
    }
}

/// Takes a tree and keeps nothing, but stops where no disk would go on.
private final class EndlessOutput: TreeOutput {
    private var left: Int64 = 256 << 20

    func begin(_ item: OutputEntry) { left -= 1024 }
    func write(_ bytes: [UInt8], at offset: Int64) { left -= Int64(bytes.count) }
    var hasFailed: Bool { left < 0 }
    func finish() throws(ForgeError) -> WrittenTree { throw ForgeError(.bug, "there is no tree") }
}
