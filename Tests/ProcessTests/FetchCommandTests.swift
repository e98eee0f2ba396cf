import Foundation
import TestSupport
import Testing

/// Bases that an address gives, by the commands that take them.
@Suite(.needs(BaseSpec.tools + WebServer.tools + ["xz", "sh", "sleep"]), .mustEnd)
struct FetchCommandTests {
    private let folder: TemporaryFolder
    private let server: WebServer
    private let piforge: Piforge

    init() async throws {
        folder = try TemporaryFolder()
        server = try WebServer()
        piforge = Piforge(folder: folder.path, cache: folder.path + "/cache")
        try Packer.xz(
            try await BaseSpec.plain.path(), to: server.path(of: "base.img.xz"), options: ["-0", "--block-size=4MiB"])
    }

    private var url: String { server.url("plain", "base.img.xz") }

    private func writeProfile(_ base: String, slots: String = "cnat: {}, p1: {}") throws {
        try Shell.write(
            Array("version: 1\ncluster: sg1\nbase: \(base)\nslots: {\(slots)}\n".utf8),
            to: folder.path + "/piforge.yaml")
    }

    private func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    @Test("an address gives the same image and manifest as the file")
    func same() throws {
        try writeProfile("{url: ['\(server.url("status-404", "base.img.xz"))', '\(url)']}")
        let fetched = try piforge.run("fetch")
        #expect(fetched.status == 0, "\(fetched.error)")
        let digest = try Shell.run("sha256sum", [server.path(of: "base.img.xz")]).output.prefix(64)
        #expect(fetched.output == "\(digest)  \(server.url("status-404", "base.img.xz"))\n")
        // xz(1) knows what is in it.
        let image = try Shell.run("sh", ["-c", "xz -dc '\(server.path(of: "base.img.xz"))' | sha256sum"]).output.prefix(
            64)
        #expect(try text("piforge.lock").contains("\"image_sha256\" : \"\(image)\""))
        let count = try server.requests().count
        for (base, output) in [(server.path(of: "base.img.xz"), "file"), (nil, "address")] as [(String?, String)] {
            let built = try piforge.run(
                ["build", "--slot", "p1", "--output", output] + (base.map { ["--base", $0] } ?? ["--offline"]))
            #expect(built.status == 0, "\(built.error)")
        }
        let sums = try Shell.run(
            "sh", ["-c", "cd '\(folder.path)' && sha256sum <file/sg1-p1.img && sha256sum <address/sg1-p1.img"])
        let lines = sums.output.split(separator: "\n")
        #expect(lines.count == 2 && lines[0] == lines[1])
        #expect(try text("file/sg1-p1.manifest.json") == text("address/sg1-p1.manifest.json"))
        #expect(try server.requests().count == count)
        let listed = try piforge.run("cache").output
        #expect(listed.contains("download  base.img.xz  (download; "), "\(listed)")
    }

    @Test("every command that takes a base takes an address")
    func commands() throws {
        let planned = try piforge.run("plan", "--slot", "p1", "--base", url)
        #expect(planned.status == 0, "\(planned.error)")
        #expect(planned.output.hasPrefix("p1: "))
        let trees = try piforge.run("netboot", "--slot", "p1", "--base", url, "--output", "trees")
        #expect(trees.status == 0, "\(trees.error)")
        #expect(try text("trees/p1.tar.manifest.json").contains("\"file\" : \"base.img.xz\""))
        let inspected = try piforge.run("inspect", url)
        #expect(inspected.status == 0, "\(inspected.error)")
        let built = try piforge.run("build", "--slot", "p1", "--base", url, "--output", ".")
        #expect(built.status == 0, "\(built.error)")
        try server.serve(fileAt: folder.path + "/p1.img", as: "p1.img")
        let verified = try piforge.run("verify", server.url("plain", "p1.img"), "--slot", "p1")
        #expect(verified.status == 0, "\(verified.error)")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/piforge.lock"))
    }

    @Test("an entry of Imager's list is a base, also of one slot")
    func listed() throws {
        let source = server.path(of: "base.img.xz")
        let answer = try Shell.run(
            "sh", ["-c", "sha256sum <'\(source)'; xz -dc '\(source)' | sha256sum; wc -c <'\(source)'"])
        let sums = answer.output.split(whereSeparator: \.isWhitespace)
        let list = """
            {"os_list": [{"name": "Clusters", "subitems": [{"name": "Node", "url": "\(url)",
              "image_download_size": \(sums[4]), "image_download_sha256": "\(sums[0])", "extract_sha256": "\(sums[2])"}]}]}
            """
        try server.serve(Array(list.utf8), as: "list.json")
        let base = "{list: '\(server.url("plain", "list.json"))', name: Node}"
        try writeProfile("none.img", slots: "p1: {base: \(base)}")
        let built = try piforge.run("build", "--slot", "p1")
        #expect(built.status == 0, "\(built.error)")
        #expect(try text("sg1-p1.manifest.json").contains("\"sha256\" : \"\(sums[0])\""))
        #expect(try text("piforge.lock").contains("\"list\""))
    }

    @Test("a signal keeps what came, says so, and the next run goes on from there")
    func interrupted() throws {
        let script = """
            "$@" > list 2> errors & child=$!
            until find cache -name '*.part' -size +64k 2> /dev/null | grep -q .; do sleep 0.02; done
            kill -INT $child; wait $child; code=$?
            cat errors >&2
            exit $code
            """
        var striking = piforge
        striking.prefix = ["sh", "-c", script, "sh"]
        let answer = try striking.run("fetch", server.url("slow", "base.img.xz"))
        #expect(answer.status == 130)
        #expect(
            answer.error.contains("of base.img.xz are kept, and the next run goes on from there"), "\(answer.error)")
        let again = try piforge.run("fetch", server.url("slow", "base.img.xz"))
        #expect(again.status == 0, "\(again.error)")
        #expect(try server.requests().last?.hasSuffix(" 206") == true)
    }

    @Test("a full disk is told, with what helps", .needsRoot, .needs("mount", "umount"))
    func fullDisk() throws {
        let small = folder.path + "/small"
        try FileManager.default.createDirectory(atPath: small, withIntermediateDirectories: true)
        try #require(try Shell.run("mount", ["-t", "tmpfs", "-o", "size=256k", "none", small]).status == 0)
        defer { _ = try? Shell.unmount(small) }
        for how in ["plain", "unsized"] {
            let answer = try piforge.run(
                "fetch", server.url(how, "base.img.xz"), environment: ["XDG_CACHE_HOME": small])
            #expect(answer.status == 74)
            #expect(
                answer.error.hasSuffix("hint:  free space there, or set XDG_CACHE_HOME to a folder on a larger disk\n"),
                "\(answer.error)")
        }
    }

    @Test(
        "wrong usage of fetch is refused",
        arguments: [
            (["fetch"], 64), (["fetch", "--update", "--offline"], 64),
            (["fetch", "https://user:s3cret@127.0.0.1/x"], 64),
            (["fetch", "http:///x"], 64), (["fetch", "absent.yaml"], 65),
            (["build", "--slot", "p1", "--base", "https://127.0.0.1/a b"], 64),
        ] as [([String], Int32)])
    func usage(arguments: [String], code: Int32) throws {
        let answer = try piforge.run(arguments)
        #expect(answer.status == code, "\(answer.error)")
        #expect(!answer.error.contains("s3cret"))
        #expect(try server.requests() == [])
    }
}
