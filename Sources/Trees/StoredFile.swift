/// A large file of the user's whose bytes stay where they are until a volume takes them.
package struct StoredFile: Sendable {
    /// Size in bytes.
    package let byteCount: Int64
    /// SHA-256 of the bytes, in hex digits; empty when nobody has read them all.
    package let sha256: String
    /// Nil of a file in a volume of which only the size is known.
    package let content: (any FileContent & Sendable)?

    package init(byteCount: Int64, sha256: String = "", content: (any FileContent & Sendable)? = nil) {
        self.byteCount = byteCount
        self.sha256 = sha256
        self.content = content
    }

    /// From this many bytes on a file of the user's is not held in memory.
    package static let leastByteCount: Int64 = 1 << 16
    /// Bytes that are read at a time.
    package static let pieceSize: Int64 = 1 << 20

    /// Whether another file has the same bytes; reads both until they differ.
    package func holds(_ other: any FileContent) throws(VolumeError) -> Bool {
        guard let content, other.byteCount == byteCount else { return false }
        var offset: Int64 = 0
        while offset < byteCount {
            let count = Int(min(Self.pieceSize, byteCount - offset))
            let own = try content.bytes(at: offset, count: count)
            let their = try other.bytes(at: offset, count: count)
            guard own == their else { return false }
            offset += Int64(count)
        }
        return true
    }
}

extension StoredFile: Equatable {
    package static func == (a: Self, b: Self) -> Bool {
        a.byteCount == b.byteCount && a.sha256 == b.sha256 && !a.sha256.isEmpty
    }
}

extension FileNode.Content {
    /// The bytes of a file, wherever they are; nil for anything else.
    package var fileContent: (any FileContent)? {
        switch self {
        case .file(let bytes): BytesContent(bytes)
        case .stored(let file): file.content ?? BytesContent([])
        case .directory, .symlink, .special: nil
        }
    }
}
