import Bases
import Foundation
import Images
import Reports
import TestSupport
import Testing
import Trees
import Volumes

/// What members of archives say besides their bytes, in pax records: kept, or refused by name.
struct TreeArchiveLimitTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func open(_ members: [TreeArchiveTests.Member]) throws -> ArchiveVolume? {
        let top = ["./", "./etc/", "./boot/"].map { TreeArchiveTests.Member(name: $0, type: "5") }
        let path = folder.path + "/\(UUID().uuidString).tar"
        try Shell.write((top + members).flatMap(\.block) + [UInt8](repeating: 0, count: 1024), to: path)
        let cache = Cache(path: folder.path + "/cache")
        return try ArchiveVolume.open(.init(path: path, sha256: nil), cache: cache, observe: { _ in })?.volume
    }

    /// A member with pax records before it.
    private func member(
        _ name: String, type: Character = "0", _ records: [(String, [UInt8])]
    ) -> [TreeArchiveTests.Member] {
        let body = records.flatMap { key, value -> [UInt8] in
            let rest = Array(" \(key)=".utf8) + value + [0x0A]
            var digits = 1
            while String(rest.count + digits).utf8.count != digits { digits += 1 }
            return Array(String(rest.count + digits).utf8) + rest
        }
        return [.init(name: "pax", type: "x", bytes: body), .init(name: name, type: type)]
    }

    private func text(_ key: String, _ value: String) -> (String, [UInt8]) { (key, Array(value.utf8)) }

    private func expectRefusal(_ members: [TreeArchiveTests.Member], _ reason: String) {
        #expect { try open(members) } throws: { error in
            guard let error = error as? ForgeError else { return false }
            return error.kind == .badInput && error.message.contains(reason)
        }
    }

    @Test("a time that no file system stores is refused and never summed")
    func times() throws {
        for time in ["9223372036854775807.9", "9223372036854775807", "-9223372036854775808", "15032385536"] {
            expectRefusal(member("etc/f", [text("mtime", time)]), "has the impossible time of")
        }
        let volume = try #require(try open(member("etc/f", [text("mtime", "15032385535.999999999")])))
        #expect(volume.newestTime == 15_032_385_536)
    }

    @Test("access lists are kept in the kernel's form, with the mask in the mode")
    func accessLists() throws {
        let list = "user::rw-,user:1000:r--,group::r--,mask::rw-,other::---"
        let volume = try #require(
            try open(
                member("etc/f", [text("SCHILY.acl.access", list)])
                    + member("etc/d/", type: "5", [text("SCHILY.acl.default", "user::rwx,group::r-x,other::--x")])))
        func bytes(_ entries: [(UInt8, UInt8, UInt32)]) -> [UInt8] {
            entries.reduce([2, 0, 0, 0]) { bytes, entry in
                bytes + [entry.0, 0, entry.1, 0] + (0..<4).map { UInt8(truncatingIfNeeded: entry.2 >> (8 * $0)) }
            }
        }
        let file = try #require(try volume.status(at: "/etc/f"))
        #expect(
            file.metadata.extendedAttributes == [
                "system.posix_acl_access": bytes([
                    (1, 6, .max), (2, 4, 1000), (4, 4, .max), (0x10, 6, .max), (0x20, 0, .max),
                ])
            ])
        #expect(file.metadata.mode == 0o660)
        let directory = try #require(try volume.status(at: "/etc/d"))
        #expect(
            directory.metadata.extendedAttributes == [
                "system.posix_acl_default": bytes([(1, 7, .max), (4, 5, .max), (0x20, 1, .max)])
            ])
        expectRefusal(
            member(
                "etc/f", [text("SCHILY.acl.access", "user::rw-,user:nobodyknows:r--,group::r--,mask::r--,other::---")]),
            "has an access list of unknown users")
        expectRefusal(
            member("etc/f", [text("SCHILY.acl.ace", "owner@:rw-p--aARWcCos:-------:allow")]), "NFS version 4")
    }

    @Test("attributes are kept up to what Linux stores, and refused beyond it")
    func attributes() throws {
        let value = [UInt8](repeating: 7, count: 65536)
        let volume = try #require(try open(member("etc/f", [("SCHILY.xattr.user.big", value)])))
        #expect(try volume.status(at: "/etc/f")?.metadata.extendedAttributes == ["user.big": value])
        expectRefusal(
            member("etc/f", [("SCHILY.xattr.user.big", value + [7])]), "has 65537 bytes of the attribute user.big")
        let large = [UInt8](repeating: 7, count: 2 << 20)
        expectRefusal(member("etc/f", [("SCHILY.xattr.user.big", large)]), "could not unpack")
    }

    @Test("what lies deep is found again")
    func names() throws {
        let deep = (0..<1000).map { String($0 % 10) }.joined(separator: "/")
        let volume = try #require(
            try open(
                member("x", [text("path", deep + "/file")])))
        let path = try #require(VolumePath("/" + deep + "/file"))
        #expect(try volume.status(at: path)?.kind == .file)
        #expect(try volume.status(at: path.parent)?.kind == .directory)
        let reader = volume.treeReader()
        var paths: [VolumePath] = []
        while let entry = try reader.next() { paths.append(entry.path) }
        #expect(paths.count == 1 + 2 + 1000 + 1)
        #expect(zip(paths, paths.dropFirst()).allSatisfy { $0 < $1 })
    }

    @Test("attributes and names of megabytes without end are refused, not held")
    func memory() {
        let value = [UInt8](repeating: 7, count: 60_000)
        let members = (0..<1800).flatMap { number in
            member("etc/\(number)", [("SCHILY.xattr.user.big", value)])
        }
        expectRefusal(members, "is one name too many")
    }
}
