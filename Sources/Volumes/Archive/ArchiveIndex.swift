import Trees

/// The index of an archived tree's cached form in memory: its bytes as they are, and where each entry begins.
///
/// Entries come in the order of paths, so that each folder's lie behind it; every name is found by halving.
struct ArchiveIndex {
    private let bytes: [UInt8]
    /// Where each entry begins.
    private let starts: [UInt32]
    /// The places of the entries in each folder, folder by folder: those of the folder at `place` are
    /// `children[firstChild[place]..<firstChild[place + 1]]`.
    private let children: [UInt32]
    private let firstChild: [UInt32]
    private let limit: Int64
    /// Bytes of all files, holes included.
    let byteCount: Int64

    var count: Int { starts.count }

    /// Nil unless `bytes` are `count` entries of one tree in order, whose files' bytes end before `limit`.
    init?(_ bytes: [UInt8], count: Int, limit: Int64) {
        var starts: [UInt32] = []
        var parents: [UInt32] = []
        var sum: Int64 = 0
        // The folders above the last entry with the last name in each.
        var folders: [(place: UInt32, last: String)] = []
        var input = ByteCursor(bytes)
        while !input.isAtEnd {
            let start = UInt32(input.position)
            guard let entry = ArchiveEntry(from: &input, limit: limit) else { return nil }
            let place = UInt32(starts.count)
            if place == 0 {
                guard entry.kind == .directory, entry.name.isEmpty, entry.parent == 0 else { return nil }
            } else {
                while let folder = folders.last, folder.place != entry.parent { folders.removeLast() }
                guard let folder = folders.last, VolumePath(components: [entry.name]) != nil,
                    folder.last.utf8.lexicographicallyPrecedes(entry.name.utf8)
                else { return nil }
                folders[folders.count - 1].last = entry.name
            }
            if entry.kind == .directory { folders.append((place, "")) }
            if entry.kind == .file { sum = sum.adding(entry.bytes.upperBound - entry.bytes.lowerBound) }
            starts.append(start)
            parents.append(entry.parent)
        }
        guard starts.count == count, count > 0 else { return nil }
        var firstChild = [UInt32](repeating: 0, count: count + 1)
        for parent in parents.dropFirst() { firstChild[Int(parent) + 1] += 1 }
        for index in 1...count { firstChild[index] += firstChild[index - 1] }
        var next = firstChild
        var children = [UInt32](repeating: 0, count: count - 1)
        for (place, parent) in parents.enumerated().dropFirst() {
            children[Int(next[Int(parent)])] = UInt32(place)
            next[Int(parent)] += 1
        }
        self.bytes = bytes
        self.starts = starts
        self.children = children
        self.firstChild = firstChild
        self.limit = limit
        byteCount = sum
    }

    /// The entry at a place below `count`.
    func entry(_ place: Int) -> ArchiveEntry? {
        var input = ByteCursor(bytes, from: Int(starts[place]))
        return ArchiveEntry(from: &input, limit: limit)
    }

    func isFolder(_ place: Int) -> Bool { ArchiveEntry.isFolder(at: Int(starts[place]), in: bytes) }

    /// The names in a folder, sorted by their bytes.
    func names(in place: Int) -> [String] {
        own(place).map { String(decoding: bytes[nameRange(Int($0))], as: UTF8.self) }
    }

    /// The place of a name in a folder; nil when it is not there.
    func find(_ name: String, in place: Int) -> Int? {
        let own = own(place)
        var (low, high) = (own.startIndex, own.endIndex)
        while low < high {
            let middle = (low + high) / 2
            let found = bytes[nameRange(Int(own[middle]))]
            if found.elementsEqual(name.utf8) { return Int(own[middle]) }
            if found.lexicographicallyPrecedes(name.utf8) { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    private func own(_ place: Int) -> ArraySlice<UInt32> {
        children[Int(firstChild[place])..<Int(firstChild[place + 1])]
    }

    private func nameRange(_ place: Int) -> Range<Int> {
        ArchiveEntry.nameRange(at: Int(starts[place]), in: bytes) ?? 0..<0
    }
}
