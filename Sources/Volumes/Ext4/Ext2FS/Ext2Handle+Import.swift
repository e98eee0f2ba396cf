import Reports
import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// Bytes of a file that are in memory at a time.
    private static var pieceSize: Int { 1 << 20 }

    func addTree(
        _ tree: any TreeReader, at place: VolumePath, inode: Inode, parent: UInt32
    ) throws(VolumeError) {
        try loadBitmaps(at: place)
        var state = TreeImport(
            nextInode: superblock.firstInode, nextBlock: UInt64(superblock.firstDataBlock))
        guard let root = try tree.next(), root.path.isRoot, root.kind == .directory else {
            throw .notADirectory(place)
        }
        state.folders.append(.init(path: .root, inode: inode, parent: parent, metadata: root.metadata))
        state.folders[0].nanoseconds = root.nanoseconds
        while let entry = try tree.next() {
            while let folder = state.folders.last, !entry.path.isBelow(folder.path) { try leave(&state, at: place) }
            guard let folder = state.folders.last, folder.path == entry.path.parent,
                state.last.map({ $0 < entry.path }) ?? true
            else { throw .corrupt("\(entry.path) comes out of order in the tree for \(place)") }
            state.last = entry.path
            try add(entry, to: &state, at: place)
        }
        while !state.folders.isEmpty { try leave(&state, at: place) }
        for links in state.links.values.sorted(by: { $0.inode < $1.inode }) where links.count > 1 {
            var inode = try self.inode(links.inode, at: links.path)
            inode.links = links.count
            try write(inode, at: links.path)
        }
    }

    private func add(_ entry: TreeEntry, to state: inout TreeImport, at place: VolumePath) throws(VolumeError) {
        let name = Array((entry.path.name ?? "").utf8)
        guard name.count <= 255 else {
            throw .invalidName(entry.path.name ?? "", reason: "\(name.count) bytes are more than the 255 of a name")
        }
        let top = state.folders.count - 1
        let type = superblock.features.has(.fileTypes) ? fileType(of: entry.kind) : 0
        if let identity = entry.identity, var links = state.links[identity] {
            guard links.kind == entry.kind, links.count < 65000 else {
                throw .corrupt("\(entry.path): a file with \(links.count) names of several kinds")
            }
            links.count += 1
            state.links[identity] = links
            state.folders[top].entries.append(.init(name: name, inode: links.inode, type: type))
            return
        }
        let path = entry.path.below(place)
        let inode = try newInode(for: entry, in: &state, at: path)
        state.folders[top].entries.append(.init(name: name, inode: inode.number, type: type))
        if let identity = entry.identity {
            state.links[identity] = .init(inode: inode.number, kind: entry.kind, path: path)
        }
        switch entry.content {
        case .directory:
            state.folders[top].subfolders += 1
            let parent = state.folders[top].inode.number
            state.folders.append(.init(path: entry.path, inode: inode, parent: parent, metadata: entry.metadata))
            state.folders[top + 1].nanoseconds = entry.nanoseconds
        case .file(let content): try write(content, to: inode, metadata: entry.metadata, in: &state, at: path)
        case .symlink(let text):
            try write(text, to: inode, metadata: entry.metadata, in: &state, at: path)
        case .special:
            try write(inode, at: path)
            try setAttributes(of: inode, to: entry.metadata.extendedAttributes, replacing: [:], at: path)
        }
    }

    /// The next free inode, filled with what `entry` says; it is not written yet.
    private func newInode(
        for entry: TreeEntry, in state: inout TreeImport, at path: VolumePath
    ) throws(VolumeError) -> Inode {
        let number = try takeInode(from: &state.nextInode, isFolder: entry.kind == .directory, at: path)
        var inode = newInode(number, for: FileNode(content: .special(entry.kind), metadata: entry.metadata))
        inode.links = entry.kind == .directory ? 2 : 1
        guard inode.canStore(entry.metadata.modified) else {
            throw .notStorable(path, what: "the time \(entry.metadata.modified) s since 1970")
        }
        inode.setTime(.modification, entry.metadata.modified, nanoseconds: entry.nanoseconds)
        if entry.kind == .characterDevice || entry.kind == .blockDevice {
            guard let device = entry.metadata.device, device.isStorable else {
                throw .notStorable(path, what: "a device whose number is not known")
            }
            inode.device = device
        }
        _ = try checkAttributes(entry.metadata.extendedAttributes, extraSize: inode.u16(0x80), at: path)
        return inode
    }

    private func takeInode(
        from next: inout UInt32, isFolder: Bool, at path: VolumePath
    ) throws(VolumeError) -> UInt32 {
        var number: ext2_ino_t = 0
        let end = superblock.inodeCount
        guard next <= end,
            ext2fs_find_first_zero_inode_bitmap2(fs.pointee.inode_map, next, end, &number) == 0
        else { throw .noSpace(path) }
        markChanged()
        ext2fs_inode_alloc_stats2(fs, number, 1, isFolder ? 1 : 0)
        try check(0, at: path, "inode_alloc_stats")
        next = number + 1
        return number
    }

    private func write(
        _ content: any FileContent, to inode: Inode, metadata: FileNode.Metadata, in state: inout TreeImport,
        at path: VolumePath
    ) throws(VolumeError) {
        var inode = inode
        let size = content.byteCount
        guard size >= 0, superblock.features.has(.largeFiles) || size <= Int64(Int32.max),
            UInt64(size) / UInt64(superblock.blockSize) < UInt64(UInt32.max)
        else { throw .fileTooLarge(path, byteCount: size, limit: Int64(Int32.max)) }
        inode.size = UInt64(size)
        let runs = try place(try blockRanges(of: content), in: &inode, next: &state.nextBlock, at: path)
        try write(inode, at: path)
        for run in runs { try copy(content, into: run, at: path) }
        try setAttributes(of: inode, to: metadata.extendedAttributes, replacing: [:], at: path)
    }

    private func write(
        _ text: String, to inode: Inode, metadata: FileNode.Metadata, in state: inout TreeImport, at path: VolumePath
    ) throws(VolumeError) {
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty, !bytes.contains(0), bytes.count < min(superblock.blockSize, 4096) else {
            throw .notStorable(path, what: "a link's text of \(bytes.count) bytes")
        }
        guard bytes.count < 60 else {
            return try write(BytesContent(bytes), to: inode, metadata: metadata, in: &state, at: path)
        }
        var inode = inode
        inode.size = UInt64(bytes.count)
        inode.map = bytes
        try write(inode, at: path)
        try setAttributes(of: inode, to: metadata.extendedAttributes, replacing: [:], at: path)
    }

    /// The blocks of the file that hold data, as ranges of their numbers in it.
    private func blockRanges(of content: any FileContent) throws(VolumeError) -> [Range<UInt64>] {
        let size = Int64(superblock.blockSize)
        var ranges: [Range<UInt64>] = []
        for data in try content.dataRanges() {
            let range = UInt64(data.lowerBound / size)..<UInt64((data.upperBound + size - 1) / size)
            if let last = ranges.last, last.upperBound >= range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, range.upperBound)
            } else {
                ranges.append(range)
            }
        }
        return ranges
    }

    /// Writes the bytes of a run's blocks, the rest of the file's last block as zeros.
    func copy(_ content: any FileContent, into run: InodeBlockMap.Run, at path: VolumePath) throws(VolumeError) {
        let size = superblock.blockSize
        let step = UInt64(Self.pieceSize / size)
        var done: UInt64 = 0
        if let content = content as? ReaderContent {
            let start = Int64(run.logical) * Int64(size)
            let whole = min(run.count, UInt64(max(0, content.byteCount - start)) / UInt64(size))
            markChanged()
            let code = session.place(
                content.reader, from: start, count: Int64(whole) * Int64(size), at: Int64(run.physical) * Int64(size))
            try check(code, at: path, "write")
            done = whole
        }
        while done < run.count {
            if Interruption.isRequested { throw .cancelled }
            let count = Int(min(step, run.count - done)) * size
            let offset = Int64(run.logical + done) * Int64(size)
            let wanted = Int(min(Int64(count), content.byteCount - offset))
            guard wanted > 0 else { throw .corrupt("\(path): data behind the file's end") }
            var bytes = try content.bytes(at: offset, count: wanted)
            if wanted < count { bytes += [UInt8](repeating: 0, count: count - wanted) }
            try writeBlocks(run.physical + done, bytes[...], at: path)
            done += UInt64(count / size)
        }
    }

    /// Writes the innermost folder, whose entries are all there.
    private func leave(_ state: inout TreeImport, at place: VolumePath) throws(VolumeError) {
        guard let folder = state.folders.popLast() else { return }
        let path = folder.path.below(place)
        var inode = folder.inode
        if folder.path.isRoot {
            // The folder was there: its one block is given back, and its attributes are replaced.
            if hasMap(inode) { try freeBlocks(of: &inode, from: 0, at: path) }
            inode.mode = Inode.typeBits(.directory) | folder.metadata.mode
            inode.owner = folder.metadata.owner
            inode.group = folder.metadata.group
            inode.setTime(.modification, folder.metadata.modified, nanoseconds: folder.nanoseconds)
            inode.setTime(.change, now)
        }
        guard folder.subfolders < 64998 || superblock.features.has(.manySubfolders) else { throw .noSpace(path) }
        inode.links = folder.subfolders < 64998 ? UInt16(2 + folder.subfolders) : 1
        let blocks = folderBlocks(of: folder)
        inode.size = UInt64(blocks.blocks.count * superblock.blockSize)
        inode.flags &= ~Inode.Flag.hashedDirectory
        if blocks.isHashed { inode.flags |= Inode.Flag.hashedDirectory }
        let runs = try self.place([0..<UInt64(blocks.blocks.count)], in: &inode, next: &state.nextBlock, at: path)
        // A block's checksum is made with what the inode says, so that is written first.
        try write(inode, at: path)
        for run in runs {
            for index in 0..<run.count {
                try writeFolderBlock(
                    run.physical + index, blocks.blocks[Int(run.logical + index)], of: inode.number, at: path)
            }
        }
        let old = folder.path.isRoot ? try attributes(of: inode, at: path) : [:]
        try setAttributes(of: inode, to: folder.metadata.extendedAttributes, replacing: old, at: path)
    }

    private func folderBlocks(of folder: TreeImport.Folder) -> FolderBlocks {
        let version = fs.pointee.super.pointee.s_def_hash_version
        let isUnsigned = fs.pointee.super.pointee.s_flags & UInt32(EXT2_FLAGS_UNSIGNED_HASH) != 0
        let format = FolderBlocks.Format(
            blockSize: superblock.blockSize, hasChecksums: superblock.features.has(.metadataChecksum),
            hashVersion: version, folderType: superblock.features.has(.fileTypes) ? fileType(of: .directory) : 0)
        // Three ways to hash are known: legacy, half MD4 and TEA, each for signed and unsigned characters.
        let isKnown = superblock.features.has(.hashedDirectories) && version <= 2
        var seed = fs.pointee.super.pointee.s_hash_seed
        let hash: (FolderBlocks.Entry) -> FolderBlocks.Hash = { entry in
            var major: ext2_dirhash_t = 0
            var minor: ext2_dirhash_t = 0
            let name = entry.name.map { CChar(bitPattern: $0) } + [0]
            withUnsafeMutableBytes(of: &seed) { seed in
                _ = ext2fs_dirhash(
                    CInt(version) + (isUnsigned ? 3 : 0), name, CInt(entry.name.count),
                    seed.baseAddress?.assumingMemoryBound(to: UInt32.self), &major, &minor)
            }
            return .init(major: major, minor: minor)
        }
        return FolderBlocks(
            folder.entries, own: folder.inode.number, parent: folder.parent, format: format, hash: isKnown ? hash : nil)
    }
}
