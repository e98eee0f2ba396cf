package import Blocks
import Glibc

extension Cache {
    /// A file that was downloaded, whole; it stays in the cache at least as long as this value lives.
    package struct Download: Sendable {
        package let digest: SHA256Digest
        /// The name that it had where it came from.
        package let name: String
        /// Bytes.
        package let byteCount: Int64
        /// Holds the lock that marks it as in use.
        private let file: OpenFile

        package var path: String { file.path }

        fileprivate init(file: OpenFile, digest: SHA256Digest, name: String) throws(BlockError) {
            byteCount = try file.measuredByteCount()
            self.file = file
            self.digest = digest
            self.name = name
        }
    }

    /// The download with this sha256, if it is there and unchanged.
    package func download(_ digest: SHA256Digest, onDamage: (String) -> Void = { _ in }) -> Download? {
        guard let found = try? downloadEntry(digest).open(onDamage: onDamage) else { return nil }
        let source = found.lines.first { $0.hasPrefix(Self.sourceKey) }.map {
            String($0.dropFirst(Self.sourceKey.count))
        }
        return try? Download(file: found.file, digest: digest, name: source ?? digest.description)
    }

    /// The part of a download with this key, for this process alone: waits until no other one has it.
    ///
    /// Nil when `isCancelled` says so.
    package func partialDownload(
        _ key: SHA256Digest, isCancelled: () -> Bool, onWait: () -> Void
    ) throws(BlockError) -> PartialDownload? {
        try prepare()
        let entry = CacheEntry(dataPath: "\(downloadsPath)/\(key).part")
        guard let lock = try entry.lock(isCancelled: isCancelled, onWait: onWait) else { return nil }
        return try PartialDownload(entry, lock: lock)
    }

    /// Makes a part that is whole the download with its sha256, under which it is known from now on.
    package func keep(
        _ part: PartialDownload, digest: SHA256Digest, name: String
    ) throws(BlockError) -> Download {
        let entry = downloadEntry(digest)
        // Another name may have led to the same bytes at the same time.
        let lock = try entry.lock(isCancelled: { false })
        defer { withExtendedLifetime(lock) {} }
        if let kept = download(digest) {
            part.discard()
            return kept
        }
        let file = part.file
        try Cache.makeWay(for: entry.partialPath)
        try Cache.rename(file.path, to: entry.partialPath)
        unlink(part.notePath)
        try entry.commit(file, digest: digest, lines: [Self.sourceKey + name])
        rememberSoon(digest, of: entry)
        guard let kept = try entry.open(onDamage: { _ in }) else { throw .changed(path: entry.dataPath) }
        return try Download(file: kept.file, digest: digest, name: name)
    }

    /// Spares whoever opens the download to hash it again: what was changed a moment ago is not remembered.
    private func rememberSoon(_ digest: SHA256Digest, of entry: CacheEntry) {
        usleep(60_000)
        guard let file = try? Cache.open(entry.dataPath), let status = try? file.status() else { return }
        try? remember(digest, for: status)
    }

    private func downloadEntry(_ digest: SHA256Digest) -> CacheEntry {
        CacheEntry(dataPath: "\(downloadsPath)/\(digest).download")
    }

    private static let sourceKey = "source "
}

/// What an address gave when it was last asked.
package struct RememberedAddress: Equatable, Sendable {
    package var digest: SHA256Digest
    /// The server's name for this version; nil when it gave none.
    package var etag: String?

    package init(digest: SHA256Digest, etag: String?) {
        self.digest = digest
        self.etag = etag
    }
}

extension Cache {
    package func rememberedAddress(_ url: String) -> RememberedAddress? {
        guard case .note(let note) = CacheNote.read(addressPath(url), limit: 1 << 14), note.lines.count == 3,
            note.lines[0] == url, let digest = SHA256Digest(hex: note.lines[1])
        else { return nil }
        return RememberedAddress(digest: digest, etag: note.lines[2].isEmpty ? nil : String(note.lines[2]))
    }

    package func remember(_ address: RememberedAddress, of url: String) throws(BlockError) {
        try prepare()
        try CacheNote.write(
            [url, address.digest.description, address.etag ?? ""], to: addressPath(url), durably: false)
    }

    private func addressPath(_ url: String) -> String {
        "\(downloadsPath)/\(SHA256.digest(of: Array(url.utf8).span.bytes)).url"
    }
}
