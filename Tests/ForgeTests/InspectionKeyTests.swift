@testable import Forge
import Foundation
@testable import Inspect
import TestSupport
import Testing

struct InspectionKeyTests {
    /// Type and bits as ssh-keygen takes them.
    static let kinds = [
        ("ed25519", "256"), ("rsa", "1024"), ("rsa", "2048"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"),
    ]

    @Test(.needs("ssh-keygen"), arguments: kinds) func saysWhatKeygenSays(type: String, bits: String) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/key"
        let made = try Shell.run(
            "ssh-keygen", ["-q", "-t", type, "-b", bits, "-N", "", "-C", "sam of sg1", "-f", path])
        try #require(made.status == 0, "\(made.error)")
        let listed = try Shell.run("ssh-keygen", ["-l", "-f", path + ".pub"])
        let line = try String(contentsOfFile: path + ".pub", encoding: .utf8).trimmedBlanks
        let key = try #require(Inspection.Key(line: line.replacing("\n", with: "")))
        #expect("\(key.bits) \(key.fingerprint) \(key.comment) (\(key.type))\n" == listed.output)
    }

    @Test func namesOptionsWithoutTheirValues() throws {
        let line = "command=\"echo \\\"a, b\\\"\",no-pty,environment=\"TOKEN=secret\" " + InspectionFixture.key
        let key = try #require(Inspection.Key(line: line))
        #expect(key.options == ["command", "no-pty", "environment"])
        #expect(key.comment == "sam@sg1")
        #expect(key.fingerprint == InspectionFixture.fingerprint)
    }

    @Test(arguments: [
        "", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-ed25519 not*base64", "hello world",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH",  // another type inside
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH",  // cut off
        "ssh-ed25519 /////w==",  // a field of 4 GiB
    ]) func refusesWhatIsNoKey(line: String) {
        #expect(Inspection.Key(line: line) == nil)
    }
}
