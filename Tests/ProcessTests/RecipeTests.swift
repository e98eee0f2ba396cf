import Foundation
import TestSupport
import Testing

/// Every profile of docs/recipes.md builds as it stands there, with packages of the names that it speaks of.
@Suite(.needs(BaseSpec.tools + ["dpkg-deb"])) struct RecipeTests {
    private static let recipes: [String] = {
        let path = Repository.path + "/docs/recipes.md"
        let text = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
        return text.components(separatedBy: "```yaml\n").dropFirst().map {
            $0.components(separatedBy: "```").first ?? ""
        }
    }()

    @Test("there are some") func some() { #expect(Self.recipes.count >= 3) }

    @Test("each builds, and is what it asks for", arguments: recipes.indices) func builds(index: Int) async throws {
        let folder = try TemporaryFolder()
        let piforge = Piforge(folder: folder.path)
        try Shell.write(Array(Self.recipes[index].utf8), to: folder.path + "/piforge.yaml")
        try DebianPackage("prometheus-node-exporter").make(in: folder.path + "/debs/node-exporter")
        try DebianPackage("mpich").make(in: folder.path + "/debs/mpich")
        try Shell.write(Array("#!/bin/sh\n".utf8), to: folder.path + "/k3s")
        try Shell.write(Array("secret".utf8), to: folder.path + "/k3s-token")
        try FileManager.default.createDirectory(atPath: folder.path + "/.ssh", withIntermediateDirectories: true)
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBPLz6wwiZS9B+sm8WJf2yN91XWkst60Wq7VOEmmmA+c you@laptop\n"
        try Shell.write(Array(key.utf8), to: folder.path + "/.ssh/id_ed25519.pub")
        let base = try await BaseSpec.plain.path()
        let built = try piforge.run("build", "--slot", "p1", "--base", base, "--output", "out", "--strict")
        try #require(built.status == 0, "\(built.error)")
        let verified = try piforge.run("verify", "out/sg1-p1.img")
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        let tree = try CardTree(try Card(folder.path + "/out/sg1-p1.img"))
        #expect(tree.root["var/lib/piforge/first-boot/001"] != nil)
        if index < 2 { #expect(tree.root.keys.contains { $0.hasSuffix("_armhf.deb") }) }
        if index == 1 { #expect(tree.root["etc/mpi-hosts"]?.bytes == Data("oneil\ncarter\n".utf8)) }
    }
}
