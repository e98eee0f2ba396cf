internal import CCrypto

/// A running SHA-256 (FIPS 180-4) over bytes given piece by piece, computed by OpenSSL.
package struct SHA256: ~Copyable {
    private let context: OpaquePointer

    /// A hasher that has seen no bytes; stops the program when memory is exhausted.
    package init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1 else {
            fatalError("OpenSSL has no SHA-256 or no memory for it")
        }
        self.context = context
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    package mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { update($0) }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        // Fails only without a context (crypto/evp/digest.c), and there is one.
        let status = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(status == 1, "OpenSSL could not hash")
    }

    /// The digest of everything seen.
    package consuming func finalize() -> SHA256Digest {
        var bytes = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        let status = EVP_DigestFinal_ex(context, &bytes, nil)
        precondition(status == 1, "OpenSSL could not hash")
        return SHA256Digest(checked: bytes)
    }

    /// The digest of one piece of bytes.
    package static func digest(of bytes: RawSpan) -> SHA256Digest {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finalize()
    }
}
