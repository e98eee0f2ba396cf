import Bases
import Blocks
import Foundation
import Plans
import Reports
import Synchronization
import TestSupport
import Testing

@testable import Forge

/// What the lock, the profile and the cache decide about a base that an address gives.
@Suite(.needs(WebServer.tools + ["sha256sum"]), .mustEnd)
struct BaseFetchTests {
    private let folder: TemporaryFolder
    private let server: WebServer
    private let notes = Notes()

    private final class Notes: Sendable {
        private let texts = Mutex<[String]>([])
        func add(_ text: String) { texts.withLock { $0.append(text) } }
        var all: [String] { texts.withLock { $0 } }
    }

    init() throws {
        folder = try TemporaryFolder()
        server = try WebServer()
        try server.serve(Array("the first version".utf8), as: "base.img")
    }

    private var temporary: String { folder.path + "/temporary" }
    private var lockPath: String { folder.path + "/piforge.lock" }
    private var url: String { server.url("plain", "base.img") }

    private func digest(of name: String = "base.img") throws -> String {
        String(try Shell.run("sha256sum", [server.path(of: name)]).output.prefix(64))
    }

    private func fetch(
        _ base: Profile.Base, offline: Bool = false, updating: Bool = false, hasLock: Bool = true
    ) throws(ForgeError) -> BaseFetch.Fetched {
        var options = BaseFetch.Options(
            cache: Cache(path: folder.path + "/cache"), lockPath: hasLock ? lockPath : nil, isOffline: offline,
            environment: ["TMPDIR": temporary], note: { [notes] in notes.add($0) })
        options.isUpdating = updating
        return try BaseFetch(options).fetch(base, observe: { _ in })
    }

    private func lock() throws -> String { try String(contentsOfFile: lockPath, encoding: .utf8) }

    @Test("the first version is taken on trust and kept; another one is refused until it is accepted")
    func trustOnFirstUse() throws {
        let base = Profile.Base(.urls([url]))
        let first = try digest()
        #expect(try fetch(base).entry.sha256 == first)
        #expect(notes.all == ["note: \(lockPath) now holds the sha256 of \(url), by which it is known from now on"])
        let written = try lock()
        for text in [url, first, "\"bytes\" : 17", "\"etag\""] { #expect(written.contains(text)) }

        try server.serve(Array("another version".utf8), as: "base.img")
        let second = try digest()
        let count = try server.requests().count
        #expect(try fetch(base).entry.sha256 == first)
        #expect(try server.requests().count == count)
        #expect(
            try FileManager.default.subpathsOfDirectory(atPath: folder.path + "/cache").contains { $0.contains(first) })
        try FileManager.default.removeItem(atPath: folder.path + "/cache")
        for _ in 0..<2 {
            let error = #expect(throws: ForgeError.self) { try fetch(base) }
            #expect(error?.kind == .badInput)
            #expect(error?.message.contains(first) == true && error?.message.contains(second) == true)
            #expect(error?.hint?.hasSuffix("piforge fetch --update") == true)
            #expect(try lock() == written)
        }
        #expect(try fetch(base, updating: true).entry.sha256 == second)
        #expect(try fetch(base).entry.sha256 == second)
        #expect(try !lock().contains(first))
        // What was refused once is not fetched a second time, nor is what was accepted.
        #expect(try server.requests().filter { $0.hasSuffix(" 200") }.count == 2)
    }

    @Test("a profile's sha256 counts for more than the lock")
    func ownDigest() throws {
        _ = try fetch(Profile.Base(.urls([url])))
        try server.serve(Array("another version".utf8), as: "base.img")
        let base = Profile.Base(.urls([url]), sha256: try digest())
        #expect(try fetch(base).entry.sha256 == (try digest()))
        #expect(try lock().contains(digest()))
        let wrong = Profile.Base(.urls([url]), sha256: String(repeating: "a", count: 64))
        let error = #expect(throws: ForgeError.self) { try fetch(wrong) }
        #expect(error?.message.contains(String(repeating: "a", count: 64)) == true)
        #expect(try error?.message.contains(digest()) == true)
    }

