import CCrypto

/// HKDF with SHA-256 (RFC 5869), computed by OpenSSL.
enum HKDF {
    /// Derives `byteCount` bytes, 1...8160, from a key; `salt` tells applications apart, `info` the uses within one.
    static func derive(key: [UInt8], salt: String, info: String, byteCount: Int) throws(IdentityError) -> [UInt8] {
        guard let context = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nil) else { throw .library("EVP_PKEY_CTX_new_id") }
        defer { EVP_PKEY_CTX_free(context) }
        let (salt, info) = (Array(salt.utf8), Array(info.utf8))
        guard EVP_PKEY_derive_init(context) == 1,
            EVP_PKEY_CTX_set_hkdf_md(context, EVP_sha256()) == 1,
            EVP_PKEY_CTX_set1_hkdf_salt(context, salt, Int32(salt.count)) == 1,
            EVP_PKEY_CTX_set1_hkdf_key(context, key, Int32(key.count)) == 1,
            EVP_PKEY_CTX_add1_hkdf_info(context, info, Int32(info.count)) == 1
        else { throw .library("EVP_PKEY_derive_init") }
        var output = [UInt8](repeating: 0, count: byteCount)
        var written = byteCount
        guard EVP_PKEY_derive(context, &output, &written) == 1, written == byteCount else {
            throw .library("EVP_PKEY_derive")
        }
        return output
    }
}
