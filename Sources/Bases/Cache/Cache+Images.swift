package import Blocks
import Glibc
import Reports

extension Cache {
    /// The unpacked image of a packed file with this sha256, if it is there and whole.
    func image(
        for digest: SHA256Digest, isVerifying: Bool = false, onDamage: (String) -> Void = { _ in }
    ) -> OpenFile? {
        // A cache that cannot be read is as good as an empty one.
        try? imageEntry(for: digest).open(isVerifying: isVerifying, onDamage: onDamage)?.file
    }

    /// The sha256 of the image that was unpacked from the file with this one; nil when it is not in the cache.
    package func unpackedDigest(of digest: SHA256Digest) -> SHA256Digest? {
        guard case .note(let note) = CacheNote.read(imageEntry(for: digest).notePath, limit: 1 << 14),
            note.lines.count > 2
        else { return nil }
        return SHA256Digest(hex: note.lines[2])
    }

    /// Runs `unpack` on an empty file and makes that the image for `digest`; whatever goes wrong, nothing is left.
    ///
    /// The caller holds `lock(for: digest)`. `name` is the packed file's, for whoever lists the cache.
    func addImage(
        for digest: SHA256Digest, name: String, isCancelled: () -> Bool,
        unpack: (OpenFile) throws(BaseImageError) -> Void
    ) throws(BaseImageError) -> OpenFile {
        try imageEntry(for: digest).make(wrap: BaseImageError.block) { (file) throws(BaseImageError) in
            try unpack(file)
            let found = try CacheEntry.digest(of: file, isCancelled: isCancelled)
            return (found, ["source \(name)"])
        }
    }

    /// Waits until no other process or thread unpacks this file; the lock is held while the result lives.
    func lock(
        for digest: SHA256Digest, isCancelled: () -> Bool, onWait: () -> Void
    ) throws(BaseImageError) -> OpenFile {
        let lock = try wrapping(
            imageEntry(for: digest).lock(isCancelled: isCancelled, onWait: onWait), as: BaseImageError.block)
        guard let lock else { throw .cancelled }
        return lock
    }

    /// Removes what killed builds left: every partial image whose lock nobody holds.
    func removeStalePartials() {
        for name in FolderListing.names(in: imagesPath) ?? [] where name.contains(".img.partial.") {
            guard let digest = SHA256Digest(hex: name.prefix(2 * SHA256Digest.byteCount)),
                let lock = try? OpenFile(path: lockPath(digest), flags: O_RDWR | O_CREAT),
                flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0
            else { continue }
            unlink("\(imagesPath)/\(name)")
        }
    }

    private func lockPath(_ digest: SHA256Digest) -> String { "\(imagesPath)/\(digest).lock" }

    func imageEntry(for digest: SHA256Digest) -> CacheEntry {
        CacheEntry(
            dataPath: "\(imagesPath)/\(digest).img", notePath: "\(imagesPath)/\(digest).info",
            lockPath: lockPath(digest))
    }
}
