import Blocks
import Glibc
import Reports

extension Cache {
    /// One kept thing.
    package struct Item: Equatable, Sendable {
        package enum Kind: String, Sendable, CaseIterable {
            /// An unpacked base.
            case image
            /// A base, or a part of one, packed in blocks.
            case packed
            /// A tree archive in a form with random access.
            case tree
            /// Digests of a base's blocks, for maps of images.
            case map
            /// A file that came from a URL.
            case download
            /// The beginning of one, from which the next run goes on.
            case part
            /// What a process left that was killed while it made something.
            case unfinished
        }

        package var kind: Kind
        package var path: String
        /// The file name of the base it was made from; nil where nobody wrote it down.
        package var source: String?
        /// The sha256 of that base in hexadecimal digits.
        package var sourceDigest: String
        /// Bytes that it takes on disk.
        package var byteCount: Int64
        /// Seconds since 1970-01-01 UTC.
        package var lastUsed: Int64
        /// Whether some process uses or makes it now.
        package var isInUse: Bool
        /// What goes when it is removed, in this order: the note first, so that half an entry counts for nothing.
        fileprivate var paths: [String]
    }

    /// Everything kept but remembered digests, which are tiny, by kind and path.
    package func items() -> [Item] {
        var items: [Item] = []
        for (folder, kind, suffixes) in [
            (imagesPath, Item.Kind.image, [".img"]),
            (packedPath, .packed, PackedFormat.allCases.map { "." + $0.suffix }), (mapsPath, .map, [".map"]),
            (treesPath, .tree, [".tree"]), (downloadsPath, .download, [".download"]), (downloadsPath, .part, [".part"]),
        ] {
            for name in FolderListing.names(in: folder) ?? [] {
                let path = "\(folder)/\(name)"
                if let data = name.range(of: ".partial.") {
                    // Parts have none, and lie in a folder with others.
                    guard kind != .part else { continue }
                    items.append(Self.leftover(path, data: "\(folder)/\(name[..<data])", folder: folder))
                } else if suffixes.contains(where: { name.hasSuffix($0) }) {
                    items.append(Self.item(Self.entry(path, folder: folder, isImage: kind == .image), kind))
                }
            }
        }
        return items
    }

    /// Removes an item unless it is in use; returns whether it is gone.
    package func remove(_ item: Item) -> Bool {
        let entry = Self.entry(item.dataPath, folder: "", isImage: item.dataPath.hasSuffix(".img"))
        // Whoever makes it holds the lock, whoever uses it the data: neither may begin while it is taken away.
        guard let lock = try? entry.lock(isCancelled: { true }) else { return false }
        defer { withExtendedLifetime(lock) {} }
        if item.kind != .unfinished {
            guard let file = try? OpenFile(path: item.path, flags: O_RDONLY),
                flock(file.descriptor, LOCK_EX | LOCK_NB) == 0
            else { return false }
            for path in item.paths { unlink(path) }
            return true
        }
        return unlink(item.path) == 0
    }

    private static func entry(_ dataPath: String, folder: String, isImage: Bool) -> CacheEntry {
        guard isImage else { return CacheEntry(dataPath: dataPath) }
        let bare = String(dataPath.dropLast(".img".count))
        return CacheEntry(dataPath: dataPath, notePath: bare + ".info", lockPath: bare + ".lock")
    }

    private static func item(_ entry: CacheEntry, _ kind: Item.Kind) -> Item {
        let note = CacheEntry.text(of: entry.notePath, limit: 32 << 20)
        let source = note?.split(separator: "\n").prefix(8).first { $0.hasPrefix("source ") }
        var isInUse = isHeld(entry.dataPath) || isHeld(entry.lockPath)
        if note == nil { isInUse = isHeld(entry.lockPath) }
        return Item(
            kind: note == nil ? .unfinished : kind, path: entry.dataPath,
            source: source.map { String($0.dropFirst("source ".count)) }, sourceDigest: digest(in: entry.dataPath),
            byteCount: size(entry.dataPath).bytes + size(entry.notePath).bytes,
            lastUsed: note == nil ? size(entry.dataPath).modified : size(entry.notePath).modified, isInUse: isInUse,
            paths: [entry.notePath, entry.dataPath])
    }

    private static func leftover(_ path: String, data: String, folder: String) -> Item {
        let entry = entry(data, folder: folder, isImage: data.hasSuffix(".img"))
        return Item(
            kind: .unfinished, path: path, source: nil, sourceDigest: digest(in: path), byteCount: size(path).bytes,
            lastUsed: size(path).modified, isInUse: isHeld(entry.lockPath), paths: [path])
    }

    private static func digest(in path: String) -> String {
        String(path.fileName.prefix(2 * SHA256Digest.byteCount))
    }

    /// Whether somebody holds a lock on a file.
    private static func isHeld(_ path: String) -> Bool {
        guard let file = try? OpenFile(path: path, flags: O_RDONLY) else { return false }
        return flock(file.descriptor, LOCK_EX | LOCK_NB) != 0
    }

    /// Bytes on disk (blocks of 512) and the time of the last change; nothing for a file that is not there.
    private static func size(_ path: String) -> (bytes: Int64, modified: Int64) {
        var found = stat()
        guard lstat(path, &found) == 0 else { return (0, 0) }
        return (Int64(found.st_blocks) * 512, Int64(found.st_mtim.tv_sec))
    }
}

extension Cache.Item {
    /// Where the finished data lies or would lie.
    fileprivate var dataPath: String {
        path.range(of: ".partial.").map { String(path[..<$0]) } ?? path
    }
}

extension StringProtocol {
    /// Where `text` begins; the standard library has no search that returns the offset.
    fileprivate func range(of text: String) -> Index? {
        var rest = self[...]
        while !rest.isEmpty {
            if rest.hasPrefix(text) { return rest.startIndex }
            rest = rest.dropFirst()
        }
        return nil
    }
}
