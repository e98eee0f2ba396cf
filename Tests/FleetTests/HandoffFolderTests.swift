import Foundation
import Handoff
import Identity
import Plans
import Reports
import TestSupport
import Testing

@testable import Fleet

struct HandoffFolderTests {
    private func roster(withKeys: Bool = true) throws -> Roster {
        let secret = try #require(IdentitySecret(bytes: (1...32).map { $0 }))
        let machines = try [Slot.cnat, .node(1)].map { slot in
            Roster.Machine(
                slot: slot, hostname: "host-\(slot)", address: slot.fallbackAddress ?? "",
                gateway: slot.isController ? nil : .cnat, user: "pi",
                publicKey: withKeys ? try SlotIdentity(secret, cluster: "sg1", slot: slot.name).hostKey.publicKey : nil)
        }
        return Roster(cluster: "sg1", machines: machines)
    }

    private func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    @Test func writesAllFilesOnceAndAgainOnlyWhatChanged() throws {
        let parent = try TemporaryFolder()
        let folder = HandoffFolder(path: parent.path + "/a b/sg1")
        #expect(!folder.isThere)
        let first = try folder.write(try roster(), force: false)
        #expect(first.map(\.document) == HandoffDocument.allCases && first.allSatisfy(\.isWritten))
        #expect(folder.isThere)
        for file in first { #expect(HandoffDocument.isOwn(try text(file.path)), "\(file.path)") }
        #expect(try text(folder.path + "/ssh_config").contains("\"\(folder.absolutePath)/known_hosts\""))
        #expect(try folder.write(try roster(), force: false).allSatisfy { !$0.isWritten })
        var other = try roster()
        other.machines[1].address = "172.19.181.99"
        let changed = try folder.write(other, force: false).filter(\.isWritten).map(\.document)
        #expect(changed == [.sshConfig, .inventory, .hosts, .dhcpHosts])
    }

    @Test("a foreign file is left, with all others, unless it is asked for") func foreignFiles() throws {
        let folder = HandoffFolder(path: try TemporaryFolder().path + "/sg1")
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try Shell.write(Array("[defaults]\n".utf8), to: folder.path + "/ansible.cfg")
        #expect {
            try folder.write(try roster(), force: false)
        } throws: { error in
            let error = error as? ForgeError
            return error?.kind == .cannotCreate
                && error?.message == "could not replace \(folder.path)/ansible.cfg: piforge handoff has not made it"
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["ansible.cfg"])
        #expect(try folder.write(try roster(), force: true).allSatisfy(\.isWritten))
        #expect(HandoffDocument.isOwn(try text(folder.path + "/ansible.cfg")))
    }

    @Test("the keys that ssh has accepted stay until the profile knows better") func acceptedKeys() throws {
        let parent = try TemporaryFolder()
        let folder = HandoffFolder(path: parent.path + "/sg1")
        _ = try folder.write(try roster(withKeys: false), force: false)
        let path = folder.path + "/known_hosts"
        let accepted = try text(path) + "sg1-p1 ssh-ed25519 AAAA\n"
        try Shell.write(Array(accepted.utf8), to: path)
        _ = try folder.write(try roster(withKeys: false), force: false)
        #expect(try text(path) == accepted)
        _ = try folder.write(try roster(withKeys: false), force: true)
        #expect(try !text(path).contains("AAAA"))
        try Shell.write(Array(accepted.utf8), to: path)
        _ = try folder.write(try roster(), force: false)
        #expect(try !text(path).contains("AAAA\n") && text(path).contains("sg1-p1 ssh-ed25519"))
    }
}

struct SecretFileTests {
    @Test func aSecretIsItsOwnersAlone() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/s"
        let secret = try #require(IdentitySecret(bytes: (1...32).map { $0 }))
        try SecretFile.create(secret, at: path)
        let facts = try FileManager.default.attributesOfItem(atPath: path)
        #expect(facts[.posixPermissions] as? Int == 0o600)
        #expect(try IdentitySecret(fileText: String(contentsOfFile: path, encoding: .utf8)) == secret)
        #expect(!SecretFile.isReadableByOthers(path))
        chmod(path, 0o640)
        #expect(SecretFile.isReadableByOthers(path))
    }

    @Test func nothingIsEverReplaced() throws {
        let folder = try TemporaryFolder()
        let secret = try #require(IdentitySecret(bytes: (1...32).map { $0 }))
        try Shell.write([1], to: folder.path + "/file")
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/dangling", withDestinationPath: folder.path + "/target")
        for name in ["file", "dangling"] {
            #expect { try SecretFile.create(secret, at: folder.path + "/" + name) } throws: {
                ($0 as? ForgeError)?.kind == .cannotCreate
            }
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.path + "/file")) == Data([1]))
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/target"))
        #expect { try SecretFile.create(secret, at: folder.path + "/none/x") } throws: {
            ($0 as? ForgeError)?.kind == .cannotCreate
        }
    }
}
