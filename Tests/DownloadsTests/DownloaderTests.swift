import Bases
import Blocks
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import Downloads

/// Downloads from a server that does wrong what a real one may do wrong.
@Suite(.needs(WebServer.tools), .mustEnd)
struct DownloaderTests {
    @Test("a file comes whole, under its name, and is known by its digest and its address afterwards")
    func plain() throws {
        let fixture = try DownloadFixture()
        let result = try fixture.run("plain")
        #expect(try fixture.holdsFile(result))
        #expect(result.file.name == DownloadFixture.name)
        #expect(result.file.digest == (try fixture.digest()))
        #expect(result.etag?.count == 18)
        #expect(try fixture.parts() == [])
        // By the digest without a request; by the address with one that brings no bytes.
        _ = try fixture.run("plain", sha256: fixture.digest())
        #expect(try fixture.server.requests().count == 1)
        #expect(try fixture.holdsFile(fixture.run("plain")))
        #expect(try fixture.server.requests().last == "GET /plain/base.img.xz - - \(try #require(result.etag)) 304")
        #expect(try fixture.parts() == [])
        _ = try fixture.run("plain", isRenewing: false)
        #expect(try fixture.server.requests().count == 2)
    }

    @Test(
        "what breaks off or stalls goes on where it was",
        arguments: [
            ("cut-once-100000", "100000"), ("cut-100000", "100000"), ("stall-once-131072", "131072"),
        ])
    func resumed(how: String, from: String) throws {
        let fixture = try DownloadFixture()
        let result = try fixture.run(how)
        #expect(try fixture.holdsFile(result))
        #expect(result.file.digest == (try fixture.digest()))
        let etag = try #require(result.etag)
        #expect(try fixture.server.requests()[1] == "GET /\(how)/base.img.xz bytes=\(from)- \(etag) - 206")
    }

    @Test(
        "ranges that are ignored, and other versions, begin the file anew",
        arguments: ["whole-cut-100000", "tags-cut-100000"])
    func anew(how: String) throws {
        let fixture = try DownloadFixture()
        let result = try fixture.run(how)
        #expect(try fixture.holdsFile(result))
        #expect(result.file.digest == (try fixture.digest()))
        #expect(try fixture.server.requests().map { $0.suffix(3) } == ["200", "200"])
    }

    @Test("a file that was replaced between two attempts is not put together of both")
    func replaced() throws {
        let fixture = try DownloadFixture()
        #expect(fixture.begin()?.error == .cancelled)
        #expect(try fixture.parts().count == 1)
        var random = SeededGenerator(seed: 6)
        let newer = random.bytes(200_000)
        try fixture.server.serve(newer, as: DownloadFixture.name)
        let result = try fixture.run("slow")
        #expect([UInt8](try Data(contentsOf: URL(fileURLWithPath: result.file.path))) == newer)
        #expect(try fixture.server.requests().last?.hasSuffix("200") == true)
    }

    @Test("an interruption keeps what came, and the next run goes on from there")
    func interrupted() throws {
        let fixture = try DownloadFixture()
        let failure = try #require(fixture.begin())
        let kept = failure.kept
        #expect(failure.error == .cancelled)
        #expect((50_000..<300_000).contains(kept))
        #expect(try fixture.holdsFile(fixture.run("slow")))
        #expect(try fixture.server.requests().last?.contains("bytes=\(kept)-") == true)
    }

