import Glibc

/// One block of a folder, as a chain of entries that fills it (kernel: fs/ext4/ext4.h, `struct ext4_dir_entry_2`):
///
/// ```
/// 0x0  inode u32 (0: free space)   0x4  record length u16   0x6  name length u8   0x7  type u8   0x8  name
/// ```
///
/// The blocks of a hashed folder's index hide in such free space; so does the 12-byte checksum at a block's end.
struct DirectoryBlock: Equatable {
    struct Entry: Equatable {
        let inode: UInt32
        /// As stored: any bytes but `/` and NUL.
        let name: [UInt8]
        /// Where it is in the block, in bytes.
        let offset: Int

        var isSelfOrParent: Bool { name == [0x2E] || name == [0x2E, 0x2E] }
    }

    /// Those in use, `.` and `..` among them, in the order of the disk.
    let entries: [Entry]

    /// Nil when the records do not fill the block exactly or a name cannot be one.
    init?(_ bytes: [UInt8]) {
        let field = LittleEndianFields(bytes)
        var entries: [Entry] = []
        var offset = 0
        while offset < bytes.count {
            guard offset + 8 <= bytes.count else { return nil }
            let recordLength = Int(field.u16(offset + 4))
            let nameLength = Int(field.u8(offset + 6))
            guard recordLength >= 8, recordLength % 4 == 0, recordLength <= bytes.count - offset,
                nameLength + 8 <= recordLength
            else { return nil }
            let inode = field.u32(offset)
            if inode != 0 {
                let name = Array(bytes[(offset + 8)..<(offset + 8 + nameLength)])
                guard Self.isName(name) else { return nil }
                entries.append(Entry(inode: inode, name: name, offset: offset))
            }
            offset += recordLength
        }
        self.entries = entries
    }

    /// By memchr(3), as every entry of every folder on the way to a file is looked at.
    private static func isName(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { name in
            guard let start = name.baseAddress, !name.isEmpty else { return false }
            return memchr(start, 0, name.count) == nil && memchr(start, 0x2F, name.count) == nil
        }
    }
}
