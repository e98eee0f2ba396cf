/// What a tree takes on a disk, reckoned for ext4: an upper bound, a few per mille above what is used.
package struct TreeSize: Equatable, Sendable {
    package var blocks: UInt64 = 0
    package var inodes: UInt64 = 0
    /// Bytes of files, holes left out.
    package var byteCount: Int64 = 0
    let blockSize: Int

    package init(blockSize: Int) { self.blockSize = blockSize }

    /// Reads a whole tree, but not its files' bytes.
    package init(
        of tree: any TreeReader, blockSize: Int, observe: () throws(VolumeError) -> Void = {}
    ) throws(VolumeError) {
        self.init(blockSize: blockSize)
        var seen: Set<UInt64> = []
        while let entry = try tree.next() {
            try observe()
            try add(entry, isNew: entry.identity.map { seen.insert($0).inserted } ?? true)
        }
    }

    /// Counts an entry; `isNew` is false for a further name of a file that was counted.
    package mutating func add(_ entry: TreeEntry, isNew: Bool = true) throws(VolumeError) {
        // An entry's record, and half as much again for leaves that are not full.
        let record = 8 + (entry.path.name?.utf8.count ?? 0) + 3
        entryBytes += record + record / 2
        guard isNew else { return }
        inodes += 1
        if !entry.metadata.extendedAttributes.isEmpty { blocks += 1 }
        switch entry.content {
        case .file(let content):
            let size = Int64(blockSize)
            let ranges = try content.dataRanges()
            for range in ranges {
                let end = range.upperBound / size + (range.upperBound % size == 0 ? 0 : 1)
                blocks = blocks.adding(UInt64(end - range.lowerBound / size))
                byteCount = byteCount.adding(range.upperBound - range.lowerBound)
            }
            if ranges.count > 4 { blocks = blocks.adding(UInt64(2 + ranges.count * 12 / blockSize)) }
        case .directory: blocks += 2
        case .symlink: blocks += 1
        case .special: break
        }
    }

    private var entryBytes = 0

    /// All blocks, those of folders included.
    package var blockCount: UInt64 { blocks.adding(UInt64(entryBytes / blockSize)) }

    /// All of it, in bytes.
    package var diskByteCount: Int64 { Int64(clamping: blockCount).times(blockSize) }

    /// That of several trees like it.
    package static func * (size: Self, count: Int) -> Self {
        var product = size
        product.blocks = size.blocks.times(count)
        product.inodes = size.inodes.times(count)
        product.byteCount = size.byteCount.times(count)
        product.entryBytes = size.entryBytes.times(count)
        return product
    }

    package static func + (a: Self, b: Self) -> Self {
        var sum = a
        sum.blocks = sum.blocks.adding(b.blocks)
        sum.inodes = sum.inodes.adding(b.inodes)
        sum.byteCount = sum.byteCount.adding(b.byteCount)
        sum.entryBytes = sum.entryBytes.adding(b.entryBytes)
        return sum
    }
}

/// Sums of sizes that an image claims stop at the largest number instead of overflowing; none of these numbers is
/// negative.
extension FixedWidthInteger {
    package func adding(_ other: Self) -> Self {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }

    package func times(_ factor: Int) -> Self {
        let (product, overflow) = multipliedReportingOverflow(by: Self(clamping: factor))
        return overflow ? .max : product
    }
}
