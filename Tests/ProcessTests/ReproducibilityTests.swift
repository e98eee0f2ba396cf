import Foundation
import Images
import TestSupport
import Testing

/// The same inputs give the same bytes, whoever builds, where, when and with what in the environment.
@Suite(.needs(BaseSpec.tools + ["xz", "zip", "setpriv"]))
struct ReproducibilityTests {
    @Test("everything that must not matter", arguments: Thoroughness.isFull ? [nil, "1234567890"] : [nil])
    func environment(epoch: String?) async throws {
        let base = try await BaseSpec.plain.path()
        let profile = try RichProfile()
        let here = Piforge(folder: profile.folder.path, environment: ["SOURCE_DATE_EPOCH": epoch ?? ""])
        let first = try here.run(
            "build", "--profile", "rich.yaml", "--slot", "p3,cnat", "--base", base, "--output", "out")
        #expect(first.status == 0, "\(first.error)")

        let packed = try TemporaryFolder()
        let xz = packed.path + "/same.img.xz"
        let zip = packed.path + "/same.zip"
        try Packer.xz(base, to: xz)
        try Packer.run("zip", ["-q", "-1", "-j", zip, base])
        let other = try OtherUser()
        let home = try TemporaryFolder()
        for (index, (path, variables)) in [
            (xz, ["TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"]),
            (zip, ["TZ": "America/New_York", "LC_ALL": "C", "USER": "someone"]),
            (base, ["TZ": ":/none", "LC_ALL": "de_DE.ISO-8859-1", "TMPDIR": "/"]),
        ].enumerated() {
            // The folders of others are copied as an archive would bring them: with other times and modes, but not with
            // such that call a file a secret.
            let folder = (other?.folder ?? home).path + "/\(index)"
            try Packer.run("cp", ["-r", profile.folder.path, folder])
            try Packer.run("rm", ["-rf", folder + "/out", folder + "/cache"])
            try Packer.run("chmod", ["-R", "u+rwX,g=,o=rX", folder + "/tree/sub"])
            if other != nil { try Packer.run("chown", ["-R", "65534:65534", folder]) }
            var there = other?.piforge ?? Piforge(folder: folder)
            there.folder = folder
            there.cache = folder + "/cache"
            there.prefix += ["sh", "-c", "umask 077; exec \"$0\" \"$@\""]
            there.environment = variables.merging(["SOURCE_DATE_EPOCH": epoch ?? ""]) { $1 }
            let again = try there.run(
                "build", "--profile", folder + "/rich.yaml", "--slot", "cnat,p3", "--base", path, "--output", ".")
            #expect(again.status == 0, "\(again.error)")
            for slot in ["p3", "cnat"] {
                let one = profile.folder.path + "/out/rich-\(slot)"
                let two = folder + "/rich-\(slot)"
                #expect(try Card(one + ".img").sha256() == (try Card(two + ".img").sha256()), "\(path) \(slot)")
                var (old, new) = (try manifest(one), try manifest(two))
                if let epoch { #expect(old.sourceDateEpoch == Int64(epoch)) }
                #expect((old.base == new.base) == (path == base))
                old.base = new.base
                #expect(old == new)
            }
        }
    }

    private func manifest(_ stem: String) throws -> Manifest {
        try JSONDecoder().decode(
            Manifest.self, from: Data(contentsOf: URL(fileURLWithPath: stem + ".manifest.json")))
    }

    @Test("SOURCE_DATE_EPOCH is the time of what changes, and of nothing else") func epoch() async throws {
        let base = try Card(try await BaseSpec.plain.path())
        let folder = try TemporaryFolder()
        let epoch: Int64 = 1_500_000_001
        let result = try #require(
            try await Piforge.build("p3", from: base.path, into: folder.path, epoch: epoch).first)
        let card = try Card(result.imagePath)
        let new = try CardTree(card)
        for change in result.manifest.changes where change.action != .remove {
            let path = String(change.path.dropFirst())
            if change.partition == "root" {
                // 2017-07-14 02:40:01 UTC; debugfs prints hex digits.
                let line = new.root[path]?.inode.split(separator: "\n").first { $0.hasPrefix(" mtime:") } ?? ""
                #expect(line.hasPrefix(" mtime: 0x59682f01:00000000"), "\(path)\(line)")
            } else {
                // FAT counts in steps of two seconds.
                #expect(new.boot[path]?.modified == Date(timeIntervalSince1970: Double(epoch / 2 * 2)), "\(path)")
            }
        }
        let wrong = try Piforge(folder: folder.path).run(
            "build", "--slot", "p3", "--base", base.path, environment: ["SOURCE_DATE_EPOCH": "soon"])
        #expect(wrong.status == 64)
        #expect(wrong.error.hasPrefix("error: could not use SOURCE_DATE_EPOCH: \"soon\" is no number"))
    }
}
