package import Bases
import Blocks
import Glibc
package import Reports

/// Brings files from http and https addresses into the cache, hashed as they come; what was begun is gone on with.
package struct Downloader: Sendable {
    package let cache: Cache
    package var limits = TransferLimits()
    private let certificates: CertificateFiles
    private let observe: Progress.Observer
    private let isCancelled: @Sendable () -> Bool

    /// Bytes that make an attempt worth another one, however many there were.
    private static let usefulByteCount: Int64 = 16 << 20

    package init(
        cache: Cache, certificates: CertificateFiles, observe: @escaping Progress.Observer,
        isCancelled: @escaping @Sendable () -> Bool = { Interruption.isRequested }
    ) {
        self.cache = cache
        self.certificates = certificates
        self.observe = observe
        self.isCancelled = isCancelled
    }

    /// A file in the cache, and where it came from.
    package struct Result: Sendable {
        package let file: Cache.Download
        package let url: String
        package let etag: String?
    }

    /// What goes wrong, and how many bytes are kept for the next run.
    package struct Failure: Error {
        package let error: DownloadError
        package let kept: Int64
    }

    /// Brings a file into the cache, or finds it there. Addresses are tried in their order, each several times as long
    /// as the reason may pass; the first one's error counts where all fail.
    package func run(_ download: Download) throws(Failure) -> Result {
        var kept: Int64 = 0
        do throws(DownloadError) {
            return try run(download, kept: &kept)
        } catch {
            throw Failure(error: error, kept: kept)
        }
    }

    private func run(_ download: Download, kept: inout Int64) throws(DownloadError) -> Result {
        if let known = known(download) { return known }
        let key = download.sha256 ?? Self.key(of: download.urls)
        let part = try wrapping(
            cache.partialDownload(
                key, isCancelled: isCancelled, onWait: { observe(progress(.wait, download, 0, download.byteCount)) }),
            as: Self.error)
        guard let part else { throw .cancelled }
        // Whoever had the part before may have done the work.
        if let known = known(download) {
            part.discard()
            return known
        }
        let transfer = FileTransfer(part, of: download, in: cache) { done, total in
            observe(progress(.download, download, done, total))
        }
        defer { transfer.dropUseless() }
        var first: DownloadError?
        for url in download.urls {
            do throws(DownloadError) {
                return try file(at: url, download, transfer)
            } catch {
                kept = transfer.byteCount
                guard error.isOfAddress else { throw error }
                first = first ?? error
            }
        }
        throw first ?? .library("was given no address")
    }

    private static func key(of urls: [String]) -> SHA256Digest {
        SHA256.digest(of: Array(urls.joined(separator: "\n").utf8).span.bytes)
    }

    /// What the cache has: by the digest, or where none is asked for and nothing newer, by an address.
    private func known(_ download: Download) -> Result? {
        let damaged: (String) -> Void = { observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) }
        if let digest = download.sha256 {
            guard let file = cache.download(digest, onDamage: damaged), let url = download.urls.first else {
                return nil
            }
            let remembered = download.urls.lazy.compactMap { cache.rememberedAddress($0) }.first
            return Result(file: file, url: url, etag: remembered?.digest == digest ? remembered?.etag : nil)
        }
        guard !download.isRenewing else { return nil }
        for url in download.urls {
            if let address = cache.rememberedAddress(url), let file = cache.download(address.digest, onDamage: damaged)
            {
                return Result(file: file, url: url, etag: address.etag)
            }
        }
        return nil
    }

    /// One address's file; what was put together of parts of several files is fetched once more.
    private func file(at url: String, _ download: Download, _ transfer: FileTransfer) throws(DownloadError) -> Result {
        let isContinued = transfer.byteCount > 0
        do throws(DownloadError) {
            try attempts(url, download, transfer)
            return try keep(transfer, url, download)
        } catch {
            guard case .digestMismatch = error, isContinued else { throw error }
        }
        try attempts(url, download, transfer)
        return try keep(transfer, url, download)
    }

    /// Asks one address until it has given everything.
    private func attempts(_ url: String, _ download: Download, _ transfer: FileTransfer) throws(DownloadError) {
        var useless = 0
        while true {
            let before = transfer.receivedByteCount
            do throws(DownloadError) {
                try transfer.prepare(for: url, isCancelled: isCancelled)
                let request = HTTPRequest(
                    url: url, fields: transfer.fields, from: transfer.from,
                    allowsDowngrade: download.sha256 != nil, limits: limits, certificates: certificates)
                try request.run(transfer, isCancelled: isCancelled)
                return try transfer.checkWhole()
            } catch {
                guard error.isPassing else { throw error }
                useless = transfer.receivedByteCount - before >= Self.usefulByteCount ? 0 : useless + 1
                guard useless < limits.attempts else { throw error }
            }
            try pause()
        }
    }

    /// Waits before the next attempt, unless an interruption ends it.
    private func pause() throws(DownloadError) {
        var left = limits.pause
        while left > 0 {
            if isCancelled() { throw .cancelled }
            let step = min(left, 100)
            usleep(step * 1000)
            left -= step
        }
    }

    private func keep(_ transfer: FileTransfer, _ url: String, _ download: Download) throws(DownloadError) -> Result {
        if let unchanged = transfer.unchanged { return Result(file: unchanged.file, url: url, etag: unchanged.etag) }
        let (part, digest, etag) = try transfer.finish()
        let file = try wrapping(cache.keep(part, digest: digest, name: download.name), as: Self.error)
        // Only spares the next run a transfer.
        try? cache.remember(RememberedAddress(digest: digest, etag: etag), of: url)
        return Result(file: file, url: url, etag: etag)
    }

    private func progress(_ stage: Progress.Stage, _ download: Download, _ done: Int64, _ total: Int64?) -> Progress {
        Progress(stage: stage, subject: download.name, done: done, total: total ?? 0)
    }

    static func error(_ error: BlockError) -> DownloadError {
        error == .cancelled ? .cancelled : .block(error)
    }
}
