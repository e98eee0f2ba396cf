import CCrypto

/// A running SHA-256 (FIPS 180-4) over bytes given piece by piece, computed by OpenSSL.
package struct SHA256: ~Copyable {
    private var context = SHA256_CTX()

    /// A hasher that has seen no bytes.
    package init() {
        // Only fills in the standard's first values (crypto/sha/sha256.c); none of the three calls can fail.
        SHA256_Init(&context)
    }

    package mutating func update(_ bytes: RawSpan) {
        bytes.withUnsafeBytes { update($0) }
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        SHA256_Update(&context, bytes.baseAddress, bytes.count)
    }

    /// The digest of everything seen.
    package consuming func finalize() -> SHA256Digest {
        var bytes = [UInt8](repeating: 0, count: SHA256Digest.byteCount)
        SHA256_Final(&bytes, &context)
        return SHA256Digest(checked: bytes)
    }

    /// The digest of one piece of bytes.
    package static func digest(of bytes: RawSpan) -> SHA256Digest {
        var hasher = SHA256()
        hasher.update(bytes)
        return hasher.finalize()
    }
}
