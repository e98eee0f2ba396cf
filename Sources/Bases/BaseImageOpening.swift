import Blocks
import Glibc
import Reports

/// The steps of `BaseImage.open`, which share one descriptor, so that no step sees another file than the last.
struct BaseImageOpening: Sendable {
    let file: UnchangedFile
    let format: BaseFormat
    let cache: Cache
    /// Whether what the cache holds is read and held against its digest.
    var isVerifying = false
    /// What the file was called where it came from; nil when it is called so here.
    var givenName: String?
    private let byteCount: Int64
    private let progress: @Sendable (BaseImageProgress) -> Void
    private let isCancelled: @Sendable () -> Bool
    /// Whether it is a disk that the kernel has mounted.
    let isMounted: Bool

    init(
        path: String, cache: Cache, isShared: Bool = false, progress: @escaping @Sendable (BaseImageProgress) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(BaseImageError) {
        let (file, isMounted) = try Self.file(
            path, isShared: isShared, cache: cache, progress: progress, isCancelled: isCancelled)
        let source = file.file
        let byteCount = try wrapping(source.measuredByteCount(), as: BaseImageError.block)
        let head = try wrapping(
            source.prefix(Int(min(byteCount, Int64(BaseFormat.headByteCount)))), as: BaseImageError.block)
        switch BaseFormat.recognize(head.span.bytes) {
        case .format(.raw) where byteCount > BaseImage.byteLimit:
            throw .tooLarge(byteCount: byteCount, limit: BaseImage.byteLimit)
        case .format(let format): self.format = format
        case .foreign(let foreign): throw .foreign(foreign, isPacked: false)
        case .unknown where byteCount < BaseImage.minimumByteCount: throw .tooSmall(byteCount: byteCount)
        case .unknown:
            let end = try wrapping(ZipEnd(source, byteCount: byteCount), as: BaseImageError.block)
            throw end?.isOfSeveral == true
                ? .foreign(.lastPartOfZip, isPacked: false) : .unsupported(found: BaseFormat.noTable)
        }
        self.file = file
        self.byteCount = byteCount
        self.cache = cache
        self.progress = progress
        self.isCancelled = isCancelled
        self.isMounted = isMounted
    }

    /// Opens a file, a disk or a pipe; `-` is standard input. What comes out of a pipe is kept in `cache`, in a file
    /// without a name, until this process ends. With `isShared` a disk may be mounted.
    private static func file(
        _ path: String, isShared: Bool, cache: Cache, progress: (BaseImageProgress) -> Void, isCancelled: () -> Bool
    ) throws(BaseImageError) -> (UnchangedFile, isMounted: Bool) {
        var (file, isMounted) = try open(path, isShared: isShared)
        let status = try wrapping(file.status(), as: BaseImageError.block)
        if status.isPipe {
            file = try SpooledPipes.file(of: file, cache: cache, progress: progress, isCancelled: isCancelled)
        } else if !status.isRegular && !status.isBlockDevice {
            throw .notAFile(path: path)
        }
        let opened = file
        return (try wrapping(UnchangedFile(opened), as: BaseImageError.block), isMounted)
    }

    private static func open(_ path: String, isShared: Bool) throws(BaseImageError) -> (OpenFile, isMounted: Bool) {
        if path == "-" {
            return (try wrapping(OpenFile(duplicating: 0, path: "standard input"), as: BaseImageError.block), false)
        }
        var found = stat()
        let isDisk = stat(path, &found) == 0 && found.st_mode & S_IFMT == S_IFBLK
        do throws(BlockError) {
            // A disk that is mounted changes under whoever reads it; O_EXCL is refused then, and keeps it from being
            // mounted. O_NONBLOCK: a named pipe must not make us wait for its writer here.
            return (try OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK | (isDisk ? O_EXCL : 0)), false)
        } catch {
            guard case .system(EBUSY, _, _) = error, isDisk else { throw .block(error) }
            guard isShared else { throw .inUse(path: path) }
            return (try mounted(path), true)
        }
    }

