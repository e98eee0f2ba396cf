import Bases
import Blocks
import Foundation
import Synchronization
import TestSupport

@testable import Downloads

/// A cache of its own, and a file that a server has.
struct DownloadFixture {
    let folder: TemporaryFolder
    let server: WebServer
    let cache: Cache
    /// 300000 bytes that do not repeat, served as base.img.xz.
    let file: [UInt8]

    static let name = "base.img.xz"
    static let size = 300_000

    init() throws {
        folder = try TemporaryFolder()
        server = try WebServer()
        cache = Cache(path: folder.path + "/cache")
        var random = SeededGenerator(seed: 5)
        file = random.bytes(Self.size)
        try server.serve(file, as: Self.name)
    }

    /// What sha256sum(1) says of the served file.
    func digest(of name: String = DownloadFixture.name) throws -> SHA256Digest? {
        let output = try Shell.run("sha256sum", [server.path(of: name)]).output
        return SHA256Digest(hex: output.prefix(64))
    }

    func url(_ how: String) -> String { server.url(how, Self.name) }

    func downloader(
        stallSeconds: Int = 1, certificates: CertificateFiles = CertificateFiles(environment: [:]),
        isCancelled: @escaping @Sendable () -> Bool = { false },
        onProgress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) -> Downloader {
        var downloader = Downloader(
            cache: cache, certificates: certificates, observe: { if $0.stage == .download { onProgress($0.done) } },
            isCancelled: isCancelled)
        downloader.limits.stallSeconds = stallSeconds
        downloader.limits.pause = 1
        downloader.limits.attempts = 3
        return downloader
    }

    func run(
        _ hows: String..., sha256: SHA256Digest? = nil, byteCount: Int64? = nil, isRenewing: Bool = true
    ) throws -> Downloader.Result {
        try downloader().run(
            Download(urls: hows.map(url), sha256: sha256, byteCount: byteCount, isRenewing: isRenewing))
    }

    /// What a download fails with; nil when it does not.
    func failure(of hows: String..., sha256: SHA256Digest? = nil, byteCount: Int64? = nil) -> Downloader.Failure? {
        do throws(Downloader.Failure) {
            _ = try downloader().run(Download(urls: hows.map(url), sha256: sha256, byteCount: byteCount))
            return nil
        } catch {
            return error
        }
    }

    /// Begins to download the file, and is interrupted after a sixth of it.
    func begin(sha256: SHA256Digest? = nil) -> Downloader.Failure? {
        let isEnough = Mutex(false)
        let downloader = downloader(
            isCancelled: { isEnough.withLock { $0 } }, onProgress: { done in isEnough.withLock { $0 = done > 50_000 } })
        do throws(Downloader.Failure) {
            _ = try downloader.run(Download(urls: [url("slow")], sha256: sha256))
            return nil
        } catch {
            return error
        }
    }

    func holdsFile(_ result: Downloader.Result) throws -> Bool {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: result.file.path))) == file
    }

    /// The part and the note of each download that was begun.
    func parts() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cache.path + "/downloads").filter { $0.hasSuffix(".part") }
    }
}
