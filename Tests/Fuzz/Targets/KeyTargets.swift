import Identity
import Plans
import Readers

private let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA a@b"

/// Input: authorized_keys.
func fuzzPublicKey(_ input: [UInt8]) throws(BrokenClaim) {
    let bytes = repeated(input)
    let text = String(decoding: bytes, as: UTF8.self)
    for line in text.split(whereSeparator: \.isNewline).prefix(50).map(String.init) + [text] {
        if let identity = try? Validation.keyIdentity(line) {
            try claim(identity.split(separator: " ").count == 2, "a key whose identity is \(identity)")
        }
        _ = AuthorizedKeyOptions(line, version: ServerVersion(9, 2)).problem
        _ = Validation.base64(line)
    }
    try claimSettled([.ensureAuthorizedKey(key)], on: bytes)
}

/// Input: a private key's file. What is taken comes out the same when it is written and read again.
func fuzzPrivateKey(_ input: [UInt8]) throws(BrokenClaim) {
    guard let key = try? HostKey(fileText: String(decoding: repeated(input), as: UTF8.self)) else { return }
    let again = try? HostKey(fileText: key.privateFileText)
    try claim(again?.privateFileText == key.privateFileText, "a key is another one after it was written")
}

/// Input: the file of an identity secret.
func fuzzSecret(_ input: [UInt8]) throws(BrokenClaim) {
    guard let secret = try? IdentitySecret(fileText: String(decoding: repeated(input), as: UTF8.self)) else { return }
    try claim(
        (try? IdentitySecret(fileText: secret.fileText)) == secret, "a secret is another one after it was written")
}
