import Blocks
package import Glibc
package import Reports

/// A file that appears whole under its final name, or not at all.
///
/// Bytes go to `NAME.partial`; `commit` syncs that file, renames it and syncs the folder. Without `commit` the partial
/// file is removed when the value ends. A partial file that a killed run left is overwritten; one that a living run
/// still writes is refused (flock).
package struct OutputFile: ~Copyable, Sendable {
    package let path: String
    private let partialPath: String
    package let descriptor: Int32
    private var isCommitted = false

    /// `mode`: permission bits, of which the umask takes its part. An existing file at `path` needs `replacing`.
    package init(path: String, mode: mode_t, replacing: Bool) throws(ForgeError) {
        let partialPath = path + ".partial"
        descriptor = try Self.open(partialPath, for: path, mode: mode, replacing: replacing)
        self.path = path
        self.partialPath = partialPath
    }

    private static func open(
        _ partialPath: String, for path: String, mode: mode_t, replacing: Bool
    ) throws(ForgeError) -> Int32 {
        try checkReplaceable(path, replacing: replacing)
        let descriptor = Glibc.open(partialPath, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw ForgeError.writing(path, errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            Glibc.close(descriptor)
            throw ForgeError(
                .cannotCreate, "could not create \(path): another piforge is writing it",
                hint: "wait for it, or choose another --output")
        }
        // Between opening and locking, the run that held it may have given the file its final name.
        guard isSameFile(descriptor, partialPath) else {
            Glibc.close(descriptor)
            return try open(partialPath, for: path, mode: mode, replacing: replacing)
        }
        // A partial file of an earlier run may be longer, or have wider permissions.
        guard ftruncate(descriptor, 0) == 0, fchmod(descriptor, mode & ~processUmask) == 0 else {
            let code = errno
            Glibc.close(descriptor)
            throw ForgeError.writing(path, errno: code)
        }
        return descriptor
    }

    /// Throws when something lies at `path` that must not be replaced.
    package static func checkReplaceable(_ path: String, replacing: Bool) throws(ForgeError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ForgeError(.cannotCreate, "could not create \(path): something that is no file lies there")
        }
        guard replacing else {
            throw ForgeError(
                .cannotCreate, "could not create \(path): it exists",
                hint: "use --force to replace it, or choose another --output")
        }
    }

    package func setByteCount(_ count: Int64) throws(ForgeError) {
        guard ftruncate(descriptor, off_t(count)) == 0 else { throw ForgeError.writing(path, errno: errno) }
    }

    /// Writes all of `bytes` at `offset`.
    package func write(_ bytes: RawSpan, at offset: Int64) throws(ForgeError) {
        try Self.write(bytes, at: offset, to: descriptor, path: path)
    }

    package static func write(_ bytes: RawSpan, at offset: Int64, to descriptor: Int32, path: String) throws(ForgeError)
    {
        Work.add(written: Int64(bytes.byteCount))
        let code = bytes.withUnsafeBytes { buffer -> Int32 in
            var done = 0
            while done < buffer.count {
                let count = pwrite(
                    descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, off_t(offset) + off_t(done))
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { return count < 0 ? errno : EIO }
                done += count
            }
            return 0
        }
        guard code == 0 else { throw ForgeError.writing(path, errno: code) }
    }

    /// Makes the file durable and gives it its name.
    package consuming func commit() throws(ForgeError) {
        guard fsync(descriptor) == 0, rename(partialPath, path) == 0 else {
            throw ForgeError.writing(path, errno: errno)
        }
        isCommitted = true
        let folder = Glibc.open(Self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            fsync(folder)
            Glibc.close(folder)
        }
    }

    deinit {
        if !isCommitted { unlink(partialPath) }
        Glibc.close(descriptor)
    }

    private static func isSameFile(_ descriptor: Int32, _ path: String) -> Bool {
        var opened = stat()
        var named = stat()
        return fstat(descriptor, &opened) == 0 && lstat(path, &named) == 0
            && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// Reading the umask means setting it for an instant, so it is read once, at the first use.
private let processUmask: mode_t = {
    let mask = umask(0o077)
    umask(mask)
    return mask
}()