    /// Opens a disk that is mounted, after what was written to it so far is on it.
    private static func mounted(_ path: String) throws(BaseImageError) -> OpenFile {
        sync()
        return try wrapping(as: BaseImageError.block) { () throws(BlockError) in
            let file = try OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK)
            // The kernel keeps what was read of a disk apart from what its partitions hold: an old copy must go.
            _ = posix_fadvise(file.descriptor, 0, 0, POSIX_FADV_DONTNEED)
            return file
        }
    }

    /// The file's sha256, remembered or computed.
    func digest() throws(BaseImageError) -> SHA256Digest {
        let status = file.status
        if status.isRegular, let known = cache.rememberedDigest(for: status) { return known }
        let source = file.file
        var hasher = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: UnpackContext.pieceSize, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        progress(.hashing(done: 0, total: byteCount))
        while true {
            if isCancelled() { throw .cancelled }
            let position = offset
            let count = try wrapping(source.read(upTo: buffer, at: position), as: BaseImageError.block)
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
            progress(.hashing(done: offset, total: byteCount))
            if count < buffer.count { break }
        }
        try wrapping(file.check(), as: BaseImageError.block)
        guard offset == byteCount else { throw .block(.changed(path: source.path)) }
        let digest = hasher.finalize()
        // The note only saves time: a cache that cannot be written must not keep a raw image from being used.
        if status.isRegular, (try? cache.prepare()) != nil { try? cache.remember(digest, for: status) }
        return digest
    }

    /// Random access to an .xz file; nil where it must be unpacked, also to learn what exactly is wrong with it.
    func xzReader() throws(BaseImageError) -> XZReader? {
        guard format == .xz else { return nil }
        do throws(BaseImageError) {
            let index = try XZIndex(file.file, byteCount: byteCount)
            guard index.byteCount <= BaseImage.byteLimit else {
                throw .tooLarge(byteCount: index.byteCount, limit: BaseImage.byteLimit)
            }
            return XZReader(file.file, index: index)
        } catch .tooLarge(let byteCount, let limit) {
            throw .tooLarge(byteCount: byteCount, limit: limit)
        } catch .block(let error) {
            throw .block(error)
        } catch {
            return nil
        }
    }

    /// Whether it is an image that is packed once; decodes the first block. What else may be inside, only unpacking it
    /// tells.
    func holdsImage(_ reader: XZReader) throws(BaseImageError) -> Bool {
        do throws(BlockError) {
            let count = Int(min(reader.byteCount, Int64(BaseFormat.headByteCount)))
            let head = try reader.bytes(at: 0, count: count)
            return BaseFormat.recognize(head.span.bytes) == .format(.raw)
        } catch {
            if case .damaged(_, _, let reason) = error { throw .corrupt(.xz, reason: reason) }
            throw .block(error)
        }
    }

    /// The unpacked image in the cache, if it is there.
    func kept(_ digest: SHA256Digest) throws(BaseImageError) -> FileReader? {
        guard let image = keptImage(digest) else { return nil }
        return try wrapping(FileReader(image), as: BaseImageError.block)
    }

    private func keptImage(_ digest: SHA256Digest) -> OpenFile? {
        cache.image(for: digest, isVerifying: isVerifying, onDamage: { progress(.damaged(path: $0)) })
    }

    /// The unpacked image in the cache, put there first if need be.
    func unpacked(_ digest: SHA256Digest) throws(BaseImageError) -> OpenFile {
        if let image = keptImage(digest) { return image }
        try wrapping(cache.prepare(), as: BaseImageError.block)
        cache.removeStalePartials()
        let lock = try cache.lock(for: digest, isCancelled: isCancelled) { progress(.waiting) }
        defer { withExtendedLifetime(lock) {} }
        // Whoever held the lock before may have done the work.
        if let image = cache.image(for: digest) { return image }
        return try cache.addImage(for: digest, name: name, isCancelled: isCancelled) {
            (target) throws(BaseImageError) in
            let unpacker = Unpacker(target: target) { () throws(BlockError) in try cache.scratch() }
            try unpacker.unpack(job, format: format)
            try wrapping(file.check(), as: BaseImageError.block)
        }
    }

    /// The file's name, for whoever lists the cache.
    var name: String { givenName ?? file.file.path.fileName }

    var job: UnpackContext {
        UnpackContext(source: file.file, total: byteCount, progress: progress, isCancelled: isCancelled)
    }
}

extension OpenFile.Status {
    /// A pipe or a socket: bytes that come once.
    fileprivate var isPipe: Bool { mode & S_IFMT == S_IFIFO || mode & S_IFMT == S_IFSOCK }
}
