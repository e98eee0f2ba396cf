import Blocks

/// Which bytes of a card are written, and in which order.
///
/// ```
///   image   | head | body ..... |   free    | body | free |
///   card    | last | in between | as it was | ...  |      | wiped |  as it was  | wiped |
/// ```
/// What no file system of the image uses stays as it is on the card. The first and last MiB of the image and of each
/// partition are written even when they are free: old signatures (md, GPT, LVM, ZFS) lie there.
struct WriteMap: Equatable, Sendable {
    /// The partition table and what follows it: erased first, written last.
    let head: Range<Int64>
    /// What is written in between, in order; begins and ends on the grid of 4 KiB but at the card's end.
    let body: [Range<Int64>]
    /// After the image: filled with zeros first.
    let wiped: [Range<Int64>]
    /// Where it all ends: the image, or the card that it fills.
    let end: Int64

    private static let edge: Int64 = 1 << 20
    static let grid = BlockSet.blockSize

    /// `used`: the image's blocks that anything may read; nil for all. `partitions`: where they lie in it. `isGrown`:
    /// that the image fills the card.
    init(
        used: BlockSet?, partitions: [Range<Int64>], imageByteCount: Int64, mediumByteCount: Int64,
        isGrown: Bool = false
    ) {
        end = isGrown ? mediumByteCount : imageByteCount
        let image = 0..<end
        var wanted = used.map { $0.runs.map { $0.lowerBound * Self.grid..<$0.upperBound * Self.grid } } ?? [image]
        for range in [image] + partitions {
            wanted.append(range.lowerBound..<min(range.lowerBound + Self.edge, range.upperBound))
            wanted.append(max(range.upperBound - Self.edge, range.lowerBound)..<range.upperBound)
        }
        let firstStart = partitions.map(\.lowerBound).filter { $0 > 0 }.min() ?? end
        let headEnd = max(Self.grid, min(Self.edge, firstStart) / Self.grid * Self.grid)
        head = 0..<min(headEnd, mediumByteCount)
        let blocks = BlockSet(touching: wanted.map { $0.clamped(to: image) })
        let bodyEnd = min(Self.roundedUp(end), mediumByteCount)
        body = blocks.runs.compactMap { run in
            let bytes = max(run.lowerBound * Self.grid, headEnd)..<max(run.upperBound * Self.grid, headEnd)
            let range = bytes.clamped(to: 0..<bodyEnd)
            return range.isEmpty ? nil : range
        }
        let imageEnd = min(Self.roundedUp(imageByteCount), mediumByteCount)
        let behind = imageEnd..<min(imageEnd + Self.edge, mediumByteCount)
        let last = max(mediumByteCount - Self.edge, behind.upperBound)..<mediumByteCount
        wiped = [behind, last].filter { !$0.isEmpty }
    }

    /// Bytes of the image that are written, head and body.
    var byteCount: Int64 { body.reduce(Int64(head.count)) { $0 + Int64($1.count) } }

    static func roundedUp(_ offset: Int64) -> Int64 { (offset + grid - 1) / grid * grid }
}
