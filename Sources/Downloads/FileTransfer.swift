import Bases
import Blocks
import Glibc

/// One file on its way into the cache, over as many requests as it takes.
final class FileTransfer: HTTPRequest.Receiver {
    private let part: PartialDownload
    private let download: Download
    private let cache: Cache
    private let progress: (Int64, Int64?) -> Void
    /// Of all bytes of the part, when `isHashed`.
    private var hasher = SHA256()
    private var isHashed = false
    /// Where the present request goes.
    private var url = ""
    /// What the cache has of this address, which the server is asked about.
    private var kept: (file: Cache.Download, etag: String)?
    private var takesBytes = false
    private var etag: String?

    /// Bytes that came in this run, those that were of no use included.
    private(set) var receivedByteCount: Int64 = 0
    /// The file in the cache that the server says is still the one; nil when bytes came.
    private(set) var unchanged: (file: Cache.Download, etag: String)?
    /// The first byte that the next request asks for; nil for all.
    private(set) var from: Int64?
    /// The fields of the next request.
    private(set) var fields: [String] = []

    /// `progress` gets the bytes that are there, and those of the whole.
    init(_ part: PartialDownload, of download: Download, in cache: Cache, progress: @escaping (Int64, Int64?) -> Void) {
        self.part = part
        self.download = download
        self.cache = cache
        self.progress = progress
    }

    /// Bytes that are there, and stay there for the next run.
    var byteCount: Int64 { part.byteCount }

    /// Removes a part that no later run can go on with: an empty one, and one beside the file that is still the one.
    func dropUseless() {
        if unchanged != nil || part.byteCount == 0 { part.discard() }
    }

    // MARK: Before a request

    /// Decides what the next request asks for: the rest of what is there, when the server can tell that it is the rest of
    /// the same file, or a digest will; else all of it.
    func prepare(for url: String, isCancelled: () -> Bool) throws(DownloadError) {
        self.url = url
        (from, fields, kept, takesBytes) = (nil, [], nil, false)
        if part.byteCount > 0, let origin = part.origin {
            let validator = origin.url == url ? origin.validator : nil
            if validator != nil || download.sha256 != nil {
                from = part.byteCount
                fields = validator.map { ["If-Range: \($0)"] } ?? []
                return try hash(isCancelled)
            }
        }
        guard download.sha256 == nil, let known = cache.rememberedAddress(url), let etag = known.etag,
            let file = cache.download(known.digest)
        else { return }
        kept = (file, etag)
        fields = ["If-None-Match: \(etag)"]
    }

    private func hash(_ isCancelled: () -> Bool) throws(DownloadError) {
        guard !isHashed else { return }
        hasher = SHA256()
        try wrapping { () throws(BlockError) in try part.hash(into: &hasher, isCancelled: isCancelled) }
        isHashed = true
    }

    // MARK: During a request

    func begin(_ head: ResponseHead) throws(DownloadError) {
        switch head.status {
        case 200: try beginWhole(head)
        case 206: try beginRest(head)
        case 304 where kept != nil: unchanged = kept
        // All is there, or the file has become shorter.
        case 416 where from != nil:
            if head.contentRange?.total != part.byteCount { try startAgain("has become shorter") }
        default: throw .status(url: url, head.status)
        }
    }

    private func beginWhole(_ head: ResponseHead) throws(DownloadError) {
        try check(size: head.contentLength)
        etag = head.etag
        try restart(PartialDownload.Origin(url: url, validator: head.validator, total: head.contentLength))
        try checkRoom(for: head.contentLength)
        takesBytes = true
    }

    private func beginRest(_ head: ResponseHead) throws(DownloadError) {
        guard let range = head.contentRange?.range, range.lowerBound == from else {
            try startAgain("sends another part than was asked for")
            return
        }
        let total = head.contentRange?.total
        if let known = part.origin?.total, let total, known != total { try startAgain("has another file now") }
        try check(size: total)
        try checkRoom(for: total.map { $0 - part.byteCount })
        etag = head.etag ?? etag
        takesBytes = true
    }

    func take(_ bytes: UnsafeRawBufferPointer) throws(DownloadError) {
        receivedByteCount += Int64(bytes.count)
        guard takesBytes else { return }
        let count = part.byteCount + Int64(bytes.count)
        if let expected = download.byteCount ?? part.origin?.total, count > expected {
            throw .wrongSize(url: url, expected: expected, found: count)
        }
        guard count <= BaseImage.byteLimit else { throw .tooLarge(url: url, limit: BaseImage.byteLimit) }
        try wrapping { () throws(BlockError) in try part.append(bytes) }
        hasher.update(bytes)
        progress(count, download.byteCount ?? part.origin?.total)
    }

    // MARK: After a request

    /// Throws when bytes are missing.
    func checkWhole() throws(DownloadError) {
        guard unchanged == nil else { return }
        guard let expected = download.byteCount ?? part.origin?.total, part.byteCount != expected else { return }
        throw .broken(url: url, reason: "it ended at \(part.byteCount) of \(expected) bytes")
    }

    /// The part and its digest, when it is the expected one; else it begins anew, and a mismatch is thrown.
    func finish() throws(DownloadError) -> (part: PartialDownload, digest: SHA256Digest, etag: String?) {
        var full = SHA256()
        swap(&full, &hasher)
        let digest = full.finalize()
        isHashed = false
        if let expected = download.sha256, expected != digest {
            try restart(PartialDownload.Origin(url: url, validator: nil, total: nil))
            throw .digestMismatch(url: url, expected: expected, found: digest)
        }
        return (part, digest, etag ?? part.origin?.etag)
    }

    /// Drops what is there, so that the next attempt asks for all.
    private func startAgain(_ reason: String) throws(DownloadError) {
        try restart(PartialDownload.Origin(url: url, validator: nil, total: nil))
        throw .broken(url: url, reason: "the server \(reason)")
    }

    private func restart(_ origin: PartialDownload.Origin) throws(DownloadError) {
        try wrapping { () throws(BlockError) in try part.restart(origin, name: download.name) }
        hasher = SHA256()
        isHashed = true
    }

    // MARK: Sizes

    private func check(size: Int64?) throws(DownloadError) {
        guard let size else { return }
        if let expected = download.byteCount, size != expected {
            throw .wrongSize(url: url, expected: expected, found: size)
        }
        guard size <= BaseImage.byteLimit else { throw .tooLarge(url: url, limit: BaseImage.byteLimit) }
    }

    private func checkRoom(for needed: Int64?) throws(DownloadError) {
        guard let needed else { return }
        var found = statvfs()
        guard statvfs(cache.path, &found) == 0 else { return }
        let (free, overflow) = Int64(clamping: found.f_bavail).multipliedReportingOverflow(
            by: Int64(clamping: found.f_frsize))
        guard overflow || free >= needed else { throw .noRoom(path: cache.path, needed: needed, free: free) }
    }

    private func wrapping<Value>(_ work: () throws(BlockError) -> Value) throws(DownloadError) -> Value {
        do throws(BlockError) { return try work() } catch { throw Downloader.error(error) }
    }
}

extension PartialDownload.Origin {
    /// The validator, where it is an ETag and no date.
    fileprivate var etag: String? { validator.flatMap { $0.hasPrefix("\"") ? $0 : nil } }
}
