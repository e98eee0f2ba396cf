package import Blocks
import Glibc
import Synchronization

/// Puts the image of an .xz file, which is decoded for something else just now, into the cache, so that the next
/// build decodes nothing.
///
/// Keeping only saves time later: what goes wrong on the way ends it and harms nobody. What was not finished is
/// removed with the keeper.
package final class CacheTee: Sendable {
    private let entry: CacheEntry
    private let name: String
    private let byteCount: Int64
    /// Throws when the base was changed meanwhile.
    private let check: @Sendable () throws(BlockError) -> Void
    private let state: Mutex<State>

    private struct State: ~Copyable {
        /// Nil once it is finished or given up.
        var file: OpenFile?
        /// As long as there is more to come.
        var hasher: SHA256? = SHA256()
        /// The image's bytes up to here are in the file.
        var end: Int64 = 0
        /// Held so that nobody else makes the same entry.
        let lock: OpenFile
    }

    fileprivate init?(
        entry: CacheEntry, name: String, byteCount: Int64, check: @escaping @Sendable () throws(BlockError) -> Void
    ) {
        guard let lock = try? entry.lock(isCancelled: { true }), (try? entry.open { _ in }) == nil,
            let file = try? OpenFile(path: entry.partialPath, flags: O_RDWR | O_CREAT | O_TRUNC)
        else { return nil }
        self.entry = entry
        self.name = name
        self.byteCount = byteCount
        self.check = check
        state = Mutex(State(file: file, lock: lock))
    }

    deinit { giveUp() }

    /// Takes the next piece of the image.
    package func take(_ piece: SparseBytes) {
        let isKept = state.withLock { state in
            guard let file = state.file, piece.range.lowerBound == state.end else { return false }
            do {
                for index in 0..<piece.chunkCount {
                    let chunkRange = piece.range(ofChunk: index)
                    state.hasher?.update(piece.chunk(index), at: chunkRange)
                    guard let chunk = piece.chunk(index) else { continue }
                    try Self.store(chunk, at: chunkRange, in: file)
                }
            } catch {
                return false
            }
            state.end = piece.range.upperBound
            return true
        }
        if !isKept { giveUp() }
    }

    /// Makes it the image in the cache if every piece came.
    package func finish() {
        state.withLock { state in
            guard let file = state.file, state.end == byteCount, (try? file.resize(to: byteCount)) != nil,
                (try? check()) != nil, let digest = state.hasher.take()?.finalize()
            else { return }
            if (try? entry.commit(file, digest: digest, lines: ["source \(name)"])) != nil { state.file = nil }
        }
        giveUp()
    }

    private func giveUp() {
        state.withLock { state in
            guard state.file != nil else { return }
            state.file = nil
            unlink(entry.partialPath)
        }
    }

    private static func store(
        _ chunk: SparseBytes.Chunk, at chunkRange: Range<Int64>, in file: OpenFile
    ) throws(BlockError) {
        for run in SparseBytes.runs(of: chunk.dataMask, in: chunkRange) {
            let part = Int(run.lowerBound - chunkRange.lowerBound)..<Int(run.upperBound - chunkRange.lowerBound)
            try chunk.bytes.span.bytes.extracting(part).withUnsafeBytes { (bytes) throws(BlockError) in
                try file.write(bytes, at: run.lowerBound)
            }
        }
    }
}

extension Cache {
    /// For a base that is read out of its .xz file; nil for every other one, where another process makes the same
    /// entry, where less than `room` bytes are free, and where the cache cannot be written.
    ///
    /// `name` is the packed file's, for whoever lists the cache.
    package func tee(of base: BaseImage, name: String, room: Int64) -> CacheTee? {
        guard base.isDecoding, (try? prepare()) != nil else { return nil }
        removeStalePartials()
        guard let free = freeByteCount, free >= room else { return nil }
        return CacheTee(
            entry: imageEntry(for: base.sourceDigest), name: name, byteCount: base.byteCount,
            check: { () throws(BlockError) in try base.checkUnchanged() })
    }

    /// Bytes that this process's user may still write; nil where the file system does not say.
    private var freeByteCount: Int64? {
        var found = statvfs()
        guard statvfs(imagesPath, &found) == 0 else { return nil }
        let (count, overflow) = Int64(clamping: found.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: found.f_frsize))
        return overflow ? .max : count
    }
}
