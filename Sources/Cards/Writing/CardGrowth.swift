import Blocks
import Plans
import Reports
import Tables
import Trees
import Volumes

/// An image whose root partition and file system fill a card, decided in memory before the card is touched.
///
/// ```
///   image   | table | boot | root ...... |
///   card    | table | boot | root ............. groups that are new: described, and empty ...... |
/// ```
/// What the card holds after the image's end is not known and not read: all that the new groups need is written.
struct CardGrowth: Sendable {
    /// What of the card differs from the image and, after its end, from zeros; the slot's own changes included.
    let patch: Patch
    /// The blocks of the card that anything may read before it writes them.
    let used: BlockSet
    /// Where the root partition lay, and where it lies now, in bytes.
    let root: (old: Range<Int64>, new: Range<Int64>)

    /// What became of the wish to fill a card.
    enum Decision: Sendable {
        /// Nothing is left to grow.
        case full
        /// The first boot does it; the outcome says so.
        case leftToFirstBoot
        case grow(CardGrowth)
    }

    /// A byte that no structure of a file system or partition table repeats over a whole block.
    private static let unknown: UInt8 = 0xA5

    /// Decides for a card of `byteCount` bytes; `used` are the image's blocks, nil for all.
    ///
    /// Changed blocks get the time that the file system was last written, so that equal builds stay equal.
    static func decide(
        _ base: any BlockReader, changedBy slot: Patch, used: BlockSet?, fillingUpTo byteCount: Int64
    ) throws(ForgeError) -> Decision {
        let table = try PartitionTableError.wrapping(PartitionTable.read(from: base))
        let system = try PartitionTableError.wrapping(table.findSystem(in: base))
        let card = try BlockError.wrapping(ExtendedReader(base, byteCount: byteCount, filler: unknown))
        let overlay = try BlockError.wrapping(Overlay(over: card, changedBy: slot))
        if try firstBootGrows(overlay, system) { return .leftToFirstBoot }
        let growth = try wrapping(
            PartitionGrowth(of: system.root.number, in: table, on: overlay),
            as: { (error: PartitionTableError) in
                ForgeError(.badInput, ForgeError(error).message, hint: "leave out --grow")
            })
        let needed = try fill(overlay, growth)
        guard growth.new != growth.old || !needed.isEmpty else { return .full }
        try PartitionTableError.wrapping(growth.write(to: overlay))
        return .grow(try CardGrowth(overlay, growth, needed: needed, before: used))
    }

    /// `needed`: what the grown file system uses, by the card's bytes; `before`: what the image used.
    private init(
        _ overlay: Overlay, _ growth: PartitionGrowth, needed: [Range<Int64>], before: BlockSet?
    ) throws(ForgeError) {
        patch = try BlockError.wrapping(overlay.patch)
        let written = patch.ranges(in: growth.old.upperBound..<overlay.byteCount)
        let inside = needed.map { $0.clamped(to: 0..<growth.old.upperBound) }
        let image = before ?? BlockSet(touching: [0..<growth.old.upperBound])
        used = image.union(BlockSet(touching: inside + written))
        root = (growth.old, growth.new)
    }

    /// Makes the file system fill the partition, and returns which bytes of the card it uses now; none when it did already.
    private static func fill(_ overlay: Overlay, _ growth: PartitionGrowth) throws(ForgeError) -> [Range<Int64>] {
        let slice = try BlockError.wrapping(Slice(of: overlay, range: growth.new))
        return try wrapping(on: .root) { () throws(VolumeError) in
            let now = try Superblock(of: slice).lastWriteTime
            guard try !Ext4Growth.fill(slice, now: now, isZeroBehindEnd: false).isEmpty else { return [] }
            return try Ext4Volume(device: slice, now: now).usedRanges().map { range in
                growth.new.lowerBound + range.lowerBound..<growth.new.lowerBound + range.upperBound
            }
        }
    }

    private static func firstBootGrows(
        _ overlay: Overlay, _ system: SystemPartitions
    ) throws(ForgeError) -> Bool {
        let (boot, root) = try system.volumes(on: overlay)
        return try wrapping(on: .root, ImageFacts.growsRoot(boot: boot, root: root))
    }
}
