import Foundation
import TestSupport
import Testing

/// `report --html` and `plan --html`.
@Suite(.needs(BaseSpec.tools))
struct ReportCommandTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = Piforge(folder: folder.path)
        let profile = """
            version: 1
            cluster: sg1
            defaults:
              wifi: {ssid: Home, psk: correct horse, country: DE}
              files: [{content: "a secret line", target: /etc/token, secret: true}]
            slots:
              p1: {hostname: oneil}
              p3: {hostname: tealc, units: {enable: [ssh.service]}}

            """
        try Shell.write(Array(profile.utf8), to: folder.path + "/piforge.yaml")
    }

    private func page(_ name: String) throws -> String {
        try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }

    @Test("the page has machines, changes and the digests of images that are built, and no secret")
    func report() async throws {
        let base = try await BaseSpec.plain.path()
        let built = try piforge.run("build", "--slot", "p3", "--base", base, "--output", "images", "--json")
        try #require(built.status == 0, "\(built.error)")
        let digest = try #require(built.output.matches(of: /"sha256" : "([0-9a-f]{64})"/).last?.1)
        let answer = try piforge.run(
            "report", "--html", "sg1.html", "--base", base, "--images", "images", "--json")
        try #require(answer.status == 0, "\(answer.error)")
        #expect(answer.output == "{\n  \"file\" : \"sg1.html\",\n  \"schema\" : \"piforge/report/1\"\n}\n")
        let page = try page("sg1.html")
        for word in [
            "oneil", "tealc", "172.19.181.3", "00:22:82:ff:ff:03", "boot:/config.txt", "ssh.service", "sg1-p3.img",
        ] {
            #expect(page.contains(word), "\(word)")
        }
        #expect(page.contains("not built yet"))
        #expect(page.contains("<code>\(digest)</code>"))
        for secret in ["correct horse", "a secret line"] { #expect(!page.contains(secret)) }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasSuffix(".partial") })
    }

    @Test("a page of piforge's is replaced, another file only with --force")
    func replacing() async throws {
        let base = try await BaseSpec.plain.path()
        try Shell.write(Array("mine\n".utf8), to: folder.path + "/a.html")
        for command in ["plan", "report"] {
            let answer = try piforge.run(command, "--html", "a.html", "--slot", "p1", "--base", base)
            #expect(answer.status == 73, "\(answer.error)")
            #expect(try page("a.html") == "mine\n")
        }
        let forced = try piforge.run("report", "--html", "a.html", "--slot", "p1", "--base", base, "--force")
        #expect(forced.status == 0, "\(forced.error)")
        #expect(try !page("a.html").contains("tealc"))
        let again = try piforge.run("plan", "--html", "a.html", "--slot", "p3", "--base", base)
        #expect(again.status == 0, "\(again.error)")
        #expect(try page("a.html").contains("tealc"))
    }
}