    @Test("offline, what is in the cache will do, and what is not is named")
    func offline() throws {
        let base = Profile.Base(.urls([url]))
        let error = #expect(throws: ForgeError.self) { try fetch(base, offline: true) }
        #expect(error?.kind == .unavailable)
        #expect(error?.message.hasPrefix("could not use \(url): it is not in the cache") == true)
        #expect(try server.requests() == [])
        _ = try fetch(base, hasLock: false)
        #expect(try fetch(base, offline: true, hasLock: false).entry.sha256 == (try digest()))
        #expect(try fetch(base, offline: true).entry.sha256 == (try digest()))
        #expect(try server.requests().count == 1)
    }

    @Test("where no lock can be written, that is said, and the base is used", .needs("setpriv"))
    func readOnlyFolder() throws {
        try Shell.write([], to: folder.path + "/file")
        var options = BaseFetch.Options(
            cache: Cache(path: folder.path + "/cache"), lockPath: folder.path + "/absent/piforge.lock",
            isOffline: false,
            environment: [:], note: { [notes] in notes.add($0) })
        options.isUpdating = false
        let found = try BaseFetch(options).fetch(Profile.Base(.urls([url])), observe: { _ in })
        #expect(found.entry.sha256 == (try digest()))
        #expect(notes.all.count == 1 && notes.all[0].contains(found.entry.sha256))
    }

    // MARK: Lists

    private func serveList(_ entry: String) throws {
        try server.serve(Array("{\"os_list\": [{\"name\": \"A\", \"subitems\": [\(entry)]}]}".utf8), as: "list.json")
    }

    @Test("an entry of a list is its address, size and digest; what was chosen once stays chosen")
    func listed() throws {
        let base = Profile.Base(.listed(name: "OS", list: server.url("plain", "list.json")))
        let first = try digest()
        try serveList(
            "{\"name\": \"OS\", \"url\": \"\(url)\", \"image_download_size\": 17, \"image_download_sha256\": \"\(first)\"}"
        )
        #expect(try fetch(base).entry.sha256 == first)
        #expect(try lock().contains("\"name\" : \"OS\""))
        // Another list, another image: not before somebody wants it.
        try server.serve(Array("newer".utf8), as: "newer.img")
        try serveList("{\"name\": \"OS\", \"url\": \"\(server.url("plain", "newer.img"))\"}")
        #expect(try fetch(base).entry.sha256 == first)
        #expect(try fetch(base, offline: true).entry.sha256 == first)
        #expect(try fetch(base, updating: true).entry.sha256 == (try digest(of: "newer.img")))
        #expect(try fetch(base).file.name == "newer.img")
    }

    @Test("an entry is found in the lists that a list names, though one of them is missing")
    func furtherLists() throws {
        let other = "{\"name\": \"Gone\", \"subitems_url\": \"\(server.url("plain", "gone.json"))\"}"
        let mine = "{\"name\": \"Mine\", \"subitems_url\": \"\(server.url("plain", "mine.json"))\"}"
        try serveList("\(other), \(mine), {\"name\": \"Bad\", \"subitems_url\": \"file:///etc/passwd\"}")
        let loop = "{\"name\": \"Again\", \"subitems_url\": \"\(server.url("plain", "mine.json"))\"}"
        try server.serve(
            Array("{\"os_list\": [{\"name\": \"OS\", \"url\": \"\(url)\"}, \(loop)]}".utf8), as: "mine.json")
        let list = server.url("plain", "list.json")
        #expect(try fetch(Profile.Base(.listed(name: "A / Mine / OS", list: list))).entry.sha256 == (try digest()))
        let error = #expect(throws: ForgeError.self) { try fetch(Profile.Base(.listed(name: "None", list: list))) }
        #expect(error?.message.contains("it has no image \"None\"") == true, "\(error?.message ?? "")")
    }

