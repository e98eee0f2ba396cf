import Foundation
import Plans
import TestSupport
import Testing

@testable import Handoff

/// Every file of each fixture's hand-off, as it lies in Tests/Golden/Handoff.
///
/// With `PIFORGE_RECORD=1` the files are written anew, and the run fails, so that nobody mistakes it for a check.
struct HandoffGoldenTests {
    @Test(arguments: HandoffFixture.all) func writesTheGoldenFolder(fixture: HandoffFixture) throws {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Golden/Handoff/\(fixture.name)")
        for document in HandoffDocument.allCases {
            let text = try document.text(for: fixture.roster, in: fixture.folder)
            let file = folder.appendingPathComponent(document.fileName)
            if ProcessInfo.processInfo.environment["PIFORGE_RECORD"] == "1" {
                try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
                try Data(text.utf8).write(to: file)
                Issue.record("recorded \(file.path); read it, then run without PIFORGE_RECORD")
            }
            #expect(text == String(decoding: try Data(contentsOf: file), as: UTF8.self), "\(document.fileName)")
            #expect(HandoffDocument.isOwn(text))
        }
    }

    @Test("ssh takes from the file what each name needs", .needs("ssh"), arguments: HandoffFixture.all)
    func isReadBySSH(fixture: HandoffFixture) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/config"
        try Shell.write(
            Array(try HandoffDocument.sshConfig.text(for: fixture.roster, in: fixture.folder).utf8), to: path)
        for machine in fixture.roster.machines {
            for name in fixture.roster.names(of: machine) {
                let answer = try Shell.run("ssh", ["-G", "-F", path, name])
                try #require(answer.status == 0, "\(answer.error)")
                let settings = Set(answer.output.split(separator: "\n").map(String.init))
                let jump = machine.gateway.map { ["proxyjump \(fixture.roster.alias($0))"] } ?? []
                for setting in [
                    "hostname \(machine.address)", "hostkeyalias \(fixture.roster.alias(machine.slot))",
                    "user \(machine.user)",
                    "stricthostkeychecking \(machine.publicKey == nil ? "accept-new" : "true")",
                    "userknownhostsfile \(fixture.folder)/known_hosts", "updatehostkeys false",
                ] + jump {
                    #expect(
                        settings.contains(setting) || settings.contains(setting.replacing("%", with: "%%")),
                        "\(name): \(setting)")
                }
                #expect(machine.gateway != nil || !answer.output.contains("proxyjump"))
                for file in machine.identityFiles { #expect(settings.contains("identityfile \(file)")) }
            }
        }
        #expect(try !Shell.run("ssh", ["-G", "-F", path, "elsewhere"]).output.contains(fixture.folder))
    }

    @Test("ssh-keygen finds each machine's key by its alias", .needs("ssh-keygen"), arguments: HandoffFixture.all)
    func knownHostsAreReadByKeygen(fixture: HandoffFixture) throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/known_hosts"
        try Shell.write(Array(try HandoffDocument.knownHosts.text(for: fixture.roster, in: "/").utf8), to: path)
        for machine in fixture.roster.machines {
            let alias = fixture.roster.alias(machine.slot)
            let found = try Shell.run("ssh-keygen", ["-F", alias, "-f", path]).output
            #expect(
                found.split(separator: "\n").dropFirst().map(String.init) == machine.publicKey.map {
                    ["\(alias) \($0.line)"]
                } ?? [])
        }
    }

    @Test func refusesFoldersThatSSHCannotName() throws {
        for folder in ["/a\"b", "/a\\b", "/a\nb", "/a${HOME}"] {
            #expect(throws: HandoffError.unusablePath("\(folder)/ssh_config")) {
                try HandoffDocument.sshConfig.text(for: HandoffFixture.sg1.roster, in: folder)
            }
        }
        #expect(
            HandoffError.unusablePath("/a\"b").message
                == "could not name /a\"b in ssh_config: it has a quote, a backslash, `${` or a control character")
    }

    @Test func knowsItsOwnFiles() {
        #expect(HandoffDocument.isOwn("# The cluster x, made by `piforge handoff`; its next run replaces this file."))
        for text in [
            "", "Host *\n", "# The cluster x\n# made by `piforge handoff`; ",
            "\n# The cluster x, made by `piforge handoff`; ",
        ] {
            #expect(!HandoffDocument.isOwn(text))
        }
    }

    @Test func namesThatTwoMachinesShareAreFound() {
        var roster = HandoffFixture.sg1.roster
        #expect(roster.sharedName == nil)
        roster.machines[1].hostname = "sg1-p2"
        #expect(roster.sharedName?.name == "sg1-p2")
        #expect(roster.sharedName?.slots == [.node(1), .node(2)])
    }
}
