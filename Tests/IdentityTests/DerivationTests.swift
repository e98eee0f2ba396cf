import Identity
import TestSupport
import Testing

/// What a secret stands for must never change: every cluster out there has keys made by this derivation.
struct DerivationTests {
    /// The bytes 0, 1, 2, … 31.
    static let secret = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

    struct Vector: CustomTestStringConvertible {
        var cluster: String
        var slot: String
        var generation: Int
        var line: String
        var machineID: String
        var file: String
        var testDescription: String { "\(cluster)/\(slot)/\(generation)" }
    }

    /// Computed by Python's hmac and hashlib, its `cryptography` package's Ed25519, and OpenSSH's PROTOCOL.key.
    static let vectors = [
        Vector(
            cluster: "sg1", slot: "p1", generation: 1,
            line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGwR4iF2hO/sCg6ff/q+57VLdn5Wu9jS+v5ryqDRwWlf",
            machineID: "bab136db58784960ae9ea16c332e7656",
            file: """
                -----BEGIN OPENSSH PRIVATE KEY-----
                b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
                QyNTUxOQAAACBsEeIhdoTv7AoOn3/6vue1S3Z+VrvY0vr+a8qg0cFpXwAAAJCr/O+Lq/zv
                iwAAAAtzc2gtZWQyNTUxOQAAACBsEeIhdoTv7AoOn3/6vue1S3Z+VrvY0vr+a8qg0cFpXw
                AAAEC57h/C/snLsWpQgRcRaBvA30oTmCpv2z1ZfH0aE6fnb2wR4iF2hO/sCg6ff/q+57VL
                dn5Wu9jS+v5ryqDRwWlfAAAABnNnMSBwMQECAwQFBgc=
                -----END OPENSSH PRIVATE KEY-----

                """),
        Vector(
            cluster: "sg1", slot: "p3", generation: 2,
            line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAICPkdnQRHyv8n7mb6OgKpxYAzAPswEK+jhHEpqEPTBb1",
            machineID: "1cb37c427c1c49e88e9e386e5e61d433",
            file: """
                -----BEGIN OPENSSH PRIVATE KEY-----
                b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
                QyNTUxOQAAACAj5HZ0ER8r/J+5m+joCqcWAMwD7MBCvo4RxKahD0wW9QAAAJBuEl/kbhJf
                5AAAAAtzc2gtZWQyNTUxOQAAACAj5HZ0ER8r/J+5m+joCqcWAMwD7MBCvo4RxKahD0wW9Q
                AAAEBm9EKjL58j5dp2YNE9Btj1++qJKPwX14XuEyXuBgRfFiPkdnQRHyv8n7mb6OgKpxYA
                zAPswEK+jhHEpqEPTBb1AAAABnNnMSBwMwECAwQFBgc=
                -----END OPENSSH PRIVATE KEY-----

                """),
        Vector(
            cluster: "piforge", slot: "cbridge", generation: 1,
            line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAPqw5H9PANajSMfn3PwEpeT6N2rQ+5DLg3qO8VvWnml",
            machineID: "d536b181cb934bd8b2678dd3e26ffcb3",
            file: """
                -----BEGIN OPENSSH PRIVATE KEY-----
                b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW
                QyNTUxOQAAACAD6sOR/TwDWo0jH59z8BKXk+jdq0PuQy4N6jvFb1p5pQAAAJh3FbT9dxW0
                /QAAAAtzc2gtZWQyNTUxOQAAACAD6sOR/TwDWo0jH59z8BKXk+jdq0PuQy4N6jvFb1p5pQ
                AAAECSq8aUsgHV4mGddRne6e7oxYssEUqWupK2Eqe/Q3cYDgPqw5H9PANajSMfn3PwEpeT
                6N2rQ+5DLg3qO8VvWnmlAAAAD3BpZm9yZ2UgY2JyaWRnZQECAwQFBg==
                -----END OPENSSH PRIVATE KEY-----

                """),
    ]

    @Test(arguments: vectors) func derivesTheKnownKeysAndIDs(vector: Vector) throws {
        let identity = try SlotIdentity(
            try IdentitySecret(fileText: Self.secret), cluster: vector.cluster, slot: vector.slot,
            generation: vector.generation)
        #expect(identity.hostKey.publicKey.line == vector.line)
        #expect(identity.hostKey.privateFileText == vector.file)
        #expect(identity.hostKey.publicFileText == "\(vector.line) \(vector.cluster) \(vector.slot)\n")
        #expect(identity.machineID.description == vector.machineID)
        #expect(identity.machineID.fileText == vector.machineID + "\n")
    }

    @Test("ssh-keygen reads the file and finds the same key in it", .needs("ssh-keygen"), arguments: vectors)
    func isReadByKeygen(vector: Vector) throws {
        let folder = try TemporaryFolder()
        let identity = try SlotIdentity(
            try IdentitySecret(fileText: Self.secret), cluster: vector.cluster, slot: vector.slot,
            generation: vector.generation)
        let path = folder.path + "/key"
        try Shell.write(Array(identity.hostKey.privateFileText.utf8), to: path)
        try #require(try Shell.run("chmod", ["600", path]).status == 0)
        let line = try Shell.run("ssh-keygen", ["-y", "-f", path])
        #expect(line.output == identity.hostKey.publicFileText, "\(line.error)")
        let listed = try Shell.run("ssh-keygen", ["-l", "-f", path])
        #expect(
            listed.output
                == "256 \(identity.hostKey.publicKey.fingerprint) \(vector.cluster) \(vector.slot) (ED25519)\n")
    }

    @Test func tellsAllMachinesApart() throws {
        let secrets = [Self.secret, Self.secret.replacing("1f", with: "1e")]
        var lines: Set<String> = []
        var ids: Set<String> = []
        var count = 0
        for text in secrets {
            for (cluster, slot) in [("sg1", "p1"), ("sg1", "p11"), ("sg1", "cnat"), ("sg11", "p1"), ("sg", "1p1")] {
                for generation in [1, 2, 11] {
                    let identity = try SlotIdentity(
                        try IdentitySecret(fileText: text), cluster: cluster, slot: slot, generation: generation)
                    lines.insert(identity.hostKey.publicKey.line)
                    ids.insert(identity.machineID.description)
                    count += 1
                }
            }
        }
        #expect(lines.count == count)
        #expect(ids.count == count)
    }

    @Test("a machine id is a version 4 UUID") func machineIDsAreUUIDs() throws {
        for number in 1...64 {
            let identity = try SlotIdentity(
                try IdentitySecret(fileText: Self.secret), cluster: "sg1", slot: "p\(number)")
            let digits = Array(identity.machineID.description)
            #expect(digits.count == 32)
            #expect(digits[12] == "4")
            #expect("89ab".contains(digits[16]))
        }
    }
}
