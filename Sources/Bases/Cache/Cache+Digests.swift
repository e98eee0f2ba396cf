package import Blocks
import Glibc

extension Cache {
    /// The sha256 of a file whose identity, size and times are the same as when it was remembered.
    func rememberedDigest(for status: OpenFile.Status) -> SHA256Digest? {
        guard case .note(let note) = CacheNote.read(digestPath(for: status), limit: 1024), note.lines.count == 2,
            note.lines[0] == Self.identity(of: status)
        else { return nil }
        return SHA256Digest(hex: note.lines[1])
    }

    /// Remembers a file's sha256, unless the file was touched so lately that another change could carry the same time.
    ///
    /// The clock is that of the note's own file system; coarse times (no nanoseconds) ask for two seconds.
    func remember(_ digest: SHA256Digest, for status: OpenFile.Status) throws(BlockError) {
        let path = digestPath(for: status)
        // A note that a power failure empties is no note: it is not worth an fsync.
        try CacheNote.write([Self.identity(of: status), digest.description], to: path, durably: false)
        let written = try Self.open(path).status().modified
        let margin = status.changed.nanoseconds == 0 ? 2_000_000_000 : Int64(50_000_000)
        let (seconds, overflow) = written.seconds.subtractingReportingOverflow(status.changed.seconds)
        guard !overflow, seconds >= 0 else {
            unlink(path)
            return
        }
        let age = min(seconds, 1_000_000) * 1_000_000_000 + written.nanoseconds - status.changed.nanoseconds
        if age < margin { unlink(path) }
    }

    private func digestPath(for status: OpenFile.Status) -> String {
        "\(digestsPath)/\(hexDigits(status.device, width: 1))-\(status.inode)"
    }

    private static func identity(of status: OpenFile.Status) -> String {
        "\(status.byteCount) \(status.modified) \(status.changed)"
    }
}

extension OpenFile.Timestamp: CustomStringConvertible {
    /// Seconds and, after a point, nine digits of nanoseconds.
    package var description: String {
        let digits = String(nanoseconds)
        return "\(seconds)." + String(repeating: "0", count: max(0, 9 - digits.count)) + digits
    }
}

// MARK: - Outputs

extension Cache {
    /// Remembers the sha256 of files that were written just now; one that cannot be remembered is hashed when asked for.
    package func remember(_ digests: [(path: String, digest: SHA256Digest)]) {
        guard !digests.isEmpty, (try? prepare()) != nil else { return }
        // A file that was touched this lately is not remembered: the next change could carry the same time.
        usleep(60_000)
        for (path, digest) in digests {
            guard let status = try? OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK).status(), status.isRegular else {
                continue
            }
            try? remember(digest, for: status)
        }
    }

    /// The sha256 of a regular file: remembered, as long as its size and times are the same, else computed. With
    /// `isVerifying` it is computed in any case. `progress` gets bytes done.
    package func digest(
        ofFile path: String, isVerifying: Bool = false, progress: (Int64) throws(BlockError) -> Void
    ) throws(BlockError) -> SHA256Digest {
        let file = try UnchangedFile(OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK | O_NOFOLLOW))
        if !isVerifying, let known = rememberedDigest(for: file.status) { return known }
        let reader = try FileReader(file.file)
        var hasher = SHA256()
        for range in reader.pieces {
            let bytes = try reader.bytes(at: range.lowerBound, count: range.count)
            hasher.update(bytes.span.bytes)
            try progress(range.upperBound)
        }
        try file.check()
        let digest = hasher.finalize()
        if (try? prepare()) != nil { try? remember(digest, for: file.status) }
        return digest
    }
}
