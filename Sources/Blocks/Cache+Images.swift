import Glibc

extension Cache {
    /// The unpacked image of a packed file with this sha256, if it is there and whole.
    func image(for digest: SHA256Digest) -> OpenFile? {
        guard let info = Self.text(of: infoPath(digest)),
            let file = try? OpenFile(path: imagePath(digest), flags: O_RDONLY),
            let status = try? file.status(), status.isRegular, info == Self.info(of: status)
        else { return nil }
        return file
    }

    /// Runs `unpack` on an empty file and makes that the image for `digest`; whatever goes wrong, nothing is left.
    ///
    /// The caller holds `lock(for: digest)`. The order is: data on disk, then the note about it, then the name.
    func addImage(
        for digest: SHA256Digest, unpack: (OpenFile) throws(BaseImageError) -> Void
    ) throws(BaseImageError) -> OpenFile {
        let partial = "\(imagePath(digest)).partial.\(getpid())"
        do {
            let file = try wrapping { () throws(BlockError) in
                try OpenFile(path: partial, flags: O_RDWR | O_CREAT | O_TRUNC)
            }
            try unpack(file)
            return try wrapping { () throws(BlockError) in
                try file.synchronize()
                try Self.replace(infoPath(digest), with: Self.info(of: file.status()))
                try Self.rename(partial, to: imagePath(digest))
                try OpenFile(path: imagesPath, flags: O_RDONLY | O_DIRECTORY).synchronize()
                // Opened anew so that nobody downstream holds a descriptor that can write.
                return try OpenFile(path: imagePath(digest), flags: O_RDONLY)
            }
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Waits until no other process or thread unpacks this file; the lock is held while the result lives.
    func lock(
        for digest: SHA256Digest, isCancelled: () -> Bool, onWait: () -> Void
    ) throws(BaseImageError) -> OpenFile {
        let file = try wrapping { () throws(BlockError) in
            try OpenFile(path: lockPath(digest), flags: O_RDWR | O_CREAT)
        }
        var didWait = false
        while flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw .block(file.failure("lock")) }
            if isCancelled() { throw .cancelled }
            if !didWait { onWait() }
            didWait = true
            usleep(50_000)
        }
        return file
    }

    /// Removes what killed builds left: every partial image whose lock nobody holds.
    func removeStalePartials() {
        guard let folder = opendir(imagesPath) else { return }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name.contains(".img.partial.") { names.append(name) }
        }
        for name in names {
            guard let digest = SHA256Digest(hex: name.prefix(2 * SHA256Digest.byteCount)),
                let lock = try? OpenFile(path: lockPath(digest), flags: O_RDWR | O_CREAT),
                flock(lock.descriptor, LOCK_EX | LOCK_NB) == 0
            else { continue }
            unlink("\(imagesPath)/\(name)")
        }
    }

    private func imagePath(_ digest: SHA256Digest) -> String { "\(imagesPath)/\(digest).img" }
    private func infoPath(_ digest: SHA256Digest) -> String { "\(imagesPath)/\(digest).info" }
    private func lockPath(_ digest: SHA256Digest) -> String { "\(imagesPath)/\(digest).lock" }

    /// Size and time of an image as unpacked; whoever writes to it later changes the time.
    private static func info(of status: OpenFile.Status) -> String {
        "piforge-image 1\nbytes \(status.byteCount)\nmodified \(status.modified)\n"
    }
}
