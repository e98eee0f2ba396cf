import CZlib

/// Encodes one gzip member without a name or a time (RFC 1952, section 2.3), so that equal bytes give equal members.
enum GzipMemberEncoder {
    static func encode(_ bytes: RawSpan, level: Int) throws(PackingError) -> PackedPiece {
        guard bytes.byteCount <= Int(CUnsignedInt.max) else { throw .library(.gzip, code: Int(Z_BUF_ERROR)) }
        var stream = z_stream()
        // 15 bits of window, + 16 for a gzip wrapper; 8 is zlib's usual memory level.
        try check(
            deflateInit2_(
                &stream, CInt(clamping: level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                CInt(MemoryLayout<z_stream>.size)))
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, CUnsignedLong(bytes.byteCount)))
        var status = Z_OK
        let packed = [UInt8](unsafeUninitializedCapacity: bound) { output, initialized in
            bytes.withUnsafeBytes { input in
                stream.next_in = UnsafeMutablePointer(
                    mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.avail_in = CUnsignedInt(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = CUnsignedInt(clamping: output.count)
                status = deflate(&stream, Z_FINISH)
                initialized = output.count - Int(stream.avail_out)
            }
        }
        guard status == Z_STREAM_END else { throw .library(.gzip, code: Int(status)) }
        return PackedPiece(
            bytes: Array(packed), imageByteCount: Int64(bytes.byteCount), unpaddedByteCount: Int64(packed.count),
            check: 0)
    }

    private static func check(_ status: CInt) throws(PackingError) {
        switch status {
        case Z_OK: return
        case Z_MEM_ERROR: throw .outOfMemory(.gzip)
        default: throw .library(.gzip, code: Int(status))
        }
    }
}
