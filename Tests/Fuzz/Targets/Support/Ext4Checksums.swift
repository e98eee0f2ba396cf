/// Changes bytes of a healthy ext4 file system and puts the checksums right that cover them, so that the change is
/// what is judged (kernel: fs/ext4/super.c, inode.c, namei.c, extents.c, xattr.c, bitmap.c; feature metadata_csum).
struct Ext4Checksums {
    private let layout: Ext4Layout
    /// The blocks that were changed.
    private(set) var blocks: [Int: [UInt8]] = [:]

    init(_ layout: Ext4Layout) { self.layout = layout }

    /// The changed blocks as pieces of an image.
    var pieces: [(offset: Int64, bytes: [UInt8])] {
        blocks.map { (offset: Int64($0.key * layout.blockSize), bytes: $0.value) }
    }

    /// What lies beyond the file system is dropped.
    mutating func change(_ bytes: [UInt8], at offset: Int) {
        for (index, byte) in bytes.enumerated() where offset + index < layout.bytes.count { set(byte, offset + index) }
    }

    private mutating func set(_ byte: UInt8, _ offset: Int) {
        let (block, place) = (offset / layout.blockSize, offset % layout.blockSize)
        if blocks[block] == nil { blocks[block] = original(block) }
        blocks[block]?[place] = byte
    }

    private func original(_ block: Int) -> [UInt8] {
        Array(layout.bytes[block * layout.blockSize..<min((block + 1) * layout.blockSize, layout.bytes.count)])
    }

    private func bytes(_ offset: Int, _ count: Int) -> [UInt8] {
        (offset..<offset + count).map { offset in
            blocks[offset / layout.blockSize]?[offset % layout.blockSize] ?? layout.bytes[offset]
        }
    }

    private mutating func store(_ value: UInt32, _ offset: Int, _ count: Int = 4) {
        for index in 0..<count { set(UInt8(truncatingIfNeeded: value >> UInt32(8 * index)), offset + index) }
    }

    // MARK: Checksums

    /// Does nothing where the file system has none.
    mutating func putRight() {
        let features = bytes(1024, 1024)
        guard Ext4Layout.number(features, 0x64, 4) & 0x400 != 0 else { return }
        let hasSeed = Ext4Layout.number(features, 0x60, 4) & 0x2000 != 0
        let seed =
            hasSeed
            ? UInt32(Ext4Layout.number(features, 0x270, 4)) : CRC32C.update(~0, features[0x68..<0x78])
        for block in blocks.keys.sorted() {
            switch layout.parts[block] {
            case .inodeTable(let group): putRightInodes(inBlock: block, group, seed)
            case .folder(let inode): putRightFolder(block, inode, seed)
            case .extents(let inode): putRightExtents(block, inode, seed)
            case .attributes:
                let place = block * layout.blockSize
                store(0, place + 0x10)
                let number = CRC32C.update(seed, little(block) + little(0))
                store(CRC32C.update(number, bytes(place, layout.blockSize)), place + 0x10)
            case .blockBitmap(let group): putRightBitmap(block, group, 0x18, layout.blocksPerGroup / 8, seed)
            case .inodeBitmap(let group): putRightBitmap(block, group, 0x1A, layout.inodesPerGroup / 8, seed)
            case .superblock, .descriptors, nil: break
            }
        }
        for block in blocks.keys where layout.parts[block] == .descriptors { putRightDescriptors(inBlock: block, seed) }
        if blocks.keys.contains(where: { layout.parts[$0] == .superblock }) {
            store(CRC32C.update(~0, bytes(1024, 0x3FC)), 1024 + 0x3FC)
        }
    }

    private func little(_ number: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) } }

    private func seed(ofInode inode: Int, _ seed: UInt32) -> UInt32 {
        CRC32C.update(CRC32C.update(seed, little(inode)), bytes(layout.place(ofInode: inode) + 0x64, 4))
    }

    private mutating func putRightInodes(inBlock block: Int, _ group: Int, _ seed: UInt32) {
        let first = group * layout.inodesPerGroup + 1
        let skipped = (block * layout.blockSize - layout.place(ofInode: first)) / layout.inodeSize
        for inode in first + skipped..<first + skipped + layout.blockSize / layout.inodeSize {
            let place = layout.place(ofInode: inode)
            let isLarge = layout.inodeSize > 128 && Ext4Layout.number(bytes(place + 0x80, 2), 0, 2) >= 4
            store(0, place + 0x7C, 2)
            if isLarge { store(0, place + 0x82, 2) }
            let sum = CRC32C.update(self.seed(ofInode: inode, seed), bytes(place, layout.inodeSize))
            store(sum, place + 0x7C, 2)
            if isLarge { store(sum >> 16, place + 0x82, 2) }
        }
    }

    private mutating func putRightFolder(_ block: Int, _ inode: Int, _ seed: UInt32) {
        let (place, size) = (block * layout.blockSize, layout.blockSize)
        let own = self.seed(ofInode: inode, seed)
        if bytes(place + size - 12, 8) == [0, 0, 0, 0, 12, 0, 0, 0xDE] {
            store(CRC32C.update(own, bytes(place, size - 12)), place + size - 4)
            return
        }
        // The root of an index: how many entries it may have and has, and its checksum after the last that it may have.
        let (limit, count) = (
            Ext4Layout.number(bytes(place + 0x20, 2), 0, 2), Ext4Layout.number(bytes(place + 0x22, 2), 0, 2)
        )
        let tail = 0x20 + limit * 8
        guard tail + 8 <= size, count <= limit else { return }
        let sum = CRC32C.update(own, bytes(place, 0x20 + count * 8))
        store(CRC32C.update(sum, bytes(place + tail, 4) + [0, 0, 0, 0]), place + tail + 4)
    }

    private mutating func putRightExtents(_ block: Int, _ inode: Int, _ seed: UInt32) {
        let place = block * layout.blockSize
        let tail = 12 + 12 * Ext4Layout.number(bytes(place + 4, 2), 0, 2)
        guard tail + 4 <= layout.blockSize else { return }
        store(CRC32C.update(self.seed(ofInode: inode, seed), bytes(place, tail)), place + tail)
    }

    private mutating func putRightBitmap(_ block: Int, _ group: Int, _ field: Int, _ count: Int, _ seed: UInt32) {
        let sum = CRC32C.update(seed, bytes(block * layout.blockSize, count))
        store(sum, layout.descriptor(group) + field, 2)
        if layout.descriptorSize >= 64 { store(sum >> 16, layout.descriptor(group) + field + 0x20, 2) }
    }

    private mutating func putRightDescriptors(inBlock block: Int, _ seed: UInt32) {
        let first = (block - layout.firstDataBlock - 1) * layout.blockSize / layout.descriptorSize
        for group in first..<first + layout.blockSize / layout.descriptorSize {
            let place = layout.descriptor(group)
            store(0, place + 0x1E, 2)
            let sum = CRC32C.update(CRC32C.update(seed, little(group)), bytes(place, layout.descriptorSize))
            store(sum, place + 0x1E, 2)
        }
    }
}

/// CRC-32 with Castagnoli's polynomial, as ext4 takes it: bits reflected, nothing inverted at the end.
enum CRC32C {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { sum, _ in sum & 1 != 0 ? sum >> 1 ^ 0x82F6_3B78 : sum >> 1 }
    }

    static func update(_ sum: UInt32, _ bytes: some Sequence<UInt8>) -> UInt32 {
        bytes.reduce(sum) { $0 >> 8 ^ table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] }
    }
}
