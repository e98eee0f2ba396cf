/// Where the parts of a healthy ext4 file system lie, and which bytes its checksums cover.
///
/// It follows the kernel's fs/ext4/ext4.h by rules of its own, and trusts the file system: mke2fs made it.
struct Ext4Layout {
    enum Part: Hashable {
        case superblock
        case descriptors
        case blockBitmap(group: Int)
        case inodeBitmap(group: Int)
        case inodeTable(group: Int)
        /// A block of a folder, with the inode that it belongs to.
        case folder(inode: Int)
        case extents(inode: Int)
        case attributes(inode: Int)
    }

    let bytes: [UInt8]
    let blockSize: Int
    let inodeSize: Int
    let inodesPerGroup: Int
    let blocksPerGroup: Int
    let descriptorSize: Int
    let firstDataBlock: Int
    /// By the number of the block.
    private(set) var parts: [Int: Part] = [:]
    /// Bytes that are worth a change: superblock, descriptors, bitmaps, used inodes, and what belongs to these.
    private(set) var zones: [Int] = [1024]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        let field = { (offset: Int, count: Int) in Self.number(bytes, 1024 + offset, count) }
        blockSize = 1024 << field(0x18, 4)
        inodeSize = field(0x58, 2)
        inodesPerGroup = field(0x28, 4)
        blocksPerGroup = field(0x20, 4)
        firstDataBlock = field(0x14, 4)
        descriptorSize = field(0x60, 4) & 0x80 != 0 ? field(0xFE, 2) : 32
        let groups = (field(0x04, 4) - firstDataBlock + blocksPerGroup - 1) / blocksPerGroup
        parts[1024 / blockSize] = .superblock
        for index in 0..<(groups * descriptorSize + blockSize - 1) / blockSize {
            parts[firstDataBlock + 1 + index] = .descriptors
        }
        for group in 0..<groups {
            zones.append(descriptor(group))
            parts[number(ofDescriptor: group, 0x00)] = .blockBitmap(group: group)
            parts[number(ofDescriptor: group, 0x04)] = .inodeBitmap(group: group)
            zones += [0x00, 0x04].map { number(ofDescriptor: group, $0) * blockSize }
            let table = number(ofDescriptor: group, 0x08)
            for index in 0..<inodesPerGroup * inodeSize / blockSize { parts[table + index] = .inodeTable(group: group) }
        }
        for inode in 1...groups * inodesPerGroup { addInode(inode) }
    }

    static func number(_ bytes: some Collection<UInt8>, _ offset: Int, _ count: Int) -> Int {
        let start = bytes.index(bytes.startIndex, offsetBy: offset)
        return bytes[start..<bytes.index(start, offsetBy: count)].reversed().reduce(0) { $0 << 8 | Int($1) }
    }

    func descriptor(_ group: Int) -> Int { (firstDataBlock + 1) * blockSize + group * descriptorSize }

    private func number(ofDescriptor group: Int, _ offset: Int) -> Int {
        Self.number(bytes, descriptor(group) + offset, 4)
    }

    /// Where an inode begins, in bytes.
    func place(ofInode inode: Int) -> Int {
        let (group, index) = ((inode - 1) / inodesPerGroup, (inode - 1) % inodesPerGroup)
        return number(ofDescriptor: group, 0x08) * blockSize + index * inodeSize
    }

    private mutating func addInode(_ inode: Int) {
        let place = place(ofInode: inode)
        let (mode, flags) = (Self.number(bytes, place, 2), Self.number(bytes, place + 0x20, 4))
        guard mode != 0 || inode == 7 || inode == 8, Self.number(bytes, place + 0x1A, 2) > 0 else { return }
        zones.append(place)
        let attributes = Self.number(bytes, place + 0x68, 4)
        if attributes != 0 {
            parts[attributes] = .attributes(inode: inode)
            zones.append(attributes * blockSize)
        }
        guard [0x4000, 0x8000].contains(mode & 0xF000), inode == 2 || inode > 10 else { return }
        if flags & 0x80000 != 0 {
            addExtents(at: place + 0x28, of: inode, isFolder: mode & 0xF000 == 0x4000)
        } else if mode & 0xF000 == 0x4000 {
            for index in 0..<12 { addFolderBlock(Self.number(bytes, place + 0x28 + index * 4, 4), of: inode) }
        }
    }

    private mutating func addExtents(at place: Int, of inode: Int, isFolder: Bool) {
        let (count, depth) = (Self.number(bytes, place + 2, 2), Self.number(bytes, place + 6, 2))
        for index in 0..<count {
            let entry = place + 12 + index * 12
            if depth > 0 {
                let block = Self.number(bytes, entry + 4, 4)
                parts[block] = .extents(inode: inode)
                zones.append(block * blockSize)
                addExtents(at: block * blockSize, of: inode, isFolder: isFolder)
            } else if isFolder {
                let (length, start) = (Self.number(bytes, entry + 4, 2), Self.number(bytes, entry + 8, 4))
                for block in start..<start + length { addFolderBlock(block, of: inode) }
            }
        }
    }

    private mutating func addFolderBlock(_ block: Int, of inode: Int) {
        guard block != 0 else { return }
        parts[block] = .folder(inode: inode)
        zones.append(block * blockSize)
    }
}
