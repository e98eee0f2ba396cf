package import Blocks
import Glibc

/// An opened base image: random access to its unpacked bytes, and the sha256 of the file it came from.
package struct BaseImage: Sendable {
    /// The image's bytes; shared by all slots.
    package let reader: any BlockReader
    /// The sha256 of the file as downloaded, packed or not.
    package let sourceDigest: SHA256Digest
    /// How the file is packed.
    package let format: BaseFormat

    /// A sector: what is smaller cannot be an image.
    static let minimumByteCount: Int64 = 512

    /// Size of the unpacked image in bytes, at most `byteLimit`.
    package var byteCount: Int64 { reader.byteCount }

    /// The largest image that is taken, in bytes: what an MBR can address.
    package static let byteLimit: Int64 = 1 << 41

    /// The .xz file of several blocks that it came from; nil for every other base. `reader` need not be this one: what
    /// an earlier build decoded whole is kept in the cache.
    package let xz: XZReader?
    /// Whether `reader` decodes what it reads.
    package var isDecoding: Bool { reader is XZReader }

    /// Opens a raw image or an .xz file of several blocks in place, or another packed one through `cache`, where it is
    /// unpacked once.
    ///
    /// With `unpacking` that .xz file goes through the cache too, for whoever reads it in no order.
    /// `expectedSHA256` is compared with the file as downloaded before anything is unpacked. `isCancelled` is asked
    /// about once per MiB; when it says yes, `cancelled` is thrown and nothing is left behind.
    package static func open(
        path: String,
        expectedSHA256: SHA256Digest? = nil,
        cache: Cache,
        unpacking: Bool = false,
        progress: @escaping @Sendable (BaseImageProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(BaseImageError) -> BaseImage {
        let opening = try BaseImageOpening(path: path, cache: cache, progress: progress, isCancelled: isCancelled)
        return try open(opening, expectedSHA256: expectedSHA256, unpacking: unpacking)
    }

    /// The bytes of an image alone: a raw one is not read for its sha256 first.
    package static func openReader(
        path: String, cache: Cache, progress: @escaping @Sendable (BaseImageProgress) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(BaseImageError) -> any BlockReader {
        let opening = try BaseImageOpening(path: path, cache: cache, progress: progress, isCancelled: isCancelled)
        guard opening.format == .raw else { return try open(opening, expectedSHA256: nil, unpacking: false).reader }
        return try wrapping { () throws(BlockError) in try FileReader(opening.source) }
    }

    private static func open(
        _ opening: BaseImageOpening, expectedSHA256: SHA256Digest?, unpacking: Bool
    ) throws(BaseImageError) -> BaseImage {
        let digest = try opening.digest()
        if let expectedSHA256, expectedSHA256 != digest {
            throw .digestMismatch(expected: expectedSHA256, found: digest)
        }
        if !unpacking, let xz = try opening.xzReader() {
            if let kept = try opening.kept(digest) {
                return BaseImage(reader: kept, sourceDigest: digest, format: .xz, xz: xz)
            }
            if try opening.holdsImage(xz) {
                return BaseImage(reader: xz, sourceDigest: digest, format: .xz, xz: xz)
            }
        }
        let file = opening.format == .raw ? opening.source : try opening.unpacked(digest)
        let reader = try wrapping { () throws(BlockError) in try FileReader(file) }
        return BaseImage(reader: reader, sourceDigest: digest, format: opening.format, xz: nil)
    }
}

/// The steps of `BaseImage.open`, which share one descriptor, so that no step sees another file than the last.
struct BaseImageOpening: Sendable {
    let source: OpenFile
    let format: BaseFormat
    let cache: Cache
    private let status: OpenFile.Status
    private let byteCount: Int64
    private let progress: @Sendable (BaseImageProgress) -> Void
    private let isCancelled: @Sendable () -> Bool

    init(
        path: String, cache: Cache, progress: @escaping @Sendable (BaseImageProgress) -> Void,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(BaseImageError) {
        // O_NONBLOCK: a named pipe must not make us wait for its writer; files and disks ignore it.
        let source = try wrapping { () throws(BlockError) in
            try OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK)
        }
        let status = try wrapping { () throws(BlockError) in try source.status() }
        guard status.isRegular || status.isBlockDevice else { throw .notAFile(path: path) }
        let byteCount = try wrapping { () throws(BlockError) in try source.measuredByteCount() }
        let head = try wrapping { () throws(BlockError) in
            try source.prefix(Int(min(byteCount, Int64(BaseFormat.headByteCount))))
        }
        switch BaseFormat.recognize(head.span.bytes) {
        case .format(.raw) where byteCount > BaseImage.byteLimit:
            throw .tooLarge(byteCount: byteCount, limit: BaseImage.byteLimit)
        case .format(let format): self.format = format
        case .foreign(let name): throw .unsupported(found: name)
        case .unknown where byteCount < BaseImage.minimumByteCount: throw .tooSmall(byteCount: byteCount)
        case .unknown: throw .unsupported(found: Self.noTable)
        }
        self.source = source
        self.status = status
        self.byteCount = byteCount
        self.cache = cache
        self.progress = progress
        self.isCancelled = isCancelled
    }

    private static let noTable = "no disk image: its first sector does not end in 0x55 0xAA"

    /// The file's sha256, remembered or computed.
    func digest() throws(BaseImageError) -> SHA256Digest {
        if status.isRegular, let known = cache.rememberedDigest(for: status) { return known }
        var hasher = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: UnpackContext.pieceSize, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while true {
            if isCancelled() { throw .cancelled }
            let position = offset
            let count = try wrapping { () throws(BlockError) in try source.read(upTo: buffer, at: position) }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
            progress(.hashing(done: offset, total: byteCount))
            if count < buffer.count { break }
        }
        try checkUnchanged()
        guard offset == byteCount else { throw .changedWhileReading(path: source.path) }
        let digest = hasher.finalize()
        // The note only saves time: a cache that cannot be written must not keep a raw image from being used.
        if status.isRegular, (try? cache.prepare()) != nil { try? cache.remember(digest, for: status) }
        return digest
    }

    /// Random access to an .xz file; nil where it must be unpacked, also to learn what exactly is wrong with it.
    func xzReader() throws(BaseImageError) -> XZReader? {
        guard format == .xz else { return nil }
        do throws(BaseImageError) {
            let index = try XZIndex(source, byteCount: byteCount)
            guard index.byteCount <= BaseImage.byteLimit else {
                throw .tooLarge(byteCount: index.byteCount, limit: BaseImage.byteLimit)
            }
            return XZReader(source, index: index)
        } catch .tooLarge(let byteCount, let limit) {
            throw .tooLarge(byteCount: byteCount, limit: limit)
        } catch .block(let error) {
            throw .block(error)
        } catch {
            return nil
        }
    }

    /// Whether it is an image that is packed, and no tar; decodes the first block.
    func holdsImage(_ reader: XZReader) throws(BaseImageError) -> Bool {
        do {
            let count = Int(min(reader.byteCount, Int64(BaseFormat.headByteCount)))
            let head = try wrapping { () throws(BlockError) in try reader.bytes(at: 0, count: count) }
            try Self.checkHead(head.span.bytes)
            return true
        } catch .unsupported(found: Self.tarInside) {
            return false
        } catch .block(.damaged(_, _, let reason)) {
            throw .corrupt(.xz, reason: reason)
        }
    }

    /// The unpacked image in the cache, if it is there.
    func kept(_ digest: SHA256Digest) throws(BaseImageError) -> FileReader? {
        guard let image = cache.image(for: digest, onDamage: { progress(.damaged(path: $0)) }) else { return nil }
        return try wrapping { () throws(BlockError) in try FileReader(image) }
    }

    /// The unpacked image in the cache, put there first if need be.
    func unpacked(_ digest: SHA256Digest) throws(BaseImageError) -> OpenFile {
        if let image = cache.image(for: digest, onDamage: { progress(.damaged(path: $0)) }) { return image }
        try wrapping { () throws(BlockError) in try cache.prepare() }
        cache.removeStalePartials()
        let lock = try cache.lock(for: digest, isCancelled: isCancelled) { progress(.waiting) }
        defer { withExtendedLifetime(lock) {} }
        // Whoever held the lock before may have done the work.
        if let image = cache.image(for: digest) { return image }
        do {
            return try add(digest, asTar: format == .tar)
        } catch .unsupported(found: Self.tarInside) where format != .gzip {
            return try add(digest, asTar: true)
        }
    }

    private func add(_ digest: SHA256Digest, asTar: Bool) throws(BaseImageError) -> OpenFile {
        try cache.addImage(for: digest, name: String(source.path.split(separator: "/").last ?? "")) {
            (file) throws(BaseImageError) in
            try unpack(into: file, asTar: asTar)
            try checkUnchanged()
        }
    }

    private static let tarInside = "a compressed tar archive; unpack it first"

    private func unpack(into file: OpenFile, asTar: Bool) throws(BaseImageError) {
        let job = job
        var writer = SparseWriter(file: file) { (head) throws(BaseImageError) in try Self.checkHead(head) }
        switch format {
        case _ where asTar: try ArchiveUnpacker.unpackTar(job, format: format, into: &writer)
        case .xz: try XZUnpacker(job).unpack(into: &writer)
        case .gzip: try GzipUnpacker(job).unpack(into: &writer)
        case .zstd, .bzip2: try ArchiveUnpacker.unpackStream(job, format: format, into: &writer)
        case .zip: try ArchiveUnpacker.unpackZip(job, into: &writer)
        case .raw, .tar: throw .unsupported(found: "an image that needs no unpacking")
        }
        let written = try writer.finish()
        try job.report(consumed: byteCount, written: written)
    }

    var job: UnpackContext {
        UnpackContext(source: source, total: byteCount, progress: progress, isCancelled: isCancelled)
    }

    /// Refuses what cannot be an image as soon as its first bytes are known.
    private static func checkHead(_ head: RawSpan) throws(BaseImageError) {
        guard Int64(head.byteCount) >= BaseImage.minimumByteCount else {
            throw .tooSmall(byteCount: Int64(head.byteCount))
        }
        switch BaseFormat.recognize(head) {
        case .format(.raw): return
        case .format(.tar): throw .unsupported(found: tarInside)
        case .format(let format): throw .unsupported(found: "\(format.rawValue) data packed twice; unpack it first")
        case .foreign(let name): throw .unsupported(found: "\(name), packed")
        case .unknown: throw .unsupported(found: noTable)
        }
    }

    func checkUnchanged() throws(BaseImageError) {
        let now = try wrapping { () throws(BlockError) in try source.status() }
        guard now == status else { throw .changedWhileReading(path: source.path) }
    }
}
