/// The names of an archive while it is packed: about a hundred bytes each, however deep they lie.
///
/// ```
///   records   entry 0 | entry 1 | ...      encoded, as they come; one that is replaced stays and counts for nothing
///   nodes     where each name's record begins, and which folder it is in
///   table     names by folder and bytes: node + 1 each, 0 where none is
/// ```
struct ArchiveTree: ~Copyable {
    private struct Name {
        var parent: UInt32
        var record: UInt32
    }

    private var records: [UInt8] = []
    private var nodes: [Name] = []
    private var table: [UInt32] = Array(repeating: 0, count: 1 << 10)

    /// Names, links and attributes of one tree take so many bytes at most: no system for a small computer has more.
    static let byteLimit = 96 << 20

    static let root: UInt32 = 0

    var count: Int { nodes.count }

    /// Begins with the root, a folder.
    init() {
        nodes.append(Name(parent: 0, record: 0))
        ArchiveEntry(kind: .directory, metadata: .init(mode: 0o755)).encode(to: &records)
    }

    /// The name in a folder; nil when it is not there.
    func find(_ name: String, in parent: UInt32) -> UInt32? {
        let found = table[slot(for: name, in: parent)]
        return found == 0 ? nil : found - 1
    }

    /// Adds a name that is not there; false when there is no room for it.
    mutating func add(_ entry: ArchiveEntry, in parent: UInt32) -> UInt32? {
        guard let record = append(entry) else { return nil }
        let node = UInt32(nodes.count)
        nodes.append(Name(parent: parent, record: record))
        table[slot(for: entry.name, in: parent)] = node + 1
        if nodes.count * 2 > table.count { grow() }
        return node
    }

    /// Puts another entry in the place of a node's, under the same name; false when there is no room for it.
    mutating func replace(_ node: UInt32, by entry: ArchiveEntry) -> Bool {
        guard let record = append(entry) else { return false }
        nodes[Int(node)].record = record
        return true
    }

    func isFolder(_ node: UInt32) -> Bool { ArchiveEntry.isFolder(at: Int(nodes[Int(node)].record), in: records) }

    /// What was added or put last.
    func entry(_ node: UInt32) -> ArchiveEntry? {
        var input = ByteCursor(records, from: Int(nodes[Int(node)].record))
        return ArchiveEntry(from: &input, limit: .max)
    }

    /// All entries in the order of paths, each with the place of its folder's entry in that order.
    func forEach<Failure: Error>(_ visit: (ArchiveEntry) throws(Failure) -> Void) throws(Failure) {
        var starts = [UInt32](repeating: 0, count: nodes.count + 1)
        for node in nodes.dropFirst() { starts[Int(node.parent) + 1] += 1 }
        for index in 1..<starts.count { starts[index] += starts[index - 1] }
        var children = [UInt32](repeating: 0, count: nodes.count - 1)
        var next = starts
        for (index, node) in nodes.enumerated().dropFirst() {
            children[Int(next[Int(node.parent)])] = UInt32(index)
            next[Int(node.parent)] += 1
        }
        var places = [UInt32](repeating: 0, count: nodes.count)
        var place: UInt32 = 0
        var pending = [Self.root]
        while let node = pending.popLast() {
            places[Int(node)] = place
            place += 1
            guard var entry = entry(node) else { continue }
            entry.parent = places[Int(nodes[Int(node)].parent)]
            try visit(entry)
            let own = Int(starts[Int(node)])..<Int(starts[Int(node) + 1])
            // The last is taken first.
            pending += children[own].sorted { isBefore($1, $0) }
        }
    }

    private func isBefore(_ first: UInt32, _ second: UInt32) -> Bool {
        bytes(ofName: first).lexicographicallyPrecedes(bytes(ofName: second))
    }

    private func bytes(ofName node: UInt32) -> ArraySlice<UInt8> {
        ArchiveEntry.nameRange(at: Int(nodes[Int(node)].record), in: records).map { records[$0] } ?? []
    }

    private mutating func append(_ entry: ArchiveEntry) -> UInt32? {
        let start = records.count
        entry.encode(to: &records)
        guard records.count <= Self.byteLimit else { return nil }
        return UInt32(start)
    }

    /// Where a name stands in the table, or would.
    private func slot(for name: String, in parent: UInt32) -> Int {
        var slot = Self.hash(name.utf8, parent) & (table.count - 1)
        while table[slot] != 0 {
            let node = table[slot] - 1
            if nodes[Int(node)].parent == parent, bytes(ofName: node).elementsEqual(name.utf8) { break }
            slot = (slot + 1) & (table.count - 1)
        }
        return slot
    }

    private mutating func grow() {
        var larger = [UInt32](repeating: 0, count: table.count * 2)
        for node in 1..<UInt32(nodes.count) {
            var slot = Self.hash(bytes(ofName: node), nodes[Int(node)].parent) & (larger.count - 1)
            while larger[slot] != 0 { slot = (slot + 1) & (larger.count - 1) }
            larger[slot] = node + 1
        }
        table = larger
    }

    /// With Swift's seed of the process, so that no archive can be made to collide.
    private static func hash(_ name: some Collection<UInt8>, _ parent: UInt32) -> Int {
        var hasher = Hasher()
        hasher.combine(parent)
        for byte in name { hasher.combine(byte) }
        return hasher.finalize() & .max
    }
}
