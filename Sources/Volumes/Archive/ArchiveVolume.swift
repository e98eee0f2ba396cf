package import Blocks
import Reports
package import Trees

/// The tree of a tar archive, read at random from the form that `ArchivePacker` made of it. It cannot be edited:
/// `LayeredVolume` goes over it.
package final class ArchiveVolume: Volume {
    private let reader: FileReader
    private let entries: [VolumePath: ArchiveEntry]
    /// The names in each folder, sorted.
    private let names: [VolumePath: [String]]
    /// The newest time of any of it, in whole seconds since 1970-01-01 UTC, not earlier than it.
    package let newestTime: Int64
    /// Bytes of all files, holes included.
    package let byteCount: Int64

    /// The form's name in the cache: another form needs another one.
    package static let version = "1"

    /// Reads the index; throws `corrupt` when the file is not what `ArchivePacker` writes.
    package init(_ file: OpenFile) throws(VolumeError) {
        let (reader, index, header) = try Self.load(file)
        var input = ByteCursor(index)
        var entries: [VolumePath: ArchiveEntry] = [:]
        var names: [VolumePath: [String]] = [:]
        var byteCount: Int64 = 0
        while !input.isAtEnd {
            guard let entry = ArchiveEntry(from: &input, limit: header.indexOffset) else { throw Self.damage }
            if let name = entry.path.name { names[entry.path.parent, default: []].append(name) }
            if entry.kind == .file { byteCount += entry.bytes.upperBound - entry.bytes.lowerBound }
            guard entries.updateValue(entry, forKey: entry.path) == nil else { throw Self.damage }
        }
        guard entries.count == header.count, entries[.root]?.kind == .directory,
            names.keys.allSatisfy({ entries[$0]?.kind == .directory })
        else { throw Self.damage }
        self.reader = reader
        self.entries = entries
        self.names = names.mapValues { $0.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
        newestTime = header.newestTime
        self.byteCount = byteCount
    }

    private struct Header {
        var indexOffset: Int64
        var count: Int
        var newestTime: Int64
    }

    private static var damage: VolumeError { .corrupt("the unpacked archive in the cache is damaged") }

    private static func load(_ file: OpenFile) throws(VolumeError) -> (FileReader, index: [UInt8], Header) {
        do throws(BlockError) {
            let reader = try FileReader(file)
            let end = reader.byteCount - Int64(ArchivePacker.trailerByteCount)
            guard end >= 0 else { throw .outOfBounds(offset: 0, count: 0, size: reader.byteCount) }
            let bytes = try reader.bytes(at: end, count: ArchivePacker.trailerByteCount)
            var input = ByteCursor(Array(bytes.dropFirst(ArchivePacker.magic.count)))
            guard bytes.starts(with: ArchivePacker.magic), let offset = input.number(Int64.self),
                let count = input.number(Int64.self), let newest = input.number(Int64.self),
                (0...end).contains(offset), end - offset < 1 << 30, let count = Int(exactly: count)
            else { throw .outOfBounds(offset: end, count: 0, size: reader.byteCount) }
            let index = try reader.bytes(at: offset, count: Int(end - offset))
            return (reader, index, Header(indexOffset: offset, count: count, newestTime: newest))
        } catch {
            if case .outOfBounds = error { throw damage }
            throw VolumeError(error)
        }
    }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        guard let entry = try entry(at: path) else { return nil }
        let byteCount =
            switch entry.kind {
            case .file: entry.bytes.upperBound - entry.bytes.lowerBound
            case .symlink: Int64(entry.text.utf8.count)
            default: Int64(0)
            }
        return FileStatus(kind: entry.kind, byteCount: byteCount, metadata: entry.metadata)
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        guard let entry = try entry(at: path) else { return nil }
        let content: FileNode.Content
        switch entry.kind {
        case .file:
            let bytes = Content(reader: reader, range: entry.bytes)
            guard bytes.byteCount <= 1 << 30 else {
                throw .fileTooLarge(path, byteCount: bytes.byteCount, limit: 1 << 30)
            }
            content = .file(try bytes.bytes(at: 0, count: Int(bytes.byteCount)))
        case .directory: content = .directory
        case .symlink: content = .symlink(entry.text)
        case .characterDevice, .blockDevice, .fifo, .socket: content = .special(entry.kind)
        }
        return FileNode(content: content, metadata: entry.metadata)
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        guard let entry = try entry(at: directory) else { throw .notFound(directory) }
        guard entry.kind == .directory else { throw .notADirectory(directory) }
        return names[directory] ?? []
    }

    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) { throw Self.readOnly }
    package func remove(_ path: VolumePath) throws(VolumeError) { throw Self.readOnly }
    package func close() throws(VolumeError) {}

    private static var readOnly: VolumeError {
        .unsupported(feature: "changing an archive", remedy: "make a tree of it with piforge netboot")
    }

    private func entry(at path: VolumePath) throws(VolumeError) -> ArchiveEntry? {
        if let entry = entries[path] { return entry }
        for folder in path.ancestors {
            guard let above = entries[folder] else { return nil }
            guard above.kind == .directory else { throw .notADirectory(folder) }
        }
        return nil
    }

    /// A file's bytes where they lie in the cached form.
    private struct Content: FileContent {
        let reader: FileReader
        let range: Range<Int64>

        var byteCount: Int64 { range.upperBound - range.lowerBound }

        func nextData(from offset: Int64) throws(VolumeError) -> Range<Int64>? {
            guard offset < byteCount else { return nil }
            do throws(BlockError) {
                guard let found = try reader.nextData(from: range.lowerBound + max(0, offset)),
                    found.lowerBound < range.upperBound
                else { return nil }
                let start = found.lowerBound - range.lowerBound
                return start..<(min(found.upperBound, range.upperBound) - range.lowerBound)
            } catch {
                throw VolumeError(error)
            }
        }

        func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError) {
            let count = buffer.byteCount
            guard offset >= 0, Int64(count) <= byteCount, offset <= byteCount - Int64(count) else {
                throw .device("\(count) bytes at \(offset) of a file of \(byteCount)")
            }
            do throws(BlockError) {
                try reader.read(into: &buffer, at: range.lowerBound + offset)
            } catch {
                throw VolumeError(error)
            }
        }
    }
}

extension ArchiveVolume: TreeSource {
    package func treeReader() -> any TreeReader {
        Pass(entries.keys.sorted().map { [entries, reader] path in Self.treeEntry(entries[path], at: path, reader) })
    }

    private static func treeEntry(_ entry: ArchiveEntry?, at path: VolumePath, _ reader: FileReader) -> TreeEntry {
        guard let entry else { return TreeEntry(path: path, content: .directory, metadata: .init(mode: 0o755)) }
        let content: TreeEntry.Content =
            switch entry.kind {
            case .file: .file(Content(reader: reader, range: entry.bytes))
            case .directory: .directory
            case .symlink: .symlink(entry.text)
            case .characterDevice, .blockDevice, .fifo, .socket: .special(entry.kind)
            }
        return TreeEntry(
            path: path, content: content, metadata: entry.metadata, nanoseconds: entry.nanoseconds,
            identity: entry.identity == 0 ? nil : entry.identity)
    }

    private final class Pass: TreeReader {
        private var rest: ArraySlice<TreeEntry>

        init(_ entries: [TreeEntry]) { rest = entries[...] }

        func next() -> TreeEntry? { rest.popFirst() }
    }
}
