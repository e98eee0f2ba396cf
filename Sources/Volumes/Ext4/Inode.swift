import Trees

/// An inode as its bytes on disk: fields are decoded when asked for, and what is not asked for stays as it was.
///
/// 128 bytes, then `i_extra_isize` more, then extended attributes (kernel: fs/ext4/ext4.h, `struct ext4_inode`):
///
/// ```
///       0x0         0x4         0x8         0xC
/// 0x00  mode uidLo  sizeLo      atime       ctime
/// 0x10  mtime       dtime       gidLo links blocksLo
/// 0x20  flags       version     block map: 60 bytes, or 12 of header and 4 extents, or a link's text
/// 0x60  ..map       generation  xattr blkLo sizeHi
/// 0x70  (fragment)  blkHi xbHi  uidHi gidHi csumLo (0x7C)
/// 0x80  extra csHi  ctime+      mtime+      atime+
/// 0x90  crtime      crtime+     version hi  project
/// ```
struct Inode: Equatable {
    let number: UInt32
    var bytes: [UInt8]

    /// Flags that a file keeps when it moves to another inode: those that chattr sets (EXT4_FL_USER_MODIFIABLE without
    /// the extents and project bits).
    static let userFlags: UInt32 = 0x0203_C0FF

    enum Flag {
        static let hashedDirectory: UInt32 = 0x1000
        static let extents: UInt32 = 0x80000
        /// Kinds of content that are refused: compressed clusters, encrypted, verity, value of an attribute,
        /// inline data, casefolded.
        static let refused: [(bit: UInt32, name: String)] = [
            (0x200, "compression"), (0x800, "encrypt"), (0x10_0000, "verity"), (0x20_0000, "ea_inode"),
            (0x1000_0000, "inline_data"), (0x4000_0000, "casefold"),
        ]
    }

    init(number: UInt32, bytes: [UInt8]) {
        self.number = number
        self.bytes = bytes
    }

    /// An inode never used, of `size` bytes, made at `now`.
    init(number: UInt32, size: Int, extraSize: UInt16, now: Int64) {
        self.init(number: number, bytes: [UInt8](repeating: 0, count: size))
        if size > 128 { set16(0x80, extraSize) }
        setTime(.change, now)
        setTime(.access, now)
        setTime(.creation, now)
        setTime(.modification, now)
    }

    var mode: UInt16 {
        get { u16(0) }
        set { set16(0, newValue) }
    }
    var owner: UInt32 {
        get { UInt32(u16(0x02)) | UInt32(u16(0x78)) << 16 }
        set {
            set16(0x02, UInt16(truncatingIfNeeded: newValue))
            set16(0x78, UInt16(truncatingIfNeeded: newValue >> 16))
        }
    }
    var group: UInt32 {
        get { UInt32(u16(0x18)) | UInt32(u16(0x7A)) << 16 }
        set {
            set16(0x18, UInt16(truncatingIfNeeded: newValue))
            set16(0x7A, UInt16(truncatingIfNeeded: newValue >> 16))
        }
    }
    /// Bytes of content. The high half is another field for anything but files and folders.
    var size: UInt64 {
        get { UInt64(u32(0x04)) | (kind == .file || kind == .directory ? UInt64(u32(0x6C)) << 32 : 0) }
        set {
            set32(0x04, UInt32(truncatingIfNeeded: newValue))
            if kind == .file || kind == .directory { set32(0x6C, UInt32(truncatingIfNeeded: newValue >> 32)) }
        }
    }
    var links: UInt16 {
        get { u16(0x1A) }
        set { set16(0x1A, newValue) }
    }
    var flags: UInt32 {
        get { u32(0x20) }
        set { set32(0x20, newValue) }
    }
    /// Seconds since 1970 when it was deleted; a file in use has 0.
    var deletionTime: UInt32 {
        get { u32(0x14) }
        set { set32(0x14, newValue) }
    }
    /// Allocated, in units of 512 bytes (or of blocks for a huge file), extended attributes and map included.
    var allocatedUnits: UInt64 { UInt64(u32(0x1C)) | UInt64(u16(0x74)) << 32 }
    var attributeBlock: UInt64 { UInt64(u32(0x68)) | UInt64(u16(0x76)) << 32 }
    var usesExtents: Bool { flags & Flag.extents != 0 }

    /// The 60 bytes that hold the block map or a short link's text.
    var map: [UInt8] {
        get { Array(bytes[0x28..<0x64]) }
        set {
            for (index, byte) in newValue.prefix(60).enumerated() { bytes[0x28 + index] = byte }
        }
    }

