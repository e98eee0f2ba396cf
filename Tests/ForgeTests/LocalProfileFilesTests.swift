import Forge
import Foundation
import Plans
import Reports
import TestSupport
import Testing
import Trees

/// The user's real files, as a profile sees them.
struct LocalProfileFilesTests {
    @Test func resolving() {
        let beside = LocalProfileFiles(besideProfile: "profiles/cnat.yaml", home: "/home/me")
        #expect(beside.resolve("keys/a.pub") == "profiles/keys/a.pub")
        #expect(beside.resolve("/abs") == "/abs")
        #expect(beside.resolve("~/.ssh/a.pub") == "/home/me/.ssh/a.pub")
        #expect(beside.resolve("~other/a") == "profiles/~other/a")
        #expect(LocalProfileFiles(besideProfile: "piforge.yaml", home: nil).resolve("a") == "a")
        #expect(LocalProfileFiles(besideProfile: "/piforge.yaml", home: nil).resolve("a") == "/a")
        #expect(LocalProfileFiles(besideProfile: "a/b.yaml", home: nil).resolve("~/x") == "a/~/x")
    }

    @Test("a profile beside real files, with a folder, links and keys", .needs("ssh-keygen", "mkfifo"))
    func profile() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        let manager = FileManager.default
        try manager.createDirectory(atPath: path + "/tree/sub/empty", withIntermediateDirectories: true)
        try Data("outside".utf8).write(to: URL(fileURLWithPath: path + "/outside"))
        try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: path + "/tree/sub/run"))
        try manager.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path + "/tree/sub/run")
        try Data([0xFF, 0x00, 0x0A]).write(to: URL(fileURLWithPath: path + "/tree/ä b"))
        try manager.createSymbolicLink(atPath: path + "/tree/escape", withDestinationPath: "../outside")
        try manager.createSymbolicLink(atPath: path + "/tree/up", withDestinationPath: "..")
        try manager.createSymbolicLink(atPath: path + "/alias", withDestinationPath: "tree")
        try #require(
            try Shell.run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "me", "-f", path + "/id"]).status == 0)
        let text = """
            version: 1
            cluster: real
            defaults:
              authorized_keys_files: [id.pub]
              files: [{source: alias, target: /opt/t}]
            slots: {p1: }
            """
        let files = LocalProfileFiles(besideProfile: path + "/p.yaml", home: nil)
        let settings = try Profile.load(Array(text.utf8), name: "p.yaml", files: files).settings(for: .node(1))
        #expect(
            settings.files.map(\.summary) == [
                "root:/opt/t 0755 0:0, folder", "root:/opt/t/escape 0777 0:0, link to ../outside",
                "root:/opt/t/sub 0755 0:0, folder", "root:/opt/t/sub/empty 0755 0:0, folder",
                "root:/opt/t/sub/run 0755 0:0, 10 bytes", "root:/opt/t/up 0777 0:0, link to ..",
                "root:/opt/t/ä b 0644 0:0, 3 bytes",
            ])
        #expect(settings.authorizedKeys.first?.hasSuffix(" me") == true)

        try #require(try Shell.run("mkfifo", [path + "/tree/pipe"]).status == 0)
        let bad = text.replacing("[id.pub]", with: "[id, none, tree, tree/pipe]")
        do {
            _ = try Profile.load(Array(bad.utf8), name: "p.yaml", files: files)
            Issue.record("accepted")
        } catch {
            #expect(
                error.problems.map { "\($0.position): \($0.message)" } == [
                    "p.yaml:4:27: \(path)/id is a private key: it must never leave your machine",
                    "p.yaml:4:31: could not read \(path)/none: no such file or folder",
                    "p.yaml:4:37: could not read \(path)/tree: it is not a file",
                    "p.yaml:4:43: could not read \(path)/tree/pipe: it is not a file",
                    "p.yaml:5:20: \(path)/alias/pipe is a device, fifo or socket",
                ])
        }
    }

    @Test("what only its owner can read is a secret, unless the profile says otherwise") func privateSources() throws {
        let folder = try TemporaryFolder()
        let path = folder.path
        for (name, mode) in [("token", 0o600), ("tool", 0o700), ("group", 0o640), ("open", 0o644)] {
            try Shell.write(Array("text of \(name)".utf8), to: path + "/" + name)
            #expect(chmod(path + "/" + name, mode_t(mode)) == 0)
        }
        try FileManager.default.createDirectory(atPath: path + "/tree/closed", withIntermediateDirectories: true)
        for name in ["a", "closed/b"] { try Shell.write([65], to: "\(path)/tree/\(name)") }
        #expect(chmod(path + "/tree/closed", 0o700) == 0)
        let text = """
            version: 1
            cluster: real
            defaults:
              files:
                - {source: token, target: /etc/token}
                - {source: tool, target: /etc/tool}
                - {source: group, target: /etc/group2}
                - {source: open, target: /etc/open}
                - {source: token, target: /etc/shown, secret: false}
                - {source: token, target: /etc/wide, mode: "0644"}
                - {source: token, target: /token, partition: boot}
                - {source: tree, target: /srv}
            slots: {p1: }
            """
        let files = LocalProfileFiles(besideProfile: path + "/p.yaml", home: nil)
        let profile = try Profile.load(Array(text.utf8), name: "p.yaml", files: files)
        let settings = try profile.settings(for: .node(1))
        #expect(
            settings.files.map(\.summary).sorted() == [
                "boot:/token, (secret)", "root:/etc/group2 0644 0:0, 13 bytes", "root:/etc/open 0644 0:0, 12 bytes",
                "root:/etc/shown 0644 0:0, 13 bytes", "root:/etc/token 0600 0:0, (secret)",
                "root:/etc/tool 0700 0:0, (secret)", "root:/etc/wide 0644 0:0, (secret)", "root:/srv 0755 0:0, folder",
                "root:/srv/a 0644 0:0, 1 bytes", "root:/srv/closed 0700 0:0, folder",
                "root:/srv/closed/b 0600 0:0, (secret)",
            ])
    }

    @Test("a file over the limit is refused, one at the limit is read")
    func limit() throws {
        let folder = try TemporaryFolder()
        try Data(repeating: 7, count: 100_000).write(to: URL(fileURLWithPath: folder.path + "/a"))
        let files = LocalProfileFiles(folder: folder.path, home: nil)
        #expect(try files.read("a", limit: 100_000).count == 100_000)
        #expect(throws: ProfileFileError.tooLarge(limit: 99_999)) { try files.read("a", limit: 99_999) }
        #expect(throws: ProfileFileError.notFound) { try files.read("a\0b", limit: 1) }
        #expect(throws: ProfileFileError.notAFolder) { try files.entries(in: "a") }
    }

    @Test("a large file is not held, and one that is changed after it was read is noticed")
    func stored() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/large"
        let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        try Shell.write(bytes, to: path)
        try Shell.write([1, 2, 3], to: folder.path + "/small")
        let files = LocalProfileFiles(folder: folder.path, home: nil)
        #expect(try files.stored("small", limit: 1000) == nil)
        #expect(throws: ProfileFileError.tooLarge(limit: 1000)) { try files.stored("large", limit: 1000) }
        #expect(throws: ProfileFileError.notFound) { try files.stored("none", limit: 1000) }
        let stored = try #require(try files.stored("large", limit: 200_000))
        let digest = try Shell.run("sha256sum", [path]).output.prefix(64)
        #expect(stored.byteCount == 200_000 && stored.sha256 == digest)
        #expect(try stored.content?.bytes(at: 199_990, count: 10) == Array(bytes.suffix(10)))
        for change in [
            "printf x | dd of=\(path) conv=notrunc status=none", "cp \(path) \(path)2 && mv \(path)2 \(path)",
        ] {
            let stored = try #require(try files.stored("large", limit: 200_000))
            try #require(try Shell.run("sh", ["-c", change]).status == 0)
            let error = #expect(throws: VolumeError.self) { try stored.content?.bytes(at: 0, count: 10) }
            #expect("\(error.map { "\($0)" } ?? "")".contains("large"))
        }
    }
}
