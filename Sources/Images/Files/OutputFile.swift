import Blocks
import Glibc
package import Reports

/// A file that appears whole under its final name, or not at all.
///
/// Bytes go to `NAME.partial`; `commit` syncs that file, renames it and syncs the folder. Without `commit` the partial
/// file is removed when the value ends. The partial file is always a new one, of this process's own user: what a killed
/// run, or anybody else, left under that name is taken away and not written to; one that a living run still writes is
/// refused (flock).
package struct OutputFile: ~Copyable, Sendable {
    package let path: String
    private let partialPath: String
    package let descriptor: Int32
    private var isCommitted = false

    /// `mode`: permission bits, of which the umask takes its part. An existing file at `path` needs `replacing`.
    package init(path: String, mode: UInt32, replacing: Bool) throws(ForgeError) {
        let partialPath = path + ".partial"
        descriptor = try Self.open(partialPath, for: path, mode: mode, replacing: replacing)
        UnfinishedOutputs.begin(partialPath)
        self.path = path
        self.partialPath = partialPath
    }

    private static func open(
        _ partialPath: String, for path: String, mode: UInt32, replacing: Bool
    ) throws(ForgeError) -> Int32 {
        try checkReplaceable(path, replacing: replacing)
        for _ in 0..<attemptLimit {
            if let leftover = try openLeftover(partialPath, for: path) {
                defer { Glibc.close(leftover) }
                guard unlink(partialPath) == 0 || errno == ENOENT else { throw ForgeError.writing(path, errno: errno) }
            }
            let descriptor = Glibc.open(partialPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
            if descriptor < 0, errno == EEXIST { continue }
            guard descriptor >= 0 else { throw ForgeError.writing(path, errno: errno) }
            // Until here another run could take it for a killed one's.
            guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, isSameFile(descriptor, partialPath) else {
                Glibc.close(descriptor)
                break
            }
            return descriptor
        }
        throw inUse(path)
    }

    private static let attemptLimit = 100

    private static func inUse(_ path: String) -> ForgeError {
        ForgeError(
            .cannotCreate, "could not create \(path): another piforge is writing it",
            hint: "wait for it, or choose another --output")
    }

    /// Opens a partial file that no living run writes, and locks it; nil when there is none.
    private static func openLeftover(_ partialPath: String, for path: String) throws(ForgeError) -> Int32? {
        while true {
            let descriptor = Glibc.open(partialPath, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else {
                if errno == ENOENT { return nil }
                throw errno == ELOOP ? notAFile(partialPath, for: path) : ForgeError.writing(path, errno: errno)
            }
            var status = stat()
            let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
            let isFree = isFile && flock(descriptor, LOCK_EX | LOCK_NB) == 0
            // Between opening and locking, the run that held it may have given the file its final name.
            if isFree, isSameFile(descriptor, partialPath) { return descriptor }
            Glibc.close(descriptor)
            if !isFile { throw notAFile(partialPath, for: path) }
            if !isFree { throw inUse(path) }
        }
    }

    private static func notAFile(_ partialPath: String, for path: String) -> ForgeError {
        ForgeError(
            .cannotCreate, "could not create \(path): something that is no file lies at \(partialPath)",
            hint: "take it away, or choose another --output")
    }

    /// Shows the partial file that a killed run has left for `path`, open for reading; returns whether there is one.
    package static func withLeftover(
        of path: String, _ body: (Int32) throws(ForgeError) -> Void
    ) throws(ForgeError) -> Bool {
        guard let leftover = try openLeftover(path + ".partial", for: path) else { return false }
        defer { Glibc.close(leftover) }
        try body(leftover)
        return true
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
        try SourceFiles.check(output: path)
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
        guard bytes.withUnsafeBytes({ Transfer.write($0, to: descriptor, at: offset) }) else {
            throw ForgeError.writing(path, errno: errno)
        }
    }

    /// Makes the file durable and gives it its name.
    package consuming func commit() throws(ForgeError) {
        guard Self.isSameFile(descriptor, partialPath) else {
            throw ForgeError(.cannotCreate, "could not create \(path): somebody has taken away \(partialPath)")
        }
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
        if isCommitted || !Self.isSameFile(descriptor, partialPath) || unlink(partialPath) == 0 {
            UnfinishedOutputs.end(partialPath)
        }
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