    /// What a device's inode says: in its first word as 8 and 8 bits, or in the second as 12 and 20 (kernel:
    /// fs/ext4/inode.c, ext4_do_update_inode; include/linux/kdev_t.h).
    var device: FileNode.DeviceNumber? {
        get {
            guard kind == .characterDevice || kind == .blockDevice else { return nil }
            let old = u32(0x28)
            let new = u32(0x2C)
            if old != 0 { return FileNode.DeviceNumber(major: old >> 8 & 0xFF, minor: old & 0xFF) }
            return FileNode.DeviceNumber(major: new >> 8 & 0xFFF, minor: new & 0xFF | new >> 12 & 0xFFF00)
        }
        set {
            guard let number = newValue else { return }
            map = [UInt8](repeating: 0, count: 60)
            if number.major < 256, number.minor < 256 {
                set32(0x28, number.major << 8 | number.minor)
            } else {
                set32(0x2C, number.minor & 0xFF | number.major << 8 | (number.minor & 0xFFF00) << 12)
            }
        }
    }
    /// Whether extended attributes follow the fields (kernel: fs/ext4/xattr.h, EXT4_XATTR_MAGIC).
    var hasInlineAttributes: Bool {
        let start = 128 + Int(u16(0x80))
        return bytes.count > 132 && start + 4 <= bytes.count && u32(start) == 0xEA02_0000
    }

    /// Nil for a type that does not exist (`S_IFMT`, include/uapi/linux/stat.h).
    var kind: FileNode.Kind? {
        switch mode >> 12 {
        case 0o01: .fifo
        case 0o02: .characterDevice
        case 0o04: .directory
        case 0o06: .blockDevice
        case 0o10: .file
        case 0o12: .symlink
        case 0o14: .socket
        default: nil
        }
    }

    static func typeBits(_ kind: FileNode.Kind) -> UInt16 {
        switch kind {
        case .fifo: 0o010000
        case .characterDevice: 0o020000
        case .directory: 0o040000
        case .blockDevice: 0o060000
        case .file: 0o100000
        case .symlink: 0o120000
        case .socket: 0o140000
        }
    }

    func u16(_ offset: Int) -> UInt16 { LittleEndianFields(bytes).u16(offset) }
    func u32(_ offset: Int) -> UInt32 { LittleEndianFields(bytes).u32(offset) }

    mutating func set16(_ offset: Int, _ value: UInt16) {
        guard offset + 2 <= bytes.count else { return }
        bytes[offset] = UInt8(truncatingIfNeeded: value)
        bytes[offset + 1] = UInt8(truncatingIfNeeded: value >> 8)
    }

    mutating func set32(_ offset: Int, _ value: UInt32) {
        set16(offset, UInt16(truncatingIfNeeded: value))
        set16(offset + 2, UInt16(truncatingIfNeeded: value >> 16))
    }
}

extension Inode {
    /// One of the four times: where its 32 bits of seconds and its 32 extra bits (epoch and nanoseconds) are.
    enum Time {
        case access, change, modification, creation

        var seconds: Int {
            switch self {
            case .access: 0x08
            case .change: 0x0C
            case .modification: 0x10
            case .creation: 0x90
            }
        }
        var extra: Int {
            switch self {
            case .change: 0x84
            case .modification: 0x88
            case .access: 0x8C
            case .creation: 0x94
            }
        }
    }

    /// Seconds since 1970: signed 32 bits, plus 2^32 for each of the epoch bits' counts (kernel: fs/ext4/ext4.h,
    /// `ext4_decode_extra_time`).
    func time(_ time: Time) -> Int64 {
        let low = Int64(Int32(bitPattern: u32(time.seconds)))
        return hasExtra(time) ? low + Int64(u32(time.extra) & 3) << 32 : low
    }

    /// 0..<1_000_000_000 beside the seconds; 0 where an inode has no room for them or holds an impossible number.
    func nanoseconds(_ time: Time) -> UInt32 {
        guard hasExtra(time) else { return 0 }
        let count = u32(time.extra) >> 2
        return count < 1_000_000_000 ? count : 0
    }

    /// Whether `seconds` can be stored: 1901...2038, or to 2446 with extra bits.
    func canStore(_ seconds: Int64) -> Bool {
        let limit: Int64 = hasExtra(.modification) ? 0x3_7FFF_FFFF : 0x7FFF_FFFF
        return seconds >= Int64(Int32.min) && seconds <= limit
    }

    /// Sets a time; where nanoseconds (below 1_000_000_000) have no place, they are dropped.
    mutating func setTime(_ time: Time, _ seconds: Int64, nanoseconds: UInt32 = 0) {
        guard time != .creation || hasExtra(.creation) else { return }
        set32(time.seconds, UInt32(truncatingIfNeeded: seconds))
        guard hasExtra(time) else { return }
        let low = Int64(Int32(truncatingIfNeeded: seconds))
        let parts = nanoseconds < 1_000_000_000 ? nanoseconds : 0
        set32(time.extra, UInt32(truncatingIfNeeded: (seconds &- low) >> 32) & 3 | parts << 2)
    }

    private func hasExtra(_ time: Time) -> Bool {
        bytes.count >= time.extra + 4 && Int(u16(0x80)) + 128 >= time.extra + 4
    }
}
