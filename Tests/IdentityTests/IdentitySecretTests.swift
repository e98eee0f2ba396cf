import Identity
import Testing

struct IdentitySecretTests {
    @Test func readsWhatItWrites() throws {
        let secret = try #require(IdentitySecret(bytes: (100..<132).map { $0 }))
        #expect(secret.fileText == "6465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283\n")
        #expect(try IdentitySecret(fileText: secret.fileText) == secret)
        let edited = "# sg1, made in May\r\n\r\n\t\(secret.fileText.dropLast().uppercased()) \r\n"
        #expect(try IdentitySecret(fileText: edited) == secret)
        #expect(IdentitySecret(bytes: [1, 2, 3]) == nil)
    }

    @Test(
        arguments: [
            ("", .secretIsEmpty, "it is empty"),
            ("# nothing\n", .secretIsEmpty, "it is empty"),
            (
                "correct horse battery staple", .secretIsNoHex(lineCount: 1),
                "it is no secret of piforge: one line of 64 hex digits"
            ),
            ("abc", .secretIsNoHex(lineCount: 1), "it is no secret of piforge: one line of 64 hex digits"),
            (
                "abcd\nabcd\n", .secretIsNoHex(lineCount: 2),
                "it is no secret of piforge: one line of 64 hex digits, and this has 2 lines"
            ),
            ("abcd", .secretHasWrongSize(digitCount: 4), "a secret has 64 hex digits, and this has 4"),
            (
                String(repeating: "0", count: 64), .secretIsNotRandom,
                "its 32 bytes are all the same, so it is no secret"
            ),
        ] as [(String, IdentityError, String)])
    func refusesOtherTexts(text: String, error: IdentityError, reason: String) {
        #expect(throws: error) { try IdentitySecret(fileText: text) }
        #expect(error.reason == reason)
        #expect(error.hint == "piforge identity new writes one")
    }

    @Test("neither printing nor dumping shows a secret or a private key") func staysHidden() throws {
        let secret = try IdentitySecret(fileText: DerivationTests.secret)
        let identity = try SlotIdentity(secret, cluster: "sg1", slot: "p1")
        var shown = "\(secret) \(identity.hostKey) \(String(reflecting: identity))"
        dump(secret, to: &shown)
        dump(identity, to: &shown)
        let file = identity.hostKey.privateFileText.split(separator: "\n")
        // The seed's bytes as Swift would print them: b9 ee 1f … of the vector for sg1/p1/1.
        #expect(!shown.contains("185") && !shown.contains("238"))
        #expect(!shown.contains(DerivationTests.secret.prefix(8)))
        for line in file.dropFirst(3).dropLast() { #expect(!shown.contains(line)) }
        #expect(shown.contains(identity.hostKey.publicKey.fingerprint))
    }
}
