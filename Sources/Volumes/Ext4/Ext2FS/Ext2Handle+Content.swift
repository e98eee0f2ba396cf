import Trees

@preconcurrency internal import CExt2FS

extension Ext2Handle {
    /// More than this is not read into memory at once: a damaged or sparse inode may claim any size.
    static let contentLimit: Int64 = 1 << 30

    /// All bytes of a file or long link; holes and preallocated blocks read as zeros.
    func content(of inode: Inode, at path: VolumePath) throws(VolumeError) -> [UInt8] {
        guard inode.size <= UInt64(Self.contentLimit) else {
            throw .fileTooLarge(path, byteCount: Int64(clamping: inode.size), limit: Self.contentLimit)
        }
        let size = Int(inode.size)
        let blockSize = superblock.blockSize
        let blockCount = UInt64((size + blockSize - 1) / blockSize)
        var bytes = [UInt8](repeating: 0, count: Int(blockCount) * blockSize)
        for run in try map(of: inode, at: path).runs where run.isWritten && run.logical < blockCount {
            let start = Int(run.logical) * blockSize
            let count = Int(min(run.count, blockCount - run.logical)) * blockSize
            let offset = Int64(run.physical) * Int64(blockSize)
            let code = bytes.withUnsafeMutableBytes { buffer in
                session.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<(start + count)]), at: offset)
            }
            try check(code, at: path, "read")
        }
        bytes.removeLast(bytes.count - size)
        return bytes
    }

    /// Fills `buffer` with a file's bytes from `offset` on; what `runs`, ascending, do not cover are zeros.
    func read(
        _ runs: ArraySlice<InodeBlockMap.Run>, into buffer: UnsafeMutableRawBufferPointer, at offset: Int64,
        of path: VolumePath
    ) throws(VolumeError) {
        let blockSize = Int64(superblock.blockSize)
        let end = offset + Int64(buffer.count)
        var done = offset
        for run in runs {
            let start = max(offset, Int64(clamping: run.logical) * blockSize)
            let stop = min(end, Int64(clamping: run.end) * blockSize)
            guard start < stop else { break }
            Self.clear(buffer, Int(done - offset)..<Int(start - offset))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[Int(start - offset)..<Int(stop - offset)])
            let place = Int64(run.physical) * blockSize + start - Int64(run.logical) * blockSize
            try check(session.read(into: part, at: place), at: path, "read")
            done = stop
        }
        Self.clear(buffer, Int(done - offset)..<buffer.count)
    }

    private static func clear(_ buffer: UnsafeMutableRawBufferPointer, _ range: Range<Int>) {
        UnsafeMutableRawBufferPointer(rebasing: buffer[range]).initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// The text of a link, which is in the inode when it is shorter than 60 bytes.
    func linkText(of inode: Inode, at path: VolumePath) throws(VolumeError) -> String {
        let limit = superblock.blockSize
        guard inode.size < UInt64(limit) else {
            throw .corrupt("\(path): a link's text of \(inode.size) bytes")
        }
        let bytes = isShortLink(inode) ? Array(inode.map.prefix(Int(inode.size))) : try content(of: inode, at: path)
        guard !bytes.contains(0) else { throw .corrupt("\(path): a NUL in a link's text") }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalidName(
                String(decoding: bytes, as: UTF8.self), reason: "the text of the link \(path) is not UTF-8")
        }
        return text
    }

    /// As the kernel decides it (fs/ext4/inode.c, ext4_inode_is_fast_symlink), by size because that is clear of
    /// attributes' blocks.
    func isShortLink(_ inode: Inode) -> Bool { inode.kind == .symlink && inode.size < 60 && !inode.usesExtents }

    /// Whether the inode's 60 bytes are a map of blocks.
    func hasMap(_ inode: Inode) -> Bool {
        switch inode.kind {
        case .file, .directory: true
        case .symlink: !isShortLink(inode)
        default: false
        }
    }

    /// Blocks that `byteCount` bytes fill.
    func blockCount(of byteCount: Int64) -> UInt64 {
        let size = Int64(superblock.blockSize)
        return UInt64(byteCount / size + (byteCount % size == 0 ? 0 : 1))
    }

    /// Blocks for the map of a file of `count` blocks, however scattered these may be.
    ///
    /// Extent nodes may be left half full when they are split; indirect blocks are counted as if all three levels began.
    func mapBlocks(for count: UInt64) -> UInt64 {
        let size = UInt64(superblock.blockSize)
        if superblock.features.has(.extents) { return count <= 4 ? 0 : 2 + 2 * (count / ((size - 12) / 12) + 1) }
        return count <= 12 ? 0 : 4 + count / (size / 4) * 2
    }

    /// Makes `inode` hold `content`: keeps the blocks it can, frees or adds the others, writes them all.
    ///
    /// The caller has seen that there is space, and writes the inode afterwards. Blocks and map are on the device when
    /// this returns.
    func replaceContent(of inode: inout Inode, by content: any FileContent, at path: VolumePath) throws(VolumeError) {
        let wanted = blockCount(of: content.byteCount)
        let old = try map(of: inode, at: path)
        let kept = min(old.denseCount ?? 0, wanted)
        if old.mappedCount > kept { try freeBlocks(of: &inode, from: kept, at: path) }
        inode.size = UInt64(content.byteCount)
        try allocate(&inode, from: kept, count: wanted - kept, at: path)
        for run in try map(of: inode, at: path).runs { try copy(content, into: run, at: path) }
    }

    /// Adds `count` blocks after the last one, their bytes left as they are on the device.
    func allocate(_ inode: inout Inode, from first: UInt64, count: UInt64, at path: VolumePath) throws(VolumeError) {
        guard count > 0 else { return }
        markChanged()
        let number = inode.number
        let code = inode.withPointer { pointer, _ in
            ext2fs_fallocate(fs, EXT2_FALLOCATE_FORCE_INIT, number, pointer, ~0, first, count)
        }
        try check(code, at: path, "fallocate")
    }

    /// Frees all blocks from the `first` one of the file on, and the map's that are then not needed.
    func freeBlocks(of inode: inout Inode, from first: UInt64, at path: VolumePath) throws(VolumeError) {
        markChanged()
        let number = inode.number
        try check(
            inode.withPointer { pointer, _ in ext2fs_punch(fs, number, pointer, nil, first, ~0) }, at: path, "punch")
    }
}