    @Test("a part that was damaged on the disk does not become the file")
    func damagedPart() throws {
        let fixture = try DownloadFixture()
        let digest = try fixture.digest()
        #expect(fixture.begin(sha256: digest)?.error == .cancelled)
        let part = fixture.cache.path + "/downloads/" + (try #require(try fixture.parts().first))
        let status = try Shell.run("sh", ["-c", "printf X | dd of='\(part)' conv=notrunc bs=1 seek=100"]).status
        #expect(status == 0)
        #expect(try fixture.holdsFile(fixture.run("plain", sha256: digest)))
        #expect(try fixture.server.requests().map { $0.suffix(3) } == ["200", "206", "200"])
    }

    @Test("of several addresses the first that has the file gives it, also the rest of what another began")
    func mirrors() throws {
        let fixture = try DownloadFixture()
        let digest = try fixture.digest()
        #expect(try fixture.run("status-404", "status-500", "plain").url == fixture.url("plain"))
        let other = try DownloadFixture()
        #expect(try other.holdsFile(other.run("cut-50000", "plain", sha256: digest)))
        #expect(try other.server.requests().last?.hasPrefix("GET /plain/base.img.xz bytes=150000- -") == true)
        // Without a digest nothing says that it is the same file.
        let third = try DownloadFixture()
        #expect(try third.holdsFile(third.run("whole-cut-100000", "plain")))
    }

    @Test("an address with other bytes is passed over for one with the right ones")
    func wrongMirror() throws {
        let fixture = try DownloadFixture()
        try fixture.server.serve(Array("something else".utf8), as: "other")
        let result = try fixture.downloader().run(
            Download(urls: [fixture.server.url("plain", "other"), fixture.url("plain")], sha256: fixture.digest()))
        #expect(try fixture.holdsFile(result))
    }

    @Test("a busy server is asked again")
    func busy() throws {
        let fixture = try DownloadFixture()
        #expect(try fixture.holdsFile(fixture.run("busy-once")))
    }

    @Test("what cannot be had is refused for its reason", arguments: ["status-404", "status-403", "status-500"])
    func refused(how: String) throws {
        let fixture = try DownloadFixture()
        let code = try #require(Int(how.suffix(3)))
        #expect(fixture.failure(of: how)?.error == .status(url: fixture.url(how), code))
        #expect(try fixture.server.requests().count == (code < 500 ? 1 : 3))
    }

    @Test("a server that lies about the length, or stops for good, is not believed")
    func lies() throws {
        let fixture = try DownloadFixture()
        let digest = try fixture.digest()
        guard case .broken? = fixture.failure(of: "longer-1000")?.error else {
            Issue.record("a file that is shorter than promised was taken")
            return
        }
        let shorter = fixture.failure(of: "shorter-1000", sha256: digest)
        guard case .digestMismatch(_, digest, _)? = shorter?.error else {
            Issue.record("a file that is longer than promised was taken: \(String(describing: shorter))")
            return
        }
        let size = Int64(DownloadFixture.size)
        #expect(
            fixture.failure(of: "plain", byteCount: size + 1)?.error
                == .wrongSize(url: fixture.url("plain"), expected: size + 1, found: size))
        guard case .wrongSize(_, size - 1, _)? = fixture.failure(of: "unsized", byteCount: size - 1)?.error else {
            Issue.record("a file that is longer than expected was taken")
            return
        }
        #expect(fixture.failure(of: "stall-0")?.error == .stalled(url: fixture.url("stall-0"), seconds: 1))
        #expect(try fixture.holdsFile(fixture.run("unsized", byteCount: size)))
    }

    @Test("a part other than the one that was asked for is not added")
    func shifted() throws {
        let fixture = try DownloadFixture()
        let digest = try fixture.digest()
        #expect(fixture.begin(sha256: digest)?.error == .cancelled)
        #expect(try fixture.holdsFile(fixture.run("shifted", sha256: digest)))
        #expect(try fixture.server.requests().map { $0.suffix(3) } == ["200", "206", "200"])
    }

    @Test("redirections are followed to http and https, and nowhere else, and not for ever")
    func redirections() throws {
        let fixture = try DownloadFixture()
        func redirected(to url: String) -> Download {
            let escaped = url.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return Download(urls: ["http://127.0.0.1:\(fixture.server.port)/to/\(escaped)"])
        }
        #expect(try fixture.holdsFile(fixture.downloader().run(redirected(to: fixture.url("plain")))))
        let file = fixture.server.path(of: DownloadFixture.name)
        for url in ["file://\(file)", "ftp://127.0.0.1/x", "dict://127.0.0.1:1/x"] {
            let download = redirected(to: url)
            let failure = #expect(throws: Downloader.Failure.self) { try fixture.downloader().run(download) }
            #expect(failure?.error == .protocolRefused(url: download.urls[0]))
        }
        let loop = Download(urls: ["http://127.0.0.1:\(fixture.server.port)/loop"])
        let failure = #expect(throws: Downloader.Failure.self) { try fixture.downloader().run(loop) }
        guard case .unreachable? = failure?.error else {
            Issue.record("\(String(describing: failure))")
            return
        }
        #expect(try fixture.server.requests().count < 50)
    }

    @Test("several piforges that want one file fetch it once")
    func together() async throws {
        let fixture = try DownloadFixture()
        let digest = try fixture.digest()
        let (downloader, url) = (fixture.downloader(stallSeconds: 30), fixture.url("slow"))
        let digests = try await withThrowingTaskGroup(of: SHA256Digest.self) { group in
            for _ in 0..<3 {
                group.addTask { try downloader.run(Download(urls: [url], sha256: digest)).file.digest }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(digests == Array(repeating: digest, count: 3))
        #expect(try fixture.server.requests().count == 1)
    }

    @Test("a download in the cache that was damaged is fetched anew")
    func damaged() throws {
        let fixture = try DownloadFixture()
        let path = try fixture.run("plain").file.path
        #expect(try Shell.run("sh", ["-c", "printf X | dd of='\(path)' conv=notrunc bs=1 seek=100"]).status == 0)
        #expect(try fixture.holdsFile(fixture.run("plain", sha256: fixture.digest())))
        #expect(try fixture.server.requests().count == 2)
    }

    @Test("the cache lists downloads and their parts, keeps what is in use, and lets go of the rest")
    func listed() throws {
        let fixture = try DownloadFixture()
        let kept = try fixture.run("plain")
        #expect(fixture.failure(of: "cut-1000")?.kept == 3000)
        let items = fixture.cache.items()
        #expect(items.map(\.kind) == [.download, .part])
        #expect(items.map(\.source) == [DownloadFixture.name, DownloadFixture.name])
        #expect(items.map(\.isInUse) == [true, false])
        #expect(items.map { fixture.cache.remove($0) } == [false, true])
        withExtendedLifetime(kept) {}
        #expect(try fixture.parts() == [])
    }
}
