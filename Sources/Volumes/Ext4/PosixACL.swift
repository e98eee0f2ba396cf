import Bases
import Trees

/// A POSIX access control list in its two forms.
///
/// ```
/// as an attribute (include/uapi/linux/posix_acl_xattr.h): version 2 u32, entries of tag u16, permissions u16, id u32
/// on disk (fs/ext4/acl.h):                                version 1 u32, entries the same, the id only where it means
///                                                         something: named users (tag 2) and groups (tag 8)
/// ```
struct PosixACL: Equatable {
    struct Entry: Equatable {
        let tag: UInt16
        let permissions: UInt16
        /// All ones where the tag needs none.
        let id: UInt32
    }

    let entries: [Entry]

    static let names: Set<String> = ["system.posix_acl_access", "system.posix_acl_default"]

    /// Nil unless `bytes` are such a list exactly.
    init?(onDisk bytes: [UInt8]) {
        let field = LittleEndianFields(bytes)
        guard bytes.count >= 4, field.u32(0) == 1 else { return nil }
        var entries: [Entry] = []
        var offset = 4
        while offset < bytes.count {
            let tag = field.u16(offset)
            guard let hasID = Self.hasID(tag), bytes.count - offset >= (hasID ? 8 : 4) else { return nil }
            entries.append(
                Entry(tag: tag, permissions: field.u16(offset + 2), id: hasID ? field.u32(offset + 4) : .max))
            offset += hasID ? 8 : 4
        }
        self.entries = entries
    }

    /// Nil unless `bytes` are such a list exactly.
    init?(attribute bytes: [UInt8]) {
        let field = LittleEndianFields(bytes)
        guard bytes.count >= 4, bytes.count % 8 == 4, field.u32(0) == 2 else { return nil }
        var entries: [Entry] = []
        for offset in stride(from: 4, to: bytes.count, by: 8) {
            guard let hasID = Self.hasID(field.u16(offset)) else { return nil }
            entries.append(
                Entry(
                    tag: field.u16(offset), permissions: field.u16(offset + 2),
                    id: hasID ? field.u32(offset + 4) : .max))
        }
        self.entries = entries
    }

    /// In the kernel's order: by tag, and by id where that means something; nil for an entry whose user has no number.
    init?(_ list: [TreeArchiveMember.AccessEntry]) {
        var entries: [Entry] = []
        for entry in list {
            guard let hasID = Self.hasID(entry.tag) else { return nil }
            var id = UInt32.max
            if hasID {
                guard let known = entry.id.flatMap({ UInt32(exactly: $0) }) else { return nil }
                id = known
            }
            entries.append(Entry(tag: entry.tag, permissions: entry.permissions, id: id))
        }
        self.entries = entries.sorted { ($0.tag, $0.id) < ($1.tag, $1.id) }
    }

    /// What the list gives at most to all but the owner and others: it stands in a mode's place for the group.
    var mask: UInt16? { entries.first { $0.tag == 0x10 }?.permissions }

    var onDisk: [UInt8] {
        entries.reduce(into: Self.bytes(1 as UInt32)) { bytes, entry in
            bytes += Self.bytes(entry.tag) + Self.bytes(entry.permissions)
            if Self.hasID(entry.tag) == true { bytes += Self.bytes(entry.id) }
        }
    }

    var asAttribute: [UInt8] {
        entries.reduce(into: Self.bytes(2 as UInt32)) { bytes, entry in
            bytes += Self.bytes(entry.tag) + Self.bytes(entry.permissions) + Self.bytes(entry.id)
        }
    }

    /// Nil for a tag that does not exist.
    private static func hasID(_ tag: UInt16) -> Bool? {
        switch tag {
        case 0x01, 0x04, 0x10, 0x20: false
        case 0x02, 0x08: true
        default: nil
        }
    }

    private static func bytes<N: FixedWidthInteger>(_ number: N) -> [UInt8] {
        (0..<(N.bitWidth / 8)).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) }
    }
}

extension FileNode.Metadata {
    /// Sets the group's bits of the mode to the mask of the access list, as every file system shows them (acl(5)); an
    /// archive's reader shows the owning group's instead.
    mutating func takeMask() {
        guard let bytes = extendedAttributes["system.posix_acl_access"], let mask = PosixACL(attribute: bytes)?.mask
        else {
            return
        }
        mode = mode & ~0o070 | (mask & 7) << 3
    }
}
