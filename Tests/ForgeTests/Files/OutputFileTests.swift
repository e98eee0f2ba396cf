import Foundation
import Glibc
import Images
import Reports
import TestSupport
import Testing

/// What others may have put at the partial name of an output.
@Suite
struct OutputFileTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/out.img" }
    private var partial: String { path + ".partial" }

    init() throws { folder = try TemporaryFolder() }

    private func write(_ byte: UInt8) throws {
        let file = try OutputFile(path: path, mode: 0o600, replacing: true)
        try file.write([byte].span.bytes, at: 0)
        try file.commit()
    }

    private func failure() -> ForgeError? {
        do throws(ForgeError) {
            _ = try OutputFile(path: path, mode: 0o600, replacing: true)
            return nil
        } catch {
            return error
        }
    }

    private func status(_ path: String) throws -> stat {
        var found = stat()
        try #require(lstat(path, &found) == 0)
        return found
    }

    @Test("a file with another name is not written through")
    func hardLink() throws {
        let other = folder.path + "/other"
        try Shell.write([9], to: other)
        try FileManager.default.linkItem(atPath: other, toPath: partial)
        try write(1)
        #expect(FileManager.default.contents(atPath: other) == Data([9]))
        #expect(FileManager.default.contents(atPath: path) == Data([1]))
        #expect(try status(path).st_ino != status(other).st_ino && status(path).st_nlink == 1)
    }

    @Test("somebody else's file does not become the output", .needsRoot)
    func owner() throws {
        try Shell.write([9], to: partial)
        try #require(chown(partial, 1000, 1000) == 0)
        // Who had it open reads nothing of what is written.
        let reader = open(partial, O_RDONLY)
        defer { close(reader) }
        try write(1)
        #expect(try status(path).st_uid == geteuid() && status(path).st_mode & 0o777 == 0o600)
        var byte: UInt8 = 0
        #expect(pread(reader, &byte, 1, 0) == 1 && byte == 9)
    }

    @Test("a link, a pipe or a folder is refused by name", arguments: ["link", "pipe", "folder"])
    func noFile(kind: String) throws {
        try Shell.write([9], to: folder.path + "/other")
        switch kind {
        case "link": try FileManager.default.createSymbolicLink(atPath: partial, withDestinationPath: "other")
        case "pipe": try #require(mkfifo(partial, 0o600) == 0)
        default: try FileManager.default.createDirectory(atPath: partial, withIntermediateDirectories: false)
        }
        let error = failure()
        #expect(error?.kind == .cannotCreate)
        #expect(error?.message == "could not create \(path): something that is no file lies at \(partial)")
        #expect(FileManager.default.contents(atPath: folder.path + "/other") == Data([9]))
    }

    @Test("one that a living run writes is left to it, one that a dead run left is not")
    func leftover() throws {
        let living = try OutputFile(path: path, mode: 0o600, replacing: true)
        #expect(failure()?.message == "could not create \(path): another piforge is writing it")
        #expect(UnfinishedOutputs.remaining.contains(partial))
        _ = consume living
        #expect(!UnfinishedOutputs.remaining.contains(partial))
        try Shell.write([UInt8](repeating: 9, count: 100), to: partial)
        try write(2)
        #expect(FileManager.default.contents(atPath: path) == Data([2]))
        #expect(!FileManager.default.fileExists(atPath: partial))
    }

    @Test("what takes its place meanwhile is not given the name")
    func exchanged() throws {
        let file = try OutputFile(path: path, mode: 0o600, replacing: true)
        try FileManager.default.removeItem(atPath: partial)
        try Shell.write([9], to: partial)
        var error: ForgeError?
        do throws(ForgeError) { try file.commit() } catch let failure { error = failure }
        #expect(error?.message == "could not create \(path): somebody has taken away \(partial)")
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(FileManager.default.contents(atPath: partial) == Data([9]))
    }
}