    @Test("a list that lies about the file is not believed")
    func lyingList() throws {
        let list = folder.path + "/list.json"
        func refuse(_ entry: String, _ reason: String) throws {
            try Shell.write(Array("{\"os_list\": [\(entry)]}".utf8), to: list)
            let error = #expect(throws: ForgeError.self) { try fetch(Profile.Base(.listed(name: "OS", list: list))) }
            #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
            #expect(!FileManager.default.fileExists(atPath: lockPath))
        }
        let other = String(repeating: "a", count: 64)
        try refuse("{\"name\": \"OS\", \"url\": \"\(url)\", \"image_download_size\": 16}", "it has 17 bytes, but 16")
        try refuse("{\"name\": \"OS\", \"url\": \"\(url)\", \"image_download_sha256\": \"\(other)\"}", other)
        try refuse("{\"name\": \"OS\", \"url\": \"file:///etc/passwd\"}", "is no address of https or http")
        try refuse("{\"name\": \"Other\", \"url\": \"\(url)\"}", "it has no image \"OS\"")
        // A raw image is its own digest; it takes a table to be one.
        try Shell.write([UInt8](repeating: 0, count: 510) + [0x55, 0xAA], to: server.path(of: "base.img"))
        try refuse(
            "{\"name\": \"OS\", \"url\": \"\(url)\", \"extract_sha256\": \"\(other)\"}", "the sha256 of its image is")
    }

    // MARK: Signatures

    @Test(
        "a signature by one of the keys is asked for once; any other is refused", .needs("gpg"),
        arguments: [true, false])
    func signed(armored: Bool) throws {
        let script = """
            export GNUPGHOME=$1/gpg; mkdir -m 700 "$GNUPGHOME"; cd "$1"
            for name in maker other; do
                gpg -q --batch --passphrase '' --quick-generate-key $name@example.org ed25519 sign
                gpg -q --batch \(armored ? "--armor" : "") --export $name@example.org > $name.keys
            done
            gpg -q --batch -u maker@example.org -o base.img.sig --detach-sign "$2"
            gpgconf --kill all
            """
        let made = try Shell.run("sh", ["-ec", script, "sh", folder.path, server.path(of: "base.img")])
        #expect(made.status == 0, "\(made.error)")
        try server.serve(fileAt: folder.path + "/base.img.sig", as: "base.img.sig")
        func base(_ keys: String) -> Profile.Base {
            Profile.Base(
                .urls([url]),
                signature: .init(location: server.url("plain", "base.img.sig"), keys: folder.path + "/" + keys))
        }
        // The keys lie where temporary files belong, as long as that takes.
        let without = #expect(throws: ForgeError.self) { try fetch(base("maker.keys")) }
        #expect(without?.message.contains(temporary) == true, "\(String(describing: without))")
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: false)
        defer { #expect((try? FileManager.default.contentsOfDirectory(atPath: temporary)) == []) }
        let refused = #expect(throws: ForgeError.self) { try fetch(base("other.keys")) }
        #expect(refused?.kind == .badInput)
        #expect(refused?.message.contains("is no signature of it by a key of \(folder.path)/other.keys") == true)
        #expect(!FileManager.default.fileExists(atPath: lockPath))
        let found = try fetch(base("maker.keys"))
        let keys = try Shell.run("sha256sum", [folder.path + "/maker.keys"]).output.prefix(64)
        #expect(found.entry.keySHA256 == String(keys))
        // The lock says that it is good: the signature itself is not needed any more.
        try FileManager.default.removeItem(atPath: folder.path + "/base.img.sig")
        let count = try server.requests().count
        #expect(try fetch(base("maker.keys")).entry == found.entry)
        #expect(try server.requests().count == count)
        #expect(throws: ForgeError.self) { try fetch(base("other.keys")) }
        #expect(try fetch(Profile.Base(.urls([url]))).entry.keySHA256 == nil)
    }
}
