import Foundation
import TestSupport
import Testing
import Trees

@testable import Volumes

/// The kernel's ext4 as oracle: what we write it reads, and what it writes we read.
@Suite(.serialized, .needs("mke2fs", "e2fsck", "mount", "umount", "tar"))
struct Ext4KernelTests {
    /// Mounts the image for `body`; the test is cancelled where that is not possible.
    private func mounted(_ image: Ext4Image, _ body: (String) throws -> Void) throws {
        let folder = try TemporaryFolder()
        let result = try Shell.run("mount", ["-o", "loop,acl,user_xattr", "-t", "ext4", image.path, folder.path])
        try ToolsTrait.require(result.status == 0, "the kernel cannot mount ext4 here: \(result.error)")
        do { try body(folder.path) } catch {
            try Shell.unmount(folder.path)
            throw error
        }
        let ended = try Shell.unmount(folder.path)
        #expect(ended.status == 0, "\(ended.error)")
    }

    @Test(
        "the kernel finds, by name, all that was put, and adds to it",
        arguments: [Ext4Image.Format.debian, .trixie, .checksummed, .uninit, .ext2])
    func kernel(_ format: Ext4Image.Format) throws {
        let image = try Ext4Image(format)
        var random = SeededGenerator(seed: 6)
        let names = (0..<200).map { "a rather long name to fill blocks with, number \($0)" }
        var tool = FileNode.file(random.bytes(200_000))
        tool.metadata = .init(
            mode: 0o640, owner: 70000, group: 42, modified: 1_600_000_000,
            extendedAttributes: [
                "security.capability": Ext4MediaTests.capability
            ])
        try image.edit { volume in
            try volume.put(.folder(), at: "/many")
            for name in names { try volume.put(.file(name), at: try #require(VolumePath("/many/" + name))) }
            try volume.put(tool, at: "/tool")
            try volume.put(.link(String(repeating: "l", count: 200)), at: "/long")
        }
        try image.check()
        try mounted(image) { root in
            for name in names {
                #expect(try String(contentsOfFile: root + "/many/" + name, encoding: .utf8) == name)
            }
            #expect(try Array(Data(contentsOf: URL(fileURLWithPath: root + "/tool"))) == Array(tool.bytes))
            let stat = try Shell.run("stat", ["-c", "%a %u %g %Y %s", root + "/tool"])
            #expect(stat.output == "640 70000 42 1600000000 200000\n")
            let target = try FileManager.default.destinationOfSymbolicLink(atPath: root + "/long")
            #expect(target == String(repeating: "l", count: 200))
            // The kernel turns the folder into a hashed one, or keeps ours, as it adds to it.
            for name in names { try Data(name.utf8).write(to: URL(fileURLWithPath: root + "/many/kernel " + name)) }
            for name in names.prefix(100) { try FileManager.default.removeItem(atPath: root + "/many/" + name) }
            let made = try Shell.run("mknod", [root + "/null", "c", "1", "3"])
            #expect(made.status == 0)
            _ = try Shell.run("truncate", ["-s", "5000000", root + "/sparse"])
            _ = try Shell.run("fallocate", ["-l", "300000", root + "/preallocated"])
            _ = try Shell.run("ln", [root + "/tool", root + "/same tool"])
        }
        try image.check()
        let all = names.dropFirst(100) + names.map { "kernel " + $0 }
        try image.edit { volume in
            #expect(try volume.entries(in: "/many") == all.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
            #expect(try volume.node(at: "/same tool") == tool)
            #expect(try volume.node(at: "/sparse")?.content == .file([UInt8](repeating: 0, count: 5_000_000)))
            try volume.put(.file("short now"), at: "/sparse")
            if try volume.status(at: "/preallocated")?.byteCount == 300_000 {
                #expect(try volume.node(at: "/preallocated")?.content == .file([UInt8](repeating: 0, count: 300_000)))
                try volume.put(.file(random.bytes(500_000)), at: "/preallocated")
            }
            try volume.put(.file("one of two"), at: "/same tool")
            for name in names { try volume.put(.folder(), at: try #require(VolumePath("/many/ours " + name))) }
            for name in names.dropFirst(150) { try volume.remove(try #require(VolumePath("/many/kernel " + name))) }
        }
        try image.check()
        try mounted(image) { root in
            for name in names.dropFirst(100) {
                #expect(try String(contentsOfFile: root + "/many/" + name, encoding: .utf8) == name)
            }
            for name in names { #expect(FileManager.default.fileExists(atPath: root + "/many/ours " + name)) }
            let stat = try Shell.run("stat", ["-c", "%h", root + "/many"])
            #expect(stat.output == "202\n")
            let null = try Shell.run("stat", ["-c", "%F %t:%T", root + "/null"])
            #expect(null.output == "character special file 1:3\n")
            let arguments = ["--xattrs", "--xattrs-include=*", "-C", root, "-cf", "-", "tool"]
            let archive = try Shell.run("tar", arguments).output
            #expect(archive.contains("SCHILY.xattr.security.capability=\u{01}\0\0\u{02}\0 \0\0"))
        }
        try image.check()
    }
}

extension FileNode {
    fileprivate var bytes: [UInt8] {
        if case .file(let bytes) = content { bytes } else { [] }
    }
}
