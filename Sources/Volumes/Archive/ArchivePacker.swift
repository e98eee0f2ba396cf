package import Bases
package import Blocks
import Glibc
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
    private var entries: [VolumePath: ArchiveEntry] = [:]
    private var end: Int64 = 0
    private var nextIdentity: UInt64 = 1

    static let magic = Array("piforget".utf8)
    static let trailerByteCount = 32
    private static let grain: Int64 = 4096
    /// Names of one tree at most, and bytes of all files: more is no system for a small computer.
    private static let entryLimit = 2_000_000
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
        let path = try Self.place(member.name)
        guard entries.count < Self.entryLimit else { throw Self.refusal(member.name, "is one name too many") }
        try checkPlace(path, member)
        guard var entry = try entry(for: member, at: path) else { return }
        if member.kind == .file {
            let start = (end + Self.grain - 1) / Self.grain * Self.grain
            guard member.byteCount >= 0, member.byteCount <= Self.byteLimit - start else {
                throw Self.refusal(member.name, "has \(member.byteCount) bytes")
            }
            entry.bytes = start..<(start + member.byteCount)
            try write(entry.bytes, from: archive, name: member.name)
            end = entry.bytes.upperBound
        }
        entries[path] = entry
    }

    /// The place in the tree that a name means; throws for one that leads out of it.
    private static func place(_ name: [UInt8]) throws(BaseImageError) -> VolumePath {
        guard let text = String(validating: name, as: UTF8.self) else { throw refusal(name, "is not UTF-8") }
        guard !text.hasPrefix("/") else { throw refusal(name, "is absolute") }
        let parts = text.split(separator: "/").map(String.init).filter { $0 != "." }
        guard !parts.contains("..") else { throw refusal(name, "leads upwards") }
        guard let path = VolumePath(components: parts), parts.allSatisfy({ $0.utf8.count <= 255 }), name.count < 4096
        else { throw refusal(name, "is no path") }
        return path
    }

    /// Refuses what would lie below something that is no folder, and what would put something else over one.
    private mutating func checkPlace(_ path: VolumePath, _ member: TreeArchiveMember) throws(BaseImageError) {
        for folder in path.ancestors {
            if let above = entries[folder] {
                guard above.kind == .directory else {
                    throw Self.refusal(member.name, "lies below \(folder), which is no folder")
                }
            } else {
                entries[folder] = ArchiveEntry(
                    path: folder, kind: .directory, metadata: .init(mode: 0o755, modified: member.modified))
            }
        }
        let isFolder = member.kind == .directory
        if entries[path]?.kind == .directory || path.isRoot, !isFolder {
            throw Self.refusal(member.name, "takes the place of a folder")
        }
    }

    /// Nil for what no tree holds.
    private mutating func entry(
        for member: TreeArchiveMember, at path: VolumePath
    ) throws(BaseImageError) -> ArchiveEntry? {
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
        case .link: return try link(member, at: path)
        case .other: return nil
        }
        var entry = ArchiveEntry(
            path: path, kind: kind,
            metadata: .init(
                mode: member.mode & 0o7777, owner: owner, group: group, modified: member.modified,
                extendedAttributes: member.attributes))
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

    /// Another name of something that came before, and of nothing else.
    private mutating func link(_ member: TreeArchiveMember, at path: VolumePath) throws(BaseImageError) -> ArchiveEntry
    {
        let first = try Self.place(member.target)
        guard var entry = entries[first], entry.kind != .directory, first != path else {
            throw Self.refusal(member.name, "is a hard link to \(first), which the archive does not have before it")
        }
        if entry.identity == 0 {
            entry.identity = nextIdentity
            nextIdentity += 1
            entries[first] = entry
        }
        entry.path = path
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
            try wrapped { () throws(BlockError) in try file.write(bytes, at: range.lowerBound + offset) }
        }
    }

    private consuming func finish() throws(BaseImageError) {
        if entries[.root] == nil {
            entries[.root] = ArchiveEntry(path: .root, kind: .directory, metadata: .init(mode: 0o755, modified: 0))
        }
        var buffer: [UInt8] = []
        var position = end
        var newest: Int64 = 0
        for (_, entry) in entries.sorted(by: { $0.key < $1.key }) {
            entry.encode(to: &buffer)
            newest = max(newest, entry.metadata.modified + (entry.nanoseconds > 0 ? 1 : 0))
            if buffer.count >= 1 << 20 { try flush(&buffer, at: &position) }
        }
        buffer += Self.magic
        for number in [end, Int64(entries.count), newest] {
            for shift in stride(from: 0, to: 64, by: 8) { buffer.append(UInt8(truncatingIfNeeded: number >> shift)) }
        }
        try flush(&buffer, at: &position)
    }

    private func flush(_ buffer: inout [UInt8], at position: inout Int64) throws(BaseImageError) {
        let offset = position
        try wrapped { () throws(BlockError) in
            try buffer.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: offset) }
        }
        position += Int64(buffer.count)
        buffer = []
    }

    private func wrapped<Value>(_ body: () throws(BlockError) -> Value) throws(BaseImageError) -> Value {
        do { return try body() } catch { throw .block(error) }
    }

    /// `name` may hold anything, so it is shown only where it is plain.
    private static func refusal(_ name: [UInt8], _ reason: String) -> BaseImageError {
        let shown = String(decoding: name.prefix(200), as: UTF8.self)
        let isPlain = shown.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
        return .unsupported(found: "a tar archive whose member \(isPlain ? shown : "(unprintable)") \(reason)")
    }
}
