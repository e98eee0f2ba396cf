import Foundation
import Identity
import TestSupport
import Testing

/// Reading private keys that others wrote, whole and damaged.
@Suite(.needs("ssh-keygen"))
struct HostKeyFileTests {
    private func make(_ options: [String]) throws -> (text: String, publicText: String, listed: String) {
        let folder = try TemporaryFolder()
        let path = folder.path + "/key"
        let made = try Shell.run("ssh-keygen", ["-q", "-f", path] + options)
        try #require(made.status == 0, "\(made.error)")
        return (
            try String(contentsOfFile: path, encoding: .utf8),
            try String(contentsOfFile: path + ".pub", encoding: .utf8),
            try Shell.run("ssh-keygen", ["-l", "-f", path]).output
        )
    }

    @Test("a key of ssh-keygen comes back byte by byte", arguments: ["", "root@tealc", "with two blanks", "größe"])
    func readsKeysOfKeygen(comment: String) throws {
        let made = try make(["-t", "ed25519", "-N", "", "-C", comment])
        let key = try HostKey(fileText: made.text)
        #expect(key.privateFileText == made.text)
        // Without a comment ssh-keygen leaves a blank at the end.
        #expect(key.publicFileText == made.publicText.replacing(" \n", with: "\n"))
        #expect(key.comment == comment)
        #expect(made.listed.contains(" \(key.publicKey.fingerprint) "))
        let edited = "\n" + made.text.split(separator: "\n").joined(separator: "\r\n") + "\r\n\r\n"
        #expect(try HostKey(fileText: edited) == key)
    }

    @Test(
        arguments: [
            (["-t", "ed25519", "-N", "geheim"], .keyHasPassphrase),
            (["-t", "rsa", "-b", "1024", "-N", ""], .keyIsOfType("ssh-rsa")),
            (["-t", "ecdsa", "-N", ""], .keyIsOfType("ecdsa-sha2-nistp256")),
            (["-t", "rsa", "-b", "1024", "-N", "", "-m", "PEM"], .keyIsNoOpenSSHFile(.pem)),
            (["-t", "ecdsa", "-N", "", "-m", "PKCS8"], .keyIsNoOpenSSHFile(.pem)),
        ] as [([String], IdentityError)])
    func refusesOtherKeys(options: [String], error: IdentityError) throws {
        let text = try make(options).text
        #expect(throws: error) { try HostKey(fileText: text) }
    }

    @Test func refusesOtherFiles() throws {
        let made = try make(["-t", "ed25519", "-N", ""])
        #expect(throws: IdentityError.keyIsNoOpenSSHFile(.publicKey)) { try HostKey(fileText: made.publicText) }
        #expect(throws: IdentityError.keyIsNoOpenSSHFile(.putty)) {
            try HostKey(fileText: "PuTTY-User-Key-File-3: ssh-ed25519\nEncryption: none\n")
        }
        for text in ["", "hello", "\n\n"] {
            #expect(throws: IdentityError.keyIsNoOpenSSHFile(.unknown)) { try HostKey(fileText: text) }
        }
        #expect(throws: IdentityError.keyHasTrailingText) { try HostKey(fileText: made.text + made.text) }
        let noEnd = made.text.split(separator: "\n").dropLast().joined(separator: "\n")
        #expect(throws: IdentityError.keyIsDamaged) { try HostKey(fileText: noEnd) }
    }

    @Test("no flipped bit of the file passes, and none ends the program") func refusesDamage() throws {
        let made = try make(["-t", "ed25519", "-N", "", "-C", "c"])
        let lines = made.text.split(separator: "\n")
        let body = try #require(Data(base64Encoded: lines.dropFirst().dropLast().joined()))
        let key = try HostKey(fileText: made.text)
        func file(_ body: Data) -> String { "\(lines[0])\n\(body.base64EncodedString())\n\(lines[lines.count - 1])\n" }
        #expect(try HostKey(fileText: file(body)) == key)
        for offset in body.indices {
            for bit in [0, 3, 7] {
                var damaged = body
                damaged[offset] ^= 1 << bit
                let read = Result { () throws(IdentityError) in try HostKey(fileText: file(damaged)) }
                guard case .success(let other) = read else { continue }
                // Nothing guards the comment; what the key is for may not change unseen.
                #expect(other.publicKey == key.publicKey, "byte \(offset), bit \(bit)")
                #expect(other.comment != key.comment, "byte \(offset), bit \(bit)")
            }
        }
        for count in 0..<body.count {
            #expect(throws: IdentityError.self, "\(count) bytes") {
                try HostKey(fileText: file(body.prefix(count)))
            }
        }
        #expect(throws: IdentityError.keyIsDamaged) { try HostKey(fileText: file(body + [0])) }
    }

    @Test func readsPublicLines() throws {
        let made = try make(["-t", "ed25519", "-N", "", "-C", "c"])
        let key = try #require(PublicKey(line: made.publicText))
        #expect(key == (try HostKey(fileText: made.text)).publicKey)
        let words = made.publicText.split(separator: " ")
        #expect(PublicKey(line: "\(words[0])\t\(words[1])") == key)
        for line in [
            "", "ssh-ed25519", "ssh-rsa \(words[1])", "ssh-ed25519 \(words[1].dropLast(4))", "ssh-ed25519 AAAA",
        ] {
            #expect(PublicKey(line: line) == nil, "\(line)")
        }
    }
}
