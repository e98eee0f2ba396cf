import Trees

/// Which blocks of the volume hold an inode's content, decoded by us so that no cycle or wild number in a damaged map
/// reaches libext2fs, which walks and frees such maps as they are.
struct InodeBlockMap: Equatable {
    /// Blocks that follow each other in the file and in the volume.
    struct Run: Equatable {
        /// Number in the file.
        var logical: UInt64
        /// Number in the volume.
        var physical: UInt64
        var count: UInt64
        /// False for preallocated blocks, which read as zeros whatever they hold.
        var isWritten: Bool

        var end: UInt64 { logical + count }
    }

    /// Ascending, disjoint and inside the volume; what is between them are holes.
    private(set) var runs: [Run] = []
    /// Blocks of the map itself: extent index nodes, or indirect blocks.
    private(set) var nodes: Set<UInt64> = []

    /// Fetches a node of the map, its checksum checked.
    typealias Read = (UInt64) throws(VolumeError) -> [UInt8]

    /// Decodes the 60 bytes in `inode` and the nodes below; `path` is for the `corrupt` error.
    init(
        of inode: Inode, in superblock: Superblock, at path: VolumePath, read: Read
    ) throws(VolumeError) {
        var walk = Walk(superblock: superblock, path: path)
        if inode.usesExtents {
            if inode.map.contains(where: { $0 != 0 }) {
                try walk.extents(inode.map, depth: nil, range: 0...UInt64(UInt32.max), read: read)
            }
        } else {
            try walk.indirect(inode.map, read: read)
        }
        runs = walk.runs
        nodes = walk.nodes
    }

    /// The blocks that are mapped, whether written or not.
    var mappedCount: UInt64 { runs.reduce(0) { $0 + $1.count } }

    /// The blocks of a file without holes and preallocation, nil for any other.
    var denseCount: UInt64? {
        var next: UInt64 = 0
        for run in runs {
            guard run.logical == next, run.isWritten else { return nil }
            next = run.end
        }
        return next
    }
}

/// A walk over one map: what was found, and which nodes were seen.
private struct Walk {
    let superblock: Superblock
    let path: VolumePath
    var runs: [InodeBlockMap.Run] = []
    var nodes: Set<UInt64> = []
    /// Blocks mapped so far; no file has more than there are.
    var mappedCount: UInt64 = 0

    private var blocks: Range<UInt64> { UInt64(superblock.firstDataBlock)..<superblock.blockCount }

    /// A node of an extent tree (kernel: fs/ext4/ext4_extents.h):
    ///
    /// ```
    /// 0x0  magic F30A  entries   0x4  max  depth   0x8  generation
    /// 0xC  entries of 12 bytes:
    ///      leaf:   first logical block u32, length u16 (> 32768: preallocated), start hi u16, start lo u32
    ///      index:  first logical block u32, node lo u32, node hi u16, unused u16
    /// ```
    mutating func extents(
        _ bytes: [UInt8], depth: UInt16?, range: ClosedRange<UInt64>, read: InodeBlockMap.Read
    ) throws(VolumeError) {
        let field = LittleEndianFields(bytes)
        let (count, limit, level) = (Int(field.u16(2)), Int(field.u16(4)), field.u16(6))
        let room = (bytes.count - 12) / 12
        guard field.u16(0) == 0xF30A, limit <= room, limit >= room - 2, count <= limit, level <= 5,
            depth == nil || depth == level
        else { throw damage("an extent node of \(count)/\(limit) entries at depth \(level)") }
        let entries = (0..<count).map { index in
            (first: UInt64(field.u32(12 + 12 * index)), offset: 12 + 12 * index)
        }
        for (index, entry) in entries.enumerated() {
            let last = index + 1 < count ? entries[index + 1].first : range.upperBound + 1
            guard range.contains(entry.first), entry.first < last, last <= range.upperBound + 1 else {
                throw damage("extents out of order at block \(entry.first)")
            }
            if level == 0 {
                let length = UInt64(field.u16(entry.offset + 4))
                let start = UInt64(field.u32(entry.offset + 8)) | UInt64(field.u16(entry.offset + 6)) << 32
                let isWritten = length <= 32768
                let blockCount = isWritten ? length : length - 32768
                guard blockCount > 0, entry.first + blockCount <= last else {
                    throw damage("an extent of \(blockCount) blocks at block \(entry.first)")
                }
                try append(logical: entry.first, physical: start, count: blockCount, isWritten: isWritten)
            } else {
                let node = UInt64(field.u32(entry.offset + 4)) | UInt64(field.u16(entry.offset + 8)) << 32
                try enter(node)
                try extents(try read(node), depth: level - 1, range: entry.first...(last - 1), read: read)
            }
        }
    }

    /// The classic map: 12 block numbers, then one, two and three levels of indirect blocks; 0 is a hole.
    mutating func indirect(
        _ map: [UInt8], read: InodeBlockMap.Read
    ) throws(VolumeError) {
        let field = LittleEndianFields(map)
        let fanOut = UInt64(superblock.blockSize / 4)
        for index in 0..<12 { try leaf(UInt64(field.u32(4 * index)), UInt64(index)) }
        var first: UInt64 = 12
        for level in 1...3 {
            try node(UInt64(field.u32(44 + 4 * level)), level: level, first: first, fanOut: fanOut, read: read)
            first += power(fanOut, level)
        }
    }

    private mutating func node(
        _ number: UInt64, level: Int, first: UInt64, fanOut: UInt64, read: InodeBlockMap.Read
    ) throws(VolumeError) {
        guard number != 0 else { return }
        try enter(number)
        let field = LittleEndianFields(try read(number))
        let span = power(fanOut, level - 1)
        for index in 0..<fanOut {
            let child = UInt64(field.u32(4 * Int(index)))
            if level == 1 {
                try leaf(child, first + index)
            } else {
                try node(child, level: level - 1, first: first + index * span, fanOut: fanOut, read: read)
            }
        }
    }

    private mutating func leaf(_ number: UInt64, _ logical: UInt64) throws(VolumeError) {
        if number != 0 { try append(logical: logical, physical: number, count: 1, isWritten: true) }
    }

    /// At most 8192 to the third power.
    private func power(_ base: UInt64, _ exponent: Int) -> UInt64 {
        (0..<exponent).reduce(1) { power, _ in power * base }
    }

    private mutating func append(
        logical: UInt64, physical: UInt64, count: UInt64, isWritten: Bool
    ) throws(VolumeError) {
        guard blocks.contains(physical), count <= blocks.upperBound - physical else {
            throw damage("\(count) blocks at \(physical) of \(superblock.blockCount)")
        }
        mappedCount += count
        guard mappedCount <= superblock.blockCount else { throw damage("more blocks than the volume has") }
        if let last = runs.last, last.end == logical, last.physical + last.count == physical,
            last.isWritten == isWritten
        {
            runs[runs.count - 1].count += count
        } else {
            runs.append(.init(logical: logical, physical: physical, count: count, isWritten: isWritten))
        }
    }

    /// Notes a node of the map; a second visit would be a cycle.
    private mutating func enter(_ number: UInt64) throws(VolumeError) {
        guard blocks.contains(number) else { throw damage("a map node at block \(number) of \(superblock.blockCount)") }
        guard nodes.insert(number).inserted else { throw damage("block \(number) is a map node twice") }
    }

    private func damage(_ reason: String) -> VolumeError { .corrupt("\(path): \(reason)") }
}
