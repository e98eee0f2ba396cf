import Blocks
import Foundation
import Reports
import TestSupport
import Testing

@testable import Downloads

struct LockFileTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/piforge.lock" }

    init() throws { folder = try TemporaryFolder() }

    private func entry(_ url: String, seed: UInt8 = 1) throws -> LockFile.Entry {
        let digest = try #require(SHA256Digest(bytes: [UInt8](repeating: seed, count: 32)))
        return LockFile.Entry(url: url, bytes: 5, sha256: digest)
    }

    @Test("what is set is read again; the file is sorted, and the same for the same entries")
    func written() throws {
        #expect(try LockFile.read(path) == LockFile())
        var listed = try entry("https://example.org/c")
        (listed.list, listed.name) = ("https://example.org/list.json", "OS")
        listed.etag = "\"1\""
        listed.imageSHA256 = listed.sha256
        try LockFile.set(listed, in: path)
        try LockFile.set(entry("https://example.org/b"), in: path)
        try LockFile.set(entry("https://example.org/a"), in: path)
        try LockFile.set(entry("https://example.org/b", seed: 2), in: path)
        let lock = try LockFile.read(path)
        #expect(lock.entries.map(\.url) == ["a", "b", "c"].map { "https://example.org/" + $0 })
        #expect(lock[.url("https://example.org/b")]?.sha256 == String(repeating: "02", count: 32))
        #expect(lock[.listed(list: "https://example.org/list.json", name: "OS")] == listed)
        #expect(lock[.url("https://example.org/c")] == nil)
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains("\"image_sha256\""))
        try LockFile.set(entry("https://example.org/b", seed: 2), in: path)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["piforge.lock"])
    }

    @Test("entries that several set at once are all kept")
    func together() async throws {
        let path = path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                let entry = try entry("https://example.org/\(number)")
                group.addTask { try LockFile.set(entry, in: path) }
            }
            try await group.waitForAll()
        }
        #expect(try LockFile.read(path).entries.count == 8)
    }

    @Test(
        "a lock that piforge did not write is refused and stays",
        arguments: [
            "", "{}", "[]", "{\"bases\": [], \"version\": 2}", "{\"bases\": [{\"url\": 1}], \"version\": 1}",
            "{\"bases\": [{\"url\": \"u\", \"bytes\": 1, \"sha256\": \"xyz\"}], \"version\": 1}",
            "{\"bases\": [{\"url\": \"u\", \"bytes\": -1, \"sha256\": \"\(String(repeating: "0", count: 64))\"}], \"version\": 1}",
        ])
    func foreign(text: String) throws {
        try Shell.write(Array(text.utf8), to: path)
        let entry = try entry("https://example.org/a")
        let error = #expect(throws: ForgeError.self) { try LockFile.set(entry, in: path) }
        #expect(error?.kind == .badInput)
        #expect(error?.message.hasPrefix("could not use \(path): ") == true)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
    }
}
