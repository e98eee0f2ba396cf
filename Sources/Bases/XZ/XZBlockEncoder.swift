import CLZMA

/// Encodes one block of an .xz file with LZMA2, sizes in its header.
enum XZBlockEncoder {
    // LZMA_FILTER_LZMA2 and LZMA_VLI_UNKNOWN of lzma/lzma12.h and lzma/vli.h, macros that Swift does not see.
    private static let lzma2: lzma_vli = 0x21
    private static let unknown = lzma_vli.max

    /// Memory in bytes that liblzma takes for it.
    static func memoryByteCount(blockByteCount: Int, level: Int) -> Int {
        guard var options = try? options(byteCount: blockByteCount, level: level) else { return 0 }
        return withFilters(&options) { Int(clamping: lzma_raw_encoder_memusage($0)) }
    }

    static func encode(_ bytes: RawSpan, level: Int, check: UInt8) throws(PackingError) -> PackedPiece {
        var options = try options(byteCount: bytes.byteCount, level: level)
        let bound = lzma_block_buffer_bound(bytes.byteCount)
        guard bound > 0 else { throw .library(.xz, code: Int(LZMA_DATA_ERROR.rawValue)) }
        var block = lzma_block()
        block.check = lzma_check(UInt32(check))
        var count = 0
        var status = LZMA_OK
        let packed = [UInt8](unsafeUninitializedCapacity: bound) { output, initialized in
            withFilters(&options) { filters in
                block.filters = filters
                bytes.withUnsafeBytes { input in
                    status = lzma_block_buffer_encode(
                        &block, nil, input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
                        output.baseAddress, &count, output.count)
                }
                block.filters = nil
            }
            initialized = status == LZMA_OK ? count : 0
        }
        switch status {
        case LZMA_OK: break
        case LZMA_MEM_ERROR: throw .outOfMemory(.xz)
        default: throw .library(.xz, code: Int(status.rawValue))
        }
        return PackedPiece(
            bytes: Array(packed), imageByteCount: Int64(bytes.byteCount),
            unpaddedByteCount: Int64(clamping: lzma_block_unpadded_size(&block)), check: check)
    }

    /// The preset's options with a dictionary no larger than what there is to look back at.
    private static func options(byteCount: Int, level: Int) throws(PackingError) -> lzma_options_lzma {
        var options = lzma_options_lzma()
        guard lzma_lzma_preset(&options, UInt32(clamping: level)) == 0 else {
            throw .library(.xz, code: Int(LZMA_OPTIONS_ERROR.rawValue))
        }
        var enough: UInt32 = 1 << 16
        while Int(enough) < byteCount, enough < options.dict_size { enough *= 2 }
        options.dict_size = min(options.dict_size, enough)
        return options
    }

    private static func withFilters<Value>(
        _ options: inout lzma_options_lzma, _ body: (UnsafeMutablePointer<lzma_filter>) -> Value
    ) -> Value {
        withUnsafeMutablePointer(to: &options) { options in
            var chain = (lzma_filter(id: lzma2, options: options), lzma_filter(id: unknown, options: nil))
            return withUnsafeMutablePointer(to: &chain) { chain in
                // A tuple of one type lies in memory as an array of it.
                body(UnsafeMutableRawPointer(chain).assumingMemoryBound(to: lzma_filter.self))
            }
        }
    }
}
