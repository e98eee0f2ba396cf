import Bases
import Blocks
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Downloads

/// Downloads from a real server, over http and https.
@Suite(.needs(Nginx.tools), .mustEnd)
struct NginxTests {
    private let folder: TemporaryFolder
    private let nginx: Nginx
    private let bytes: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        nginx = try Nginx()
        var random = SeededGenerator(seed: 7)
        bytes = random.bytes(500_000)
        try nginx.serve(bytes, as: "base.img")
    }

    private func downloader(
        _ environment: [String: String] = [:], isCancelled: @escaping @Sendable () -> Bool = { false },
        onProgress: @escaping @Sendable (Int64) -> Void = { _ in }
    ) -> Downloader {
        var downloader = Downloader(
            cache: Cache(path: folder.path + "/cache"), certificates: CertificateFiles(environment: environment),
            observe: { if $0.stage == .download { onProgress($0.done) } }, isCancelled: isCancelled)
        downloader.limits.pause = 1
        return downloader
    }

    private func failure(_ downloader: Downloader, _ download: Download) -> DownloadError? {
        do throws(Downloader.Failure) {
            _ = try downloader.run(download)
            return nil
        } catch {
            return error.error
        }
    }

    private func holdsFile(_ result: Downloader.Result) throws -> Bool {
        [UInt8](try Data(contentsOf: URL(fileURLWithPath: result.file.path))) == bytes
    }

    @Test("an interrupted download goes on with the rest alone")
    func resumed() throws {
        let isEnough = Mutex(false)
        let first = downloader(
            isCancelled: { isEnough.withLock { $0 } }, onProgress: { done in isEnough.withLock { $0 = done > 30_000 } })
        let url = nginx.http("limited/base.img")
        #expect(failure(first, Download(urls: [url])) == .cancelled)
        #expect(try holdsFile(downloader().run(Download(urls: [url]))))
        // The second request alone was answered with the rest; nginx logs the first when it notices its end.
        let rest = try #require(try nginx.requests().first { $0.contains(" 206 ") })
        let start = try #require(Int(rest.split(separator: "=")[1].prefix { $0 != "-" }))
        #expect(rest == "GET /limited/base.img bytes=\(start)- 206 \(bytes.count - start)")
        #expect(start > 30_000)
        // Nothing new: no bytes.
        #expect(try holdsFile(downloader().run(Download(urls: [url]))))
        #expect(try nginx.logs("GET /limited/base.img - 304 0"))
    }

    @Test("https takes an authority that this machine, or a variable of curl's or OpenSSL's, knows")
    func https() throws {
        let download = Download(urls: [nginx.https("base.img")])
        guard case .untrusted? = failure(downloader(), download) else {
            Issue.record("a server that nobody vouches for was believed")
            return
        }
        for name in ["SSL_CERT_FILE", "CURL_CA_BUNDLE"] {
            #expect(try holdsFile(downloader([name: nginx.authority]).run(download)))
        }
        #expect(
            try holdsFile(
                downloader(["SSL_CERT_FILE": nginx.authority]).run(
                    Download(urls: [nginx.http("secure/base.img")]))))
    }

    @Test("https leads to http only where a digest vouches for the file")
    func downgrade() throws {
        let secure = downloader(["SSL_CERT_FILE": nginx.authority])
        let url = nginx.https("plain/base.img")
        #expect(failure(secure, Download(urls: [url])) == .protocolRefused(url: url))
        let digest = SHA256.digest(of: bytes.span.bytes)
        #expect(try holdsFile(secure.run(Download(urls: [url], sha256: digest))))
    }

    @Test("nobody at the address")
    func nobody() throws {
        let url = "http://127.0.0.1:9/base.img"
        guard case .unreachable(url, _)? = failure(downloader(), Download(urls: [url])) else {
            Issue.record("nobody was not noticed")
            return
        }
    }
}
