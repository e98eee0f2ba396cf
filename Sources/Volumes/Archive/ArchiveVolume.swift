package import Blocks
import Reports
package import Trees

/// The tree of a tar archive, read at random from the form that `ArchivePacker` made of it. It cannot be edited:
/// `LayeredVolume` goes over it.
package final class ArchiveVolume: ReadableVolume {
    private let reader: FileReader
    private let index: ArchiveIndex
    /// The newest time of any of it, in whole seconds since 1970-01-01 UTC, not earlier than it.
    package let newestTime: Int64
    /// Bytes of all files, holes included.
    package let byteCount: Int64

    /// The form's name in the cache: another form needs another one.
    package static let version = "2"

    /// Reads the index; throws `corrupt` when the file is not what `ArchivePacker` writes.
    package init(_ file: OpenFile) throws(VolumeError) {
        let (reader, index, header) = try Self.load(file)
        guard let index = ArchiveIndex(index, count: header.count, limit: header.indexOffset) else {
            throw Self.damage
        }
        self.reader = reader
        self.index = index
        newestTime = header.newestTime
        byteCount = index.byteCount
    }

    private struct Header {
        var indexOffset: Int64
        var count: Int
        var newestTime: Int64
    }

    fileprivate static var damage: VolumeError { .corrupt("the unpacked archive in the cache is damaged") }

    private static func load(_ file: OpenFile) throws(VolumeError) -> (FileReader, index: [UInt8], Header) {
        do throws(BlockError) {
            let reader = try FileReader(file)
            let end = reader.byteCount - Int64(ArchivePacker.trailerByteCount)
            guard end >= 0 else { throw .outOfBounds(offset: 0, count: 0, size: reader.byteCount) }
            let bytes = try reader.bytes(at: end, count: ArchivePacker.trailerByteCount)
            var input = ByteCursor(Array(bytes.dropFirst(ArchivePacker.magic.count)))
            guard bytes.starts(with: ArchivePacker.magic), let offset = input.number(Int64.self),
                let count = input.number(Int64.self), let newest = input.number(Int64.self),
                (0...end).contains(offset), end - offset <= Int64(ArchiveTree.byteLimit),
                let count = Int(exactly: count)
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

    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        guard let entry = try entry(at: path), entry.kind == .file else { return nil }
        return Content(reader: reader, range: entry.bytes)
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        guard let place = try place(of: directory) else { throw .notFound(directory) }
        guard index.isFolder(place) else { throw .notADirectory(directory) }
        return index.names(in: place)
    }

    private func entry(at path: VolumePath) throws(VolumeError) -> ArchiveEntry? {
        try place(of: path).flatMap { index.entry($0) }
    }

    /// Where a path's entry stands in the index; nil when nothing is there.
    private func place(of path: VolumePath) throws(VolumeError) -> Int? {
        var place = 0
        for (depth, name) in path.components.enumerated() {
            guard index.isFolder(place) else {
                throw .notADirectory(VolumePath(components: Array(path.components.prefix(depth))) ?? .root)
            }
            guard let found = index.find(name, in: place) else { return nil }
            place = found
        }
        return place
    }

    /// A file's bytes where they lie in the cached form.
    private struct Content: FileContent {
        let reader: FileReader
        let range: Range<Int64>

        var byteCount: Int64 { range.upperBound - range.lowerBound }

        func nextData(from offset: Int64) throws(VolumeError) -> Range<Int64>? {
            guard offset < byteCount else { return nil }
            return try wrapping(as: { VolumeError($0) }) { () throws(BlockError) in
                guard let found = try reader.nextData(from: range.lowerBound + max(0, offset)),
                    found.lowerBound < range.upperBound
                else { return nil }
                let start = found.lowerBound - range.lowerBound
                return start..<(min(found.upperBound, range.upperBound) - range.lowerBound)
            }
        }

        func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError) {
            let count = buffer.byteCount
            guard offset >= 0, Int64(count) <= byteCount, offset <= byteCount - Int64(count) else {
                throw .device("\(count) bytes at \(offset) of a file of \(byteCount)")
            }
            try wrapping(reader.read(into: &buffer, at: range.lowerBound + offset), as: { VolumeError($0) })
        }
    }
}

extension ArchiveVolume: TreeSource {
    package func treeReader() -> any TreeReader { Pass(index, reader) }

    private final class Pass: TreeReader {
        private let index: ArchiveIndex
        private let reader: FileReader
        private var position = 0
        /// The folders above the last entry, the innermost last, with their places in the index.
        private var folders: [(place: Int, path: VolumePath)] = []

        init(_ index: ArchiveIndex, _ reader: FileReader) {
            self.index = index
            self.reader = reader
        }

        func next() throws(VolumeError) -> TreeEntry? {
            guard position < index.count else { return nil }
            guard let entry = index.entry(position) else { throw ArchiveVolume.damage }
            while let last = folders.last, last.place != Int(entry.parent) { folders.removeLast() }
            let path = folders.last.map { $0.path.appending(entry.name) } ?? .root
            guard let path else { throw ArchiveVolume.damage }
            if entry.kind == .directory { folders.append((position, path)) }
            position += 1
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
    }
}
