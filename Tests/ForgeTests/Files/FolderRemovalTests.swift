import Foundation
import Glibc
import Reports
import TestSupport
import Testing

@testable import Netboot

/// Trees that are taken away, whatever somebody has made of them.
@Suite(.serialized, .needsRoot)
struct FolderRemovalTests {
    private let folder: TemporaryFolder
    private var tree: String { folder.path + "/tree" }

    init() throws {
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/tree/a/b", withIntermediateDirectories: true)
        try Shell.write([1], to: folder.path + "/tree/a/b/file")
    }

    private func failure(isOwn: Bool = false) -> ForgeError? {
        do throws(ForgeError) {
            try FolderRemoval.remove(tree, isOwn: isOwn)
            return nil
        } catch {
            return error
        }
    }

    private var exists: Bool { FileManager.default.fileExists(atPath: tree) }

    @Test("a folder of the same file system that is mounted in the tree is not entered", .needs("mount", "umount"))
    func bindMount() throws {
        let precious = folder.path + "/precious"
        try FileManager.default.createDirectory(atPath: precious, withIntermediateDirectories: false)
        try Shell.write([7], to: precious + "/file")
        let place = tree + "/a/b/data with a blank"
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        #expect(try Shell.run("mount", ["--bind", precious, place]).status == 0)
        let error = failure()
        try Shell.unmount(place)
        #expect(error?.kind == .cannotCreate)
        #expect(
            error?.message
                == "could not replace \(tree): something is mounted at \(place), whose files are not the tree's")
        #expect(FileManager.default.contents(atPath: precious + "/file") == Data([7]))
        // Nothing was removed before the mount was seen.
        #expect(FileManager.default.contents(atPath: tree + "/a/b/file") == Data([1]))
        #expect(failure() == nil && !exists)
    }

    @Test("1,500 folders, one in the other, are no more than three")
    func deep() throws {
        var descriptor = open(tree, O_RDONLY | O_DIRECTORY)
        for _ in 0..<1500 {
            try #require(mkdirat(descriptor, "d", 0o700) == 0)
            let next = openat(descriptor, "d", O_RDONLY | O_DIRECTORY)
            close(descriptor)
            descriptor = next
        }
        close(openat(descriptor, "file", O_WRONLY | O_CREAT, 0o600))
        close(descriptor)
        #expect(failure() == nil && !exists)
    }

    @Test("what is immutable is named, and keeps nothing else", .needs("chattr"))
    func immutable() throws {
        #expect(try Shell.run("chattr", ["+i", tree + "/a/b/file"]).status == 0)
        try Shell.write([2], to: tree + "/other")
        let error = failure()
        #expect(try Shell.run("chattr", ["-i", tree + "/a/b/file"]).status == 0)
        #expect(error?.kind == .inputOutput)
        #expect(
            error?.message
                == "could not remove \(tree)/a/b/file: operation not permitted, it may be immutable (chattr(1))")
        #expect(!FileManager.default.fileExists(atPath: tree + "/other"))
        #expect(failure() == nil && !exists)
    }

    @Test("one that a living run fills is refused")
    func living() throws {
        let descriptor = open(tree, O_RDONLY | O_DIRECTORY)
        defer { close(descriptor) }
        #expect(flock(descriptor, LOCK_EX) == 0)
        #expect(failure()?.message == "could not create \(tree): another piforge is writing it")
        #expect(FileManager.default.fileExists(atPath: tree + "/a/b/file"))
        #expect(failure(isOwn: true) == nil && !exists)
        #expect(failure() == nil)
    }

    @Test("links are removed and lead nowhere")
    func links() throws {
        try Shell.write([3], to: folder.path + "/outside")
        try FileManager.default.createSymbolicLink(atPath: tree + "/link", withDestinationPath: folder.path)
        #expect(failure() == nil && !exists)
        #expect(FileManager.default.contents(atPath: folder.path + "/outside") == Data([3]))
        try FileManager.default.createSymbolicLink(atPath: tree, withDestinationPath: folder.path)
        #expect(failure()?.kind == .inputOutput)
        #expect(FileManager.default.contents(atPath: folder.path + "/outside") == Data([3]))
    }
}
