/// The blocks of a folder that is written whole, sorted into an index by hash where it has more than one.
///
/// ```
///   linear   | . .. a b c ... | d e f ... |
///   hashed   | . .. index     | leaf      | leaf      |      leaves in the order of hashes
/// ```
///
/// As the kernel reads them (fs/ext4/namei.c, `struct dx_root` and `dx_node`); checksums are added when a block is
/// written.
struct FolderBlocks {
    struct Entry: Equatable {
        let name: [UInt8]
        let inode: UInt32
        /// `EXT4_FT_*`; 0 where the file system does not store types.
        let type: UInt8

        var recordLength: Int { (8 + name.count + 3) & ~3 }
    }

    /// What a name hashes to, as the index sorts it.
    struct Hash: Comparable {
        let major: UInt32
        let minor: UInt32

        static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
    }

    struct Format {
        let blockSize: Int
        /// Whether each block ends in room for a checksum.
        let hasChecksums: Bool
        /// `s_def_hash_version`.
        let hashVersion: UInt8
        /// Type byte of a folder, 0 where types are not stored.
        let folderType: UInt8
    }

    private(set) var blocks: [[UInt8]] = []
    private(set) var isHashed = false
    private let format: Format

    /// `hash` is nil for a file system without hashed folders. No two entries have the same name.
    init(
        _ entries: [Entry], own: UInt32, parent: UInt32, format: Format, hash: ((Entry) -> Hash)?
    ) {
        self.format = format
        let dots = [
            Entry(name: [0x2E], inode: own, type: format.folderType),
            Entry(name: [0x2E, 0x2E], inode: parent, type: format.folderType),
        ]
        let linear = pack(dots + entries)
        guard linear.count > 1, let hash, let hashed = hashedBlocks(entries, dots: dots, hash: hash) else {
            blocks = linear
            return
        }
        blocks = hashed
        isHashed = true
    }

    /// Bytes of a block that entries may use; a checksum needs an entry of 12 bytes.
    private var room: Int { format.blockSize - (format.hasChecksums ? 12 : 0) }

    private func pack(_ entries: [Entry]) -> [[UInt8]] {
        var blocks: [[UInt8]] = []
        var start = 0
        var length = 0
        for (place, entry) in entries.enumerated() {
            if length + entry.recordLength > room {
                blocks.append(block(entries[start..<place]))
                start = place
                length = 0
            }
            length += entry.recordLength
        }
        blocks.append(block(entries[start...]))
        return blocks
    }

    private func block(_ entries: ArraySlice<Entry>) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: format.blockSize)
        var offset = 0
        for (place, entry) in zip(entries.indices, entries) {
            let isLast = place == entries.endIndex - 1
            let length = isLast ? room - offset : entry.recordLength
            bytes.putEntry(entry, length: length, at: offset)
            offset += length
        }
        if entries.isEmpty { bytes.put16(UInt16(room), at: 4) }
        if format.hasChecksums {
            bytes.put16(12, at: room + 4)
            bytes[room + 7] = 0xDE
        }
        return bytes
    }

    /// Nil when there are more leaves than an index of two levels can name.
    private func hashedBlocks(_ entries: [Entry], dots: [Entry], hash: (Entry) -> Hash) -> [[UInt8]]? {
        let sorted = entries.map { (hash: hash($0), entry: $0) }.sorted { $0.hash < $1.hash }
        let leaves = pack(sorted.map(\.entry))
        let tail = format.hasChecksums ? 8 : 0
        let rootLimit = (format.blockSize - 32 - tail) / 8
        let nodeLimit = (format.blockSize - 8 - tail) / 8
        guard leaves.count <= rootLimit * nodeLimit else { return nil }
        var firsts: [UInt32] = []
        var place = 0
        for leaf in leaves {
            // A hash that goes on from the leaf before is marked by its lowest bit.
            let isContinued = place > 0 && sorted[place - 1].hash.major == sorted[place].hash.major
            firsts.append(sorted[place].hash.major | (isContinued ? 1 : 0))
            place += Self.entryCount(of: leaf, room: room)
        }
        let nodeCount = leaves.count <= rootLimit ? 0 : (leaves.count + nodeLimit - 1) / nodeLimit
        var root = [UInt8](repeating: 0, count: format.blockSize)
        root.putEntry(dots[0], length: 12, at: 0)
        root.putEntry(dots[1], length: format.blockSize - 12, at: 12)
        root[28] = format.hashVersion
        root[29] = 8
        root[30] = nodeCount == 0 ? 0 : 1
        let indices = firsts.enumerated().map { (hash: $1, block: UInt32(1 + nodeCount + $0)) }
        if nodeCount == 0 {
            root.putIndex(indices[...], limit: rootLimit, at: 32)
            return [root] + leaves
        }
        var nodes: [[UInt8]] = []
        var upper: [(hash: UInt32, block: UInt32)] = []
        for start in stride(from: 0, to: indices.count, by: nodeLimit) {
            let part = indices[start..<min(start + nodeLimit, indices.count)]
            var node = [UInt8](repeating: 0, count: format.blockSize)
            node.put16(UInt16(format.blockSize), at: 4)
            node.putIndex(part, limit: nodeLimit, at: 8)
            upper.append((hash: indices[start].hash, block: UInt32(1 + nodes.count)))
            nodes.append(node)
        }
        root.putIndex(upper[...], limit: rootLimit, at: 32)
        return [root] + nodes + leaves
    }

    private static func entryCount(of leaf: [UInt8], room: Int) -> Int {
        var count = 0
        var offset = 0
        while offset < room {
            count += 1
            offset += max(12, Int(leaf[offset + 4]) | Int(leaf[offset + 5]) << 8)
        }
        return count
    }
}

extension [UInt8] {
    fileprivate mutating func put16(_ value: UInt16, at offset: Int) {
        self[offset] = UInt8(truncatingIfNeeded: value)
        self[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }

    fileprivate mutating func put32(_ value: UInt32, at offset: Int) {
        put16(UInt16(truncatingIfNeeded: value), at: offset)
        put16(UInt16(truncatingIfNeeded: value >> 16), at: offset + 2)
    }

    fileprivate mutating func putEntry(_ entry: FolderBlocks.Entry, length: Int, at offset: Int) {
        put32(entry.inode, at: offset)
        put16(UInt16(length), at: offset + 4)
        self[offset + 6] = UInt8(entry.name.count)
        self[offset + 7] = entry.type
        replaceSubrange((offset + 8)..<(offset + 8 + entry.name.count), with: entry.name)
    }

    /// Entries of the index; the first one has no hash, for it begins at 0: limit and number of entries are there.
    fileprivate mutating func putIndex(
        _ entries: ArraySlice<(hash: UInt32, block: UInt32)>, limit: Int, at offset: Int
    ) {
        for (place, entry) in entries.enumerated() {
            put32(entry.hash, at: offset + 8 * place)
            put32(entry.block, at: offset + 8 * place + 4)
        }
        put16(UInt16(limit), at: offset)
        put16(UInt16(entries.count), at: offset + 2)
    }
}
