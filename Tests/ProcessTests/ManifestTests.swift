import Foundation
import Images
import TestSupport
import Testing

/// What is recorded and printed: true, and free of secrets.
@Suite(.needs(BaseSpec.tools))
struct ManifestTests {
    @Test("digests of the base, the image and every file", arguments: ["bullseye", "bookworm"])
    func digests(_ release: String) async throws {
        let base = try Card(try await BaseSpec.of(release, "cbridge").path())
        let profile = try RichProfile()
        let folder = try TemporaryFolder()
        let result = try #require(
            try await Piforge.build("p3", from: base.path, into: folder.path, profile: profile.path).first)
        let card = try Card(result.imagePath)
        let written = try Data(contentsOf: URL(fileURLWithPath: result.manifestPath))
        let manifest = try JSONDecoder().decode(Manifest.self, from: written)
        #expect(manifest == result.manifest)
        #expect(manifest.base.sha256 == (try base.sha256()))
        #expect(manifest.base.format == "raw")
        #expect(manifest.output.sha256 == (try card.sha256()))
        let bytes = try FileManager.default.attributesOfItem(atPath: card.path)[.size] as? Int64
        #expect(manifest.output.bytes == bytes)
        #expect(manifest.output.file == "rich-p3.img" && manifest.slot == "p3" && manifest.cluster == "rich")
        #expect(manifest.settings?.count == 64)

        let (old, new) = (try CardTree(base), try CardTree(card))
        let order = manifest.changes.map { $0.partition + ":" + $0.path }
        #expect(order == order.sorted() && Set(order).count == order.count)
        for change in manifest.changes {
            let path = String(change.path.dropFirst())
            let isBoot = change.partition == "boot"
            let before = isBoot ? old.boot[path].map(\.bytes) : old.root[path].map(\.fileBytes)
            let after = isBoot ? new.boot[path].map(\.bytes) : new.root[path].map(\.fileBytes)
            #expect((before == nil) == (change.action == .create), "\(change.path)")
            #expect((after == nil) == (change.action == .remove), "\(change.path)")
            #expect(change.oldSHA256 == (change.secret ? nil : before.flatMap { $0 }.map(sha256)), "\(change.path)")
            #expect(change.newSHA256 == (change.secret ? nil : after.flatMap { $0 }.map(sha256)), "\(change.path)")
            #expect(!change.reason.isEmpty)
        }
        let secret = Set(manifest.changes.filter(\.secret).map(\.path))
        #expect(secret.isSuperset(of: ["/etc/token"]))
        // Everything that differs is named: the trees' difference and the record are one set.
        let changed = new.root.filter { path, entry in
            old.root[path]?.bytes != entry.bytes || old.root[path]?.mode != entry.mode
        }.keys.map { "/" + $0 }
        #expect(Set(changed).isSubset(of: manifest.changes.map(\.path)))
        #expect(try FileManager.default.attributesOfItem(atPath: card.path)[.posixPermissions] as? Int == 0o600)
    }

    private func sha256(_ data: Data) -> String {
        (try? Shell.run("sha256sum", [], input: Array(data)).output).map { String($0.prefix(64)) } ?? "no sha256sum"
    }

    @Test("no secret is printed or recorded", arguments: ["buster", "bullseye", "bookworm"])
    func secrets(_ release: String) async throws {
        let base = try await BaseSpec.of(release, "cbridge").path()
        let profile = try RichProfile()
        let piforge = Piforge(folder: profile.folder.path)
        var texts: [String] = []
        for arguments in [
            ["plan"], ["plan", "--json"], ["plan", "--settings"], ["plan", "--settings", "--json"],
            ["build", "--json", "--output", "out"],
        ] {
            let answer = try piforge.run(
                arguments + ["--profile", "rich.yaml", "--slot", "p3,cnat", "--base", base, "--log-file", "log"])
            #expect(answer.status == 0, "\(answer.error)")
            #expect(!answer.output.isEmpty)
            texts += [answer.output, answer.error]
        }
        // Another hash, passphrase and token: what verify prints has old and new secrets in reach.
        let others = [
            "--set", "password_hash=$6$othersalt$" + String(repeating: "x", count: 86), "--set",
            "wifi.psk=other pass phrase",
        ]
        for extra in [[], ["--json"]] {
            let answer = try piforge.run(
                ["verify", "out/rich-p3.img", "--profile", "rich.yaml", "--slot", "p3"] + others + extra)
            #expect(answer.status == 1)
            texts += [answer.output, answer.error]
        }
        for name in ["out/rich-p3.manifest.json", "out/rich-cnat.manifest.json", "log"] {
            let path = profile.folder.path + "/" + name
            texts.append(String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self))
        }
        for text in texts {
            for secret in RichProfile.secrets + ["other pass phrase", "othersalt"] {
                #expect(!text.contains(secret), "\(secret) in \(text.prefix(200))")
                // Nor a digest of it, from which a short one can be guessed.
                #expect(!text.contains(sha256(Data(secret.utf8))))
                #expect(!text.contains(sha256(Data((secret + "\n").utf8))))
            }
        }
    }

    @Test("flags: a wrong secret is not repeated in the error") func wrongSecrets() throws {
        let folder = try TemporaryFolder()
        let piforge = Piforge(folder: folder.path)
        let short = try piforge.run(
            "plan", "--slot", "p3", "--base", "x", "--set", "wifi.ssid=a", "--set", "wifi.psk=Zw7q")
        #expect(short.status == 64)
        #expect(short.error.contains("wifi.psk") && !short.error.contains("Zw7q"), "\(short.error)")
        let plain = try piforge.run("plan", "--slot", "p3", "--base", "x", "--password-hash", "Zw7qPlain")
        #expect(plain.status == 64)
        #expect(!plain.error.contains("Zw7qPlain"), "\(plain.error)")
    }
}

extension CardTree.RootEntry {
    /// The content when it is a file.
    var fileBytes: Data? { type == "regular" ? bytes : nil }
}
