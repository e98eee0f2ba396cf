import Blocks
import Synchronization
import Trees

@preconcurrency internal import CExt2FS

/// An open file system of libext2fs, and the only place that holds its pointer.
///
/// What libext2fs would take from the machine comes from here: the clock is `now`, there is no randomness (a new
/// inode's generation is 0), and no file is opened.
struct Ext2Handle: ~Copyable {
    let fs: ext2_filsys
    let session: BlockSession
    /// As it was when the file system was opened; counts in it go stale.
    let superblock: Superblock
    /// Seconds since 1970 for every time that a change sets.
    let now: Int64
    /// What the folders on the way to a path hold; every change empties it.
    let folders = FolderCache()

    /// Opens and checks; nothing is written until something is changed. `now` nil: to be read alone.
    static func open(_ device: any BlockDevice, now: Int64?) throws(VolumeError) -> Ext2Handle {
        let superblock = try Superblock(of: device)
        try superblock.checkState()
        try superblock.checkGeometry(deviceByteCount: device.byteCount)
        let session = BlockSession(device: device)
        var opened: ext2_filsys?
        let code = ext2fs_open2(
            OverlayIOManager.name(of: session), nil, (now == nil ? 0 : EXT2_FLAG_RW) | EXT2_FLAG_64BITS, 0, 0,
            OverlayIOManager.vtable, &opened)
        guard code == 0, let opened else {
            if let failure = session.takeFailure() { throw VolumeError(failure) }
            throw error(code, at: nil, of: "open")
        }
        let handle = Ext2Handle(opened, session: session, superblock: superblock, now: now ?? superblock.lastWriteTime)
        try handle.check(0, at: nil, "open")
        try handle.checkDescriptors()
        return handle
    }

    /// libext2fs takes 0 for "ask the clock" and stores 32 bits in the superblock, so `now` is kept within 1...2^32-1.
    private init(_ fs: ext2_filsys, session: BlockSession, superblock: Superblock, now: Int64) {
        self.fs = fs
        self.session = session
        self.superblock = superblock
        self.now = min(max(now, 1), Int64(UInt32.max))
        fs.pointee.now = time_t(self.now)
    }

    deinit { ext2fs_free(fs) }

    /// Writes the bitmaps, group descriptors and superblock if anything was changed, and ends the use.
    consuming func close() throws(VolumeError) {
        guard isChanged else { return }
        session.skipsUnchanged = true
        try check(ext2fs_flush(fs), at: nil, "flush")
    }

    var isChanged: Bool { fs.pointee.flags & EXT2_FLAG_DIRTY != 0 }

    /// From now on `close` writes; whoever changes anything calls it.
    func markChanged() {
        fs.pointee.flags |= EXT2_FLAG_DIRTY | EXT2_FLAG_CHANGED
        folders.forget()
    }

    /// Makes an error of the code that a function of libext2fs returned, or of the device's failure below it.
    func check(_ code: errcode_t, at path: VolumePath?, _ call: StaticString) throws(VolumeError) {
        if let failure = session.takeFailure() { throw VolumeError(failure) }
        guard code == 0 else { throw Self.error(code, at: path, of: call) }
    }

    /// Blocks and inodes that are free now.
    var freeBlocks: UInt64 { UInt64(ext2fs_free_blocks_count(fs.pointee.super)) }
    var freeInodes: UInt32 { fs.pointee.super.pointee.s_free_inodes_count }

    /// The first block of a group's inode table.
    func inodeTable(ofGroup group: UInt32) -> Int { Int(clamping: ext2fs_inode_table_loc(fs, group)) }

    private func checkDescriptors() throws(VolumeError) {
        let groups = fs.pointee.group_desc_count
        for group in 0..<groups where ext2fs_group_desc_csum_verify(fs, group) == 0 {
            throw .corrupt("the checksum of group descriptor \(group) is wrong")
        }
        try check(ext2fs_check_desc(fs), at: nil, "check_desc")
        for group in 0..<groups {
            let unused = UInt32(ext2fs_bg_itable_unused(fs, group))
            guard unused <= superblock.inodesPerGroup else {
                throw .corrupt("group \(group) has \(unused) of \(superblock.inodesPerGroup) inodes unused")
            }
        }
    }

    private static func error(_ code: errcode_t, at path: VolumePath?, of call: StaticString) -> VolumeError {
        let path = path ?? .root
        switch code {
        case errcode_t(EXT2_ET_BLOCK_ALLOC_FAIL), errcode_t(EXT2_ET_INODE_ALLOC_FAIL), errcode_t(EXT2_ET_DIR_NO_SPACE),
            errcode_t(EXT2_ET_EA_NO_SPACE), 28:  // ENOSPC
            return .noSpace(path)
        case errcode_t(EXT2_ET_NO_MEMORY), 12:  // ENOMEM
            return .device("out of memory")
        default:
            return .corrupt("\(path): \(message(code)) (libext2fs, \(call))")
        }
    }

    /// The library's words for a code. `error_message` builds unknown ones in a static buffer, hence the lock.
    private static func message(_ code: errcode_t) -> String {
        messages.withLock { isReady in
            if !isReady { initialize_ext2_error_table() }
            isReady = true
            return error_message(code).map { String(cString: $0) } ?? "error \(code)"
        }
    }

    private static let messages = Mutex(false)
}
