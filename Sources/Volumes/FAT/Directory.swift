/// One folder's slots in memory, with the files and folders that they name.
///
/// It changes bytes only; `FATVolume` stores the slots that a call reports as changed. Whatever is no live entry
/// (the label, `.`, `..`, parts of lost long names) stays where it is.
final class Directory {
    /// A file or folder: its slots are those of the long name, from `firstSlot`, and the short entry in `slot`.
    struct Record {
        let firstSlot: Int
        let slot: Int
        var entry: DirectoryEntry
        /// The long name, or the short one in its case.
        let name: String
        fileprivate let keys: [[UInt32]]

        fileprivate init(firstSlot: Int, slot: Int, entry: DirectoryEntry, longName: String?) {
            self.firstSlot = firstSlot
            self.slot = slot
            self.entry = entry
            let short = entry.name.text
            name = longName ?? short
            keys = [LongName.folded(short)] + (longName.map { [LongName.folded($0)] } ?? [])
        }
    }

    /// Slots at most: 2 MiB (Linux, fs/fat/fat.h, FAT_MAX_DIR_ENTRIES).
    static let slotLimit = 65536

    /// The chain that holds the slots; empty for the fixed root folder.
    private(set) var clusters: [Int]
    private var bytes: [UInt8]
    /// By the slot of the short entry.
    private var recordsBySlot: [Int: Record] = [:]
    /// The same slots by what a name means, as the long one and as the short one.
    private var slotsByKey: [[UInt32]: Set<Int>] = [:]
    /// The short names of all entries, the label's and those of `.` and `..` too.
    private var shortNames: [[UInt8]: Int] = [:]
    /// The first slot that was never used; those after it hold nothing, whatever their bytes are.
    private var endSlot = 0

    init(bytes: [UInt8], clusters: [Int]) {
        self.bytes = bytes
        self.clusters = clusters
        parse()
    }

    var slotCount: Int { bytes.count / DirectoryEntry.byteCount }

    /// The bytes of some slots, to be stored.
    func bytes(of slots: Range<Int>) -> ArraySlice<UInt8> {
        bytes[slots.lowerBound * DirectoryEntry.byteCount..<slots.upperBound * DirectoryEntry.byteCount]
    }

    /// All files and folders, in the order of their slots.
    var records: [Record] { recordsBySlot.values.sorted { $0.slot < $1.slot } }

    var isEmpty: Bool { recordsBySlot.isEmpty }

    /// What `name` means here, in any case, as a long name or as the short one beside it; an exact match is preferred.
    func record(named name: String) -> Record? {
        let slots = slotsByKey[LongName.folded(name)] ?? []
        let found = slots.sorted().compactMap { recordsBySlot[$0] }
        return found.first { $0.name.unicodeScalars.elementsEqual(name.unicodeScalars) } ?? found.first
    }

    /// Whether an entry has this short name, or its text as a long name.
    func isTaken(_ name: ShortName) -> Bool {
        shortNames[name.bytes] != nil || slotsByKey[LongName.folded(name.text)] != nil
    }

    /// The first slot of the lowest run of `count` free ones, and how many of them are missing at the folder's end.
    func placement(of count: Int) -> (start: Int, missing: Int) {
        var start = 0
        for slot in 0..<endSlot {
            if bytes[slot * DirectoryEntry.byteCount] != DirectoryEntry.deletedMark { start = slot + 1 }
            if slot - start + 1 == count { return (start, 0) }
        }
        return (start, max(0, start + count - slotCount))
    }

    /// Adds free slots at the end: clusters full of zeros.
    func grow(by newClusters: [Int], bytesPerCluster: Int) {
        clusters += newClusters
        bytes += [UInt8](repeating: 0, count: newClusters.count * bytesPerCluster)
    }

    /// Puts an entry and its long name into free slots from `start` on; returns the slots that changed.
    func insert(_ entry: DirectoryEntry, longName: String?, at start: Int) -> Range<Int> {
        let parts = longName.map { LongName.slots(for: $0, checksum: entry.name.checksum) } ?? []
        var slot = start
        for part in parts + [entry.bytes] {
            store(part, in: slot)
            slot += 1
        }
        let record = Record(firstSlot: start, slot: slot - 1, entry: entry, longName: longName)
        register(record)
        shortNames[entry.name.bytes, default: 0] += 1
        guard slot > endSlot else { return start..<slot }
        endSlot = slot
        guard slot < slotCount, bytes[slot * DirectoryEntry.byteCount] != DirectoryEntry.endMark else {
            return start..<slot
        }
        // What follows an end marker is undefined; the marker moves on.
        store([UInt8](repeating: 0, count: DirectoryEntry.byteCount), in: slot)
        return start..<slot + 1
    }

    /// Changes what an entry says, not its name; returns the slot that changed.
    func update(_ record: Record, to entry: DirectoryEntry) -> Range<Int> {
        recordsBySlot[record.slot]?.entry = entry
        store(entry.bytes, in: record.slot)
        return record.slot..<record.slot + 1
    }

    /// Gives up an entry's slots; returns them.
    func remove(_ record: Record) -> Range<Int> {
        for slot in record.firstSlot...record.slot {
            bytes[slot * DirectoryEntry.byteCount] = DirectoryEntry.deletedMark
        }
        recordsBySlot[record.slot] = nil
        for key in record.keys {
            slotsByKey[key]?.remove(record.slot)
            if slotsByKey[key]?.isEmpty == true { slotsByKey[key] = nil }
        }
        let count = (shortNames[record.entry.name.bytes] ?? 1) - 1
        shortNames[record.entry.name.bytes] = count == 0 ? nil : count
        return record.firstSlot..<record.slot + 1
    }

    private func store(_ slotBytes: [UInt8], in slot: Int) {
        let start = slot * DirectoryEntry.byteCount
        bytes.replaceSubrange(start..<start + DirectoryEntry.byteCount, with: slotBytes)
    }

    private func register(_ record: Record) {
        recordsBySlot[record.slot] = record
        for key in record.keys { slotsByKey[key, default: []].insert(record.slot) }
    }

    private func parse() {
        var longName = LongName.Assembler()
        endSlot = slotCount
        for slot in 0..<slotCount {
            guard let entry = DirectoryEntry(bytes(of: slot..<slot + 1)) else { return }
            if entry.bytes[0] == DirectoryEntry.endMark {
                endSlot = slot
                return
            }
            if entry.bytes[0] == DirectoryEntry.deletedMark {
                longName.reset()
                continue
            }
            if entry.attributes.intersection(.longNameMask) == .longName {
                longName.take(entry.bytes)
                continue
            }
            shortNames[entry.name.bytes, default: 0] += 1
            let name = longName.name(checksum: entry.name.checksum)
            let first = name == nil ? slot : slot - longName.slotCount
            longName.reset()
            let record = Record(firstSlot: first, slot: slot, entry: entry, longName: name)
            let isDots = entry.bytes[0] == UInt8(ascii: ".") && [".", ".."].contains(record.name)
            if !entry.attributes.contains(.volumeLabel), !isDots, !record.name.isEmpty { register(record) }
        }
    }
}
