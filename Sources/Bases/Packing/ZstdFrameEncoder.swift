import CZstd

/// Encodes one zstd frame that holds its size and ends in a checksum (RFC 8878, section 3.1.1).
enum ZstdFrameEncoder {
    static func encode(_ bytes: RawSpan, level: Int) throws(PackingError) -> PackedPiece {
        guard let context = ZSTD_createCCtx() else { throw .outOfMemory(.zstd) }
        defer { ZSTD_freeCCtx(context) }
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, CInt(clamping: level)))
        try check(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1))
        var outcome = 0
        let packed = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.byteCount)) { output, initialized in
            outcome = bytes.withUnsafeBytes { input in
                ZSTD_compress2(context, output.baseAddress, output.count, input.baseAddress, input.count)
            }
            initialized = ZSTD_isError(outcome) == 0 ? outcome : 0
        }
        try check(outcome)
        return PackedPiece(
            bytes: Array(packed), imageByteCount: Int64(bytes.byteCount), unpaddedByteCount: Int64(packed.count),
            check: 0)
    }

    private static func check(_ outcome: Int) throws(PackingError) {
        guard ZSTD_isError(outcome) != 0 else { return }
        // An error is a negative number (zstd.h, ZSTD_getErrorCode).
        throw .library(.zstd, code: -outcome)
    }
}
