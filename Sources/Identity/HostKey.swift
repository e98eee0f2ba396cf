/// An ed25519 host key with its private half, as sshd(8) reads it from one file.
package struct HostKey: Equatable, Sendable {
    /// The private key, 32 bytes (RFC 8032).
    let seed: [UInt8]
    /// The four bytes that the file stores twice, by which OpenSSH sees whether a passphrase was right.
    let checkWord: [UInt8]
    package let publicKey: PublicKey
    package let comment: String

    init(seed: [UInt8], checkWord: [UInt8], comment: String) throws(IdentityError) {
        self.seed = seed
        self.checkWord = checkWord
        self.comment = comment
        publicKey = PublicKey(bytes: try Ed25519.publicKey(ofSeed: seed))
    }

    /// The text of the .pub file.
    package var publicFileText: String { publicKey.line + (comment.isEmpty ? "" : " \(comment)") + "\n" }
}

extension HostKey: CustomStringConvertible, CustomReflectable {
    package var description: String { publicKey.fingerprint }
    package var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey.fingerprint]) }
}
