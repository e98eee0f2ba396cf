package import Bases
package import Blocks
import Glibc
import Reports
import Trees

/// Rewrites a tar of a tree into the form that `ArchiveVolume` reads:
///
/// ```
///   | files' bytes, each from a multiple of 4 KiB on, holes left out | index | trailer 32 bytes |
///   trailer: "piforget", offset of the index i64, entries u64, newest time i64
/// ```
///
/// Nothing of the archive reaches this machine's own files: a name is a place in the tree, and one that leads out of it
/// is refused.
package struct ArchivePacker: ~Copyable {
    private let file: OpenFile
    private var tree = ArchiveTree()
    private var end: Int64 = 0
    private var nextIdentity: UInt64 = 1

    static let magic = Array("piforget".utf8)
    static let trailerByteCount = 32
    private static let grain: Int64 = 4096
    /// Bytes of all files at most: more is no system for a small computer.
    private static let byteLimit: Int64 = 1 << 40
    /// Seconds since 1970-01-01 UTC that ext4 stores: the years 1901 to 2446.
    private static let times = Int64(Int32.min)...0x3_7FFF_FFFF

    /// Packs all members into an empty file.
    package static func pack(
        _ archive: borrowing TreeArchiveReader, into file: OpenFile
    ) throws(BaseImageError) {
        var packer = ArchivePacker(file)
        while let member = try archive.next() {
            try packer.add(member, from: archive)
        }
        try packer.finish()
    }

    private init(_ file: OpenFile) { self.file = file }

    private mutating func add(
        _ member: TreeArchiveMember, from archive: borrowing TreeArchiveReader
    ) throws(BaseImageError) {
        let parts = try Self.parts(of: member.name)
        let parent = try folder(of: parts, for: member)
        let node = if let name = parts.last { tree.find(name, in: parent) } else { ArchiveTree.root as UInt32? }
        if let node, tree.isFolder(node), member.kind != .directory {
            throw Self.refusal(member.name, "takes the place of a folder")
        }
        guard var entry = try entry(for: member) else { return }
        entry.name = parts.last ?? ""
        if member.kind == .file {
            let start = (end + Self.grain - 1) / Self.grain * Self.grain
            guard member.byteCount >= 0, member.byteCount <= Self.byteLimit - start else {
                throw Self.refusal(member.name, "has \(member.byteCount) bytes")
            }
            entry.bytes = start..<(start + member.byteCount)
            try write(entry.bytes, from: archive, name: member.name)
            end = entry.bytes.upperBound
        }
        let isKept = if let node { tree.replace(node, by: entry) } else { tree.add(entry, in: parent) != nil }
        guard isKept else { throw Self.refusal(member.name, "is one name too many") }
    }

    /// The names on the way to the place in the tree that a member's name means; throws for one that leads out of it.
    private static func parts(of name: [UInt8]) throws(BaseImageError) -> [String] {
        guard let text = String(validating: name, as: UTF8.self) else { throw refusal(name, "is not UTF-8") }
        guard !text.utf8.starts(with: [0x2F]) else { throw refusal(name, "is absolute") }
        let parts = name.split(separator: 0x2F).map { String(decoding: $0, as: UTF8.self) }.filter { $0 != "." }
        guard !parts.contains("..") else { throw refusal(name, "leads upwards") }
        guard VolumePath(components: parts) != nil, parts.allSatisfy({ $0.utf8.count <= 255 }), name.count < 4096
        else { throw refusal(name, "is no path") }
        return parts
    }

    /// The folder that the last of `parts` is in, made with all above it where the archive has none; throws when
    /// something on the way is no folder.
    private mutating func folder(
        of parts: [String], for member: TreeArchiveMember
    ) throws(BaseImageError) -> UInt32 {
        var folder = ArchiveTree.root
        for (index, part) in parts.dropLast().enumerated() {
            if let found = tree.find(part, in: folder) {
                guard tree.isFolder(found) else {
                    let path = VolumePath(components: Array(parts[...index])) ?? .root
                    throw Self.refusal(member.name, "lies below \(path), which is no folder")
                }
                folder = found
                continue
            }
            var entry = ArchiveEntry(kind: .directory, metadata: .init(mode: 0o755, modified: member.modified))
            entry.name = part
            guard let made = tree.add(entry, in: folder) else {
                throw Self.refusal(member.name, "is one name too many")
            }
            folder = made
        }
        return folder
    }

    /// Nil for what no tree holds.
    private mutating func entry(for member: TreeArchiveMember) throws(BaseImageError) -> ArchiveEntry? {
        guard let owner = UInt32(exactly: member.owner), let group = UInt32(exactly: member.group) else {
            throw Self.refusal(member.name, "belongs to \(member.owner):\(member.group)")
        }
        guard Self.times.contains(member.modified) else {
            throw Self.refusal(member.name, "has the impossible time of \(member.modified) s since 1970")
        }
        let kind: FileNode.Kind
        switch member.kind {
        case .file: kind = .file
        case .directory: kind = .directory
        case .symlink: kind = .symlink
        case .characterDevice: kind = .characterDevice
        case .blockDevice: kind = .blockDevice
        case .fifo: kind = .fifo
        case .link: return try link(member)
        case .other: return nil
        }
        var entry = ArchiveEntry(
            kind: kind,
            metadata: .init(
                mode: member.mode & 0o7777, owner: owner, group: group, modified: member.modified,
                extendedAttributes: try Self.attributes(of: member)))
        entry.metadata.takeMask()
        entry.nanoseconds = member.nanoseconds < 1_000_000_000 ? member.nanoseconds : 0
        if kind == .symlink {
            guard let text = String(validating: member.target, as: UTF8.self), !text.isEmpty, text.utf8.count < 4096
            else { throw Self.refusal(member.name, "is a link to no path") }
            entry.text = text
        }
        if kind == .characterDevice || kind == .blockDevice {
            let number = FileNode.DeviceNumber(
                major: UInt32(clamping: member.major), minor: UInt32(clamping: member.minor))
            guard number.isStorable else {
                throw Self.refusal(member.name, "is device \(member.major):\(member.minor)")
            }
            entry.metadata.device = number
        }
        return entry
    }

    /// Extended attributes with the access lists among them; throws for what no Linux file system stores
    /// (include/uapi/linux/limits.h).
    private static func attributes(of member: TreeArchiveMember) throws(BaseImageError) -> [String: [UInt8]] {
        var attributes = member.attributes
        for (name, bytes) in attributes {
            guard name.utf8.count <= 255, bytes.count <= 65536 else {
                throw refusal(member.name, "has \(bytes.count) bytes of the attribute \(name.prefix(64))")
            }
        }
        for (name, isDefault) in [("system.posix_acl_access", false), ("system.posix_acl_default", true)] {
            let entries = member.accessList.filter { $0.isDefault == isDefault }
            guard !entries.isEmpty else { continue }
            guard let list = PosixACL(entries) else {
                throw refusal(member.name, "has an access list of unknown users")
            }
            attributes[name] = list.asAttribute
        }
        return attributes
    }

    /// Another name of something that came before, and of nothing else.
    private mutating func link(_ member: TreeArchiveMember) throws(BaseImageError) -> ArchiveEntry {
        let parts = try Self.parts(of: member.target)
        let name = VolumePath(components: parts) ?? .root
        var first: UInt32? = ArchiveTree.root
        for part in parts {
            guard let folder = first else { break }
            first = tree.find(part, in: folder)
        }
        guard let first, !tree.isFolder(first), parts != (try Self.parts(of: member.name)),
            var entry = tree.entry(first)
        else {
            throw Self.refusal(member.name, "is a hard link to \(name), which the archive does not have before it")
        }
        if entry.identity == 0 {
            entry.identity = nextIdentity
            nextIdentity += 1
            guard tree.replace(first, by: entry) else { throw Self.refusal(member.name, "is one name too many") }
        }
        return entry
    }

    private func write(
        _ range: Range<Int64>, from archive: borrowing TreeArchiveReader, name: [UInt8]
    ) throws(BaseImageError) {
        try archive.read { (bytes, offset) throws(BaseImageError) in
            guard offset >= 0, Int64(bytes.count) <= range.upperBound - range.lowerBound - offset else {
                throw Self.refusal(name, "has more bytes than it says")
            }
            guard bytes.contains(where: { $0 != 0 }) else { return }
            try wrapping(file.write(bytes, at: range.lowerBound + offset), as: BaseImageError.block)
        }
    }

    private consuming func finish() throws(BaseImageError) {
        var buffer: [UInt8] = []
        var position = end
        var newest: Int64 = 0
        try tree.forEach { (entry) throws(BaseImageError) in
            entry.encode(to: &buffer)
            newest = max(newest, entry.metadata.modified + (entry.nanoseconds > 0 ? 1 : 0))
            if buffer.count >= 1 << 20 { try flush(&buffer, at: &position) }
        }
        buffer += Self.magic
        for number in [end, Int64(tree.count), newest] {
            for shift in stride(from: 0, to: 64, by: 8) { buffer.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        try flush(&buffer, at: &position)
    }

    private func flush(_ buffer: inout [UInt8], at position: inout Int64) throws(BaseImageError) {
        let offset = position
        try wrapping(
            buffer.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: offset) },
            as: BaseImageError.block)
        position += Int64(buffer.count)
        buffer = []
    }

    /// `name` may hold anything, so it is shown only where it is plain.
    private static func refusal(_ name: [UInt8], _ reason: String) -> BaseImageError {
        let shown = String(decoding: name.prefix(200), as: UTF8.self)
        let isPlain = shown.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        return .unsupported(found: "a tar archive whose member \(isPlain ? shown : "(unprintable)") \(reason)")
    }
}
