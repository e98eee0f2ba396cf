/// One entry of a tree that is read in order: everything except a file's bytes, which are read on request.
package struct TreeEntry {
    package var path: VolumePath
    package var content: Content
    package var metadata: FileNode.Metadata
    /// What `metadata.modified` lacks, 0..<1_000_000_000.
    package var nanoseconds: UInt32
    /// Entries of one tree with the same identity are names of one file (hard links); nil for a file with one name.
    package var identity: UInt64?

    package enum Content {
        case file(any FileContent)
        case directory
        /// The link's text, as stored.
        case symlink(String)
        /// A device; `metadata.device` says which.
        case special(FileNode.Kind)
    }

    package init(
        path: VolumePath, content: Content, metadata: FileNode.Metadata, nanoseconds: UInt32 = 0,
        identity: UInt64? = nil
    ) {
        self.path = path
        self.content = content
        self.metadata = metadata
        self.nanoseconds = nanoseconds
        self.identity = identity
    }

    /// An entry whose bytes are in memory.
    package init(path: VolumePath, _ node: FileNode) {
        let content: Content =
            switch node.content {
            case .file(let bytes): .file(BytesContent(bytes))
            case .stored(let file): .file(file.content ?? BytesContent([]))
            case .directory: .directory
            case .symlink(let text): .symlink(text)
            case .special(let kind): .special(kind)
            }
        self.init(path: path, content: content, metadata: node.metadata)
    }

    package var kind: FileNode.Kind {
        switch content {
        case .file: .file
        case .directory: .directory
        case .symlink: .symlink
        case .special(let kind): kind
        }
    }

    /// Bytes of a file; 0 for anything else.
    package var byteCount: Int64 {
        if case .file(let content) = content { content.byteCount } else { 0 }
    }
}

/// The bytes of one file, read in pieces; valid as long as the volume that it comes from is open and unchanged.
package protocol FileContent {
    /// Size in bytes, holes included.
    var byteCount: Int64 { get }

    /// The first range at or after `offset` that may hold bytes other than zero; nil when only zeros follow.
    func nextData(from offset: Int64) throws(VolumeError) -> Range<Int64>?

    /// Fills the whole `buffer` with the bytes from `offset` on, which must lie inside the file; holes read as zeros.
    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError)
}

extension FileContent {
    package func nextData(from offset: Int64) throws(VolumeError) -> Range<Int64>? {
        offset < byteCount ? max(0, offset)..<byteCount : nil
    }

    /// All ranges that may hold bytes other than zero, ascending and disjoint.
    package func dataRanges() throws(VolumeError) -> [Range<Int64>] {
        var ranges: [Range<Int64>] = []
        var offset: Int64 = 0
        while let range = try nextData(from: offset) {
            if let last = ranges.last, last.upperBound == range.lowerBound {
                ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
            } else {
                ranges.append(range)
            }
            offset = range.upperBound
        }
        return ranges
    }

    /// A copy of `count` bytes from `offset`, which lie inside the file.
    package func bytes(at offset: Int64, count: Int) throws(VolumeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        try read(into: &raw, at: offset)
        return bytes
    }
}

/// A file's bytes that are in memory.
package struct BytesContent: FileContent, Sendable {
    package let bytes: [UInt8]

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var byteCount: Int64 { Int64(bytes.count) }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError) {
        let count = buffer.byteCount
        guard let start = Int(exactly: offset), start >= 0, start <= bytes.count, count <= bytes.count - start else {
            throw .device("\(count) bytes at \(offset) of a file of \(bytes.count)")
        }
        buffer.withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[start..<(start + count)]))
            }
        }
    }
}
