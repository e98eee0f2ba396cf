import CCrypto

/// Ed25519 (RFC 8032), computed by OpenSSL.
enum Ed25519 {
    /// Bytes of a private key (the seed) and of a public one.
    static let keyByteCount = 32

    /// The public key of a private one of 32 bytes.
    static func publicKey(ofSeed seed: [UInt8]) throws(IdentityError) -> [UInt8] {
        guard let key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nil, seed, seed.count) else {
            throw .library("EVP_PKEY_new_raw_private_key")
        }
        defer { EVP_PKEY_free(key) }
        var output = [UInt8](repeating: 0, count: keyByteCount)
        var count = output.count
        guard EVP_PKEY_get_raw_public_key(key, &output, &count) == 1, count == keyByteCount else {
            throw .library("EVP_PKEY_get_raw_public_key")
        }
        return output
    }
}
