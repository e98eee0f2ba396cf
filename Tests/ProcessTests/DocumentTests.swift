import Foundation
import TestSupport
import Testing

/// What `--json` prints, by the schemas that are published of it.
@Suite(.needs(BaseSpec.tools + ["python3"]))
struct DocumentTests {
    private static let names = [
        "build", "plan", "verify", "manifest", "cards", "devices", "identify", "inspect", "repair", "netboot",
        "netboot-install", "netboot-lint", "identity", "identity-new", "handoff", "status", "fetch", "cache",
        "cache-prune",
        "report", "doctor", "error",
    ]

    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
    }

    private static func path(_ name: String) -> String { Repository.path + "/docs/schemas/\(name).schema.json" }

    /// Holds documents against their schemas, where nothing may be in them that the schema does not name.
    private func expectValid(
        _ documents: [(String, String)], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let script = """
            import json, sys, jsonschema
            def close(node):
                if isinstance(node, dict):
                    if 'properties' in node:
                        node['additionalProperties'] = False
                    for value in node.values():
                        close(value)
                elif isinstance(node, list):
                    for value in node:
                        close(value)
            for path in sys.argv[1:]:
                document = json.load(open(path))
                product, name, version = document['schema'].split('/')
                schema = json.load(open('\(Repository.path)/docs/schemas/%s.schema.json' % name))
                jsonschema.Draft202012Validator.check_schema(schema)
                close(schema)
                errors = [(list(e.absolute_path), e.message[:200])
                    for e in jsonschema.Draft202012Validator(schema).iter_errors(document)]
                print(product, name, version, errors)
            """
        var paths: [String] = []
        for (number, (_, text)) in documents.enumerated() {
            paths.append(folder.path + "/document-\(number)")
            try Shell.write(Array(text.utf8), to: paths[number])
        }
        let probe = try Shell.run("python3", ["-c", "import jsonschema"])
        try ToolsTrait.require(probe.status == 0, "the module jsonschema of python3 is not installed")
        let answer = try Shell.run("python3", ["-c", script] + paths)
        #expect(answer.status == 0, "\(answer.error)", sourceLocation: sourceLocation)
        #expect(
            answer.output == documents.map { "piforge \($0.0) 1 []\n" }.joined(), sourceLocation: sourceLocation)
    }

    /// The document that a command prints.
    private func document(
        _ name: String, _ arguments: String..., status: Int32 = 0, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> (String, String) {
        let answer = try piforge.run(arguments + ["--json"])
        #expect(answer.status == status, "\(arguments): \(answer.error)", sourceLocation: sourceLocation)
        return (name, answer.output)
    }

    @Test("docs/schemas has what piforge schema prints, and no more") func files() throws {
        for name in Self.names {
            let answer = try piforge.run("schema", name)
            #expect(answer.status == 0, "\(answer.error)")
            try GoldenFile.expect(answer.output, in: Self.path(name))
        }
        let found = try FileManager.default.contentsOfDirectory(atPath: Repository.path + "/docs/schemas")
        #expect(Set(found) == Set(Self.names.map { $0 + ".schema.json" }))
        #expect(try piforge.run("schema", "profile").output == piforge.run("schema").output)
        let unknown = try piforge.run("schema", "biuld")
        #expect(unknown.status == 64)
        #expect(unknown.error == "error: there is no document \"biuld\"\nhint:  piforge schema build\n")
    }

    @Test("images, trees and their manifests") func images() async throws {
        let base = try await BaseSpec.plain.path()
        _ = try Shell.run("truncate", ["-s", "512", folder.path + "/bad.img"])
        var documents = [
            try document("plan", "plan", "--slot", "p1,p3", "--base", base, "--settings", "--set", "ssh=true"),
            try document("identity-new", "identity", "new"),
            try document(
                "build", "build", "--slot", "p1,p3", "--base", base, "--set", "identity=sg1.secret", "--set",
                "password_hash=$5$salt$" + String(repeating: "x", count: 43)),
            try document("verify", "verify", "sg1-p1.img", "--slot", "p1", "--set", "gpu_mem=32", status: 1),
            try document("verify", "verify", "sg1-p1.img", "sg1-p3.img", "--set", "hostname=other", status: 1),
            try document("identify", "identify", "sg1-p3.img"), try document("inspect", "inspect", "sg1-p3.img"),
            try document("inspect", "inspect", base), try document("repair", "repair", "sg1-p3.img"),
            try document("verify", "verify", "sg1-p3.img", "bad.img", "--set", "identity=sg1.secret", status: 65),
            try document("report", "report", "--html", "sg1.html", "--base", base),
            try document(
                "netboot", "netboot", "--slot", "p1", "--base", base, "--no-initramfs", "--output", "trees"),
            try document("netboot-lint", "netboot", "lint", "trees", status: 1),
            try document("error", "inspect", "bad.img", status: 65),
            try document("error", "plan", "--nope", status: 64),
        ]
        for name in ["sg1-p3.manifest.json", "trees/sg1-p1.tar.manifest.json"] {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name))
            documents.append(("manifest", String(decoding: bytes, as: UTF8.self)))
        }
        try expectValid(documents)
    }

    @Test("the cluster and this machine") func cluster() async throws {
        let base = try await BaseSpec.plain.path()
        _ = try Shell.run("sh", ["-c", "xz -T1 -0 -c '\(base)' > '\(folder.path)/base.img.xz'"])
        var documents = [
            try document("identity-new", "identity", "new"),
            try document("identity", "identity", "--set", "identity=sg1.secret"),
            try document("handoff", "handoff", "--set", "identity=sg1.secret"), try document("doctor", "doctor"),
            try document("devices", "devices", "--all"),
        ]
        #expect(try piforge.run("plan", "--slot", "p1", "--base", "base.img.xz", "--cache", "c").status == 0)
        documents.append(try document("cache", "cache", "--cache", "c"))
        documents.append(try document("cache-prune", "cache", "prune", "--all", "--cache", "c"))
        // One machine, where nobody listens.
        try Shell.write(
            Array("version: 1\ncluster: one\nslots: {cnat: {}}\n".utf8), to: folder.path + "/piforge.yaml")
        documents.append(try document("status", "status", "--address", "cnat=127.0.0.1", status: 1))
        try expectValid(documents)
    }

    @Test("cards and a controller's trees", .needsRoot) func cards() async throws {
        let base = try await BaseSpec.of("bookworm", "cnat").path()
        let card = try LoopCard.make(mebibytes: 120, isFull: false)
        let written = try document("cards", "flash", base, card.path, "--yes", "--expect-serial", card.file)
        let small = try LoopCard.make(mebibytes: 2, isFull: false)
        let failed = try document(
            "cards", "build", "--slot", "p1", "--base", base, "--device", small.path, "--yes", "--expect-serial",
            small.file, status: 73)
        let root = folder.path + "/root"
        for (name, text) in [
            ("etc/exports", ""), ("proc/net/dev", "lo: 1 2 3\n"),
            ("proc/net/tcp", "  sl  local_address rem_address   st\n"), ("var/lib/clusterctrl/nfs/keep", ""),
        ] {
            let url = URL(fileURLWithPath: root + "/" + name)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: url)
        }
        let installed = try document(
            "netboot-install", "netboot", "install", "--root", root, "--slot", "p1", "--base", base)
        try expectValid([written, failed, installed])
    }
}
