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

    /// `isCancelled` is asked after each LZMA2 chunk, which holds at most 2 MiB of `bytes`.
    static func encode(
        _ bytes: RawSpan, level: Int, check: UInt8, isCancelled: () -> Bool
    ) throws(PackingError) -> PackedPiece {
        var options = try options(byteCount: bytes.byteCount, level: level)
        let bound = lzma_block_buffer_bound(bytes.byteCount)
        guard bound > 0 else { throw .library(.xz, code: Int(LZMA_DATA_ERROR.rawValue)) }
        var block = lzma_block()
        block.check = lzma_check(UInt32(check))
        block.uncompressed_size = lzma_vli(bytes.byteCount)
        block.compressed_size = lzma_vli(storedByteCount(of: bytes.byteCount))
        var outcome: Result<Int, PackingError> = .success(0)
        let packed = [UInt8](unsafeUninitializedCapacity: bound) { output, initialized in
            withFilters(&options) { filters in
                block.filters = filters
                outcome = bytes.withUnsafeBytes { input in
                    Result { () throws(PackingError) in try fill(output, with: input, &block, isCancelled) }
                }
                block.filters = nil
            }
            initialized = (try? outcome.get()) ?? 0
        }
        _ = try outcome.get()
        return PackedPiece(
            bytes: Array(packed), imageByteCount: Int64(bytes.byteCount),
            unpaddedByteCount: Int64(clamping: lzma_block_unpadded_size(&block)), check: check)
    }

    /// Gives the bytes that lzma_block_buffer_encode(3) gives, in steps; returns their number.
    private static func fill(
        _ output: UnsafeMutableBufferPointer<UInt8>, with input: UnsafeRawBufferPointer, _ block: inout lzma_block,
        _ isCancelled: () -> Bool
    ) throws(PackingError) -> Int {
        // The header comes last, when the sizes in it are known; as many bytes as the largest sizes take are left for it.
        try require(lzma_block_header_size(&block))
        let header = Int(block.header_size)
        let stored = block.compressed_size
        let room = UnsafeMutableBufferPointer(rebasing: output[header...])
        let count = try withUnsafeMutablePointer(to: &block) { (block) throws(PackingError) in
            try compress(input, into: room, block, isCancelled)
        }
        guard let count, block.compressed_size <= stored else { return try store(input, in: output, &block) }
        try require(lzma_block_header_encode(&block, output.baseAddress))
        return header + count
    }

    /// Data, padding and check (xz file format, section 3); nil when `room` is too small for them.
    private static func compress(
        _ input: UnsafeRawBufferPointer, into room: UnsafeMutableBufferPointer<UInt8>,
        _ block: UnsafeMutablePointer<lzma_block>, _ isCancelled: () -> Bool
    ) throws(PackingError) -> Int? {
        var stream = lzma_stream()
        defer { lzma_end(&stream) }
        try require(lzma_block_encoder(&stream, block))
        // The input is given whole: liblzma decides by how far it sees ahead, so pieces of it may give other bytes.
        stream.next_in = input.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.avail_in = input.count
        stream.next_out = room.baseAddress
        while true {
            if isCancelled() { throw .cancelled }
            let done = Int(stream.total_out)
            guard done < room.count else { return nil }
            stream.avail_out = min(stepByteCount, room.count - done)
            switch lzma_code(&stream, LZMA_FINISH) {
            case LZMA_STREAM_END: return Int(stream.total_out)
            case let status: try require(status)
            }
        }
    }

    /// The most that one chunk of LZMA2 takes packed.
    private static let stepByteCount = 64 << 10

    /// A block of data that does not get smaller by packing.
    private static func store(
        _ input: UnsafeRawBufferPointer, in output: UnsafeMutableBufferPointer<UInt8>, _ block: inout lzma_block
    ) throws(PackingError) -> Int {
        var count = 0
        try require(
            lzma_block_uncomp_encode(
                &block, input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count, output.baseAddress, &count,
                output.count))
        return count
    }

    /// What LZMA2 takes for bytes as they are: three for each chunk of 64 KiB, and one at the end.
    private static func storedByteCount(of count: Int) -> Int { count + (count + 0xFFFF) / 0x10000 * 3 + 1 }

    private static func require(_ status: lzma_ret) throws(PackingError) {
        switch status {
        case LZMA_OK: return
        case LZMA_MEM_ERROR: throw .outOfMemory(.xz)
        default: throw .library(.xz, code: Int(status.rawValue))
        }
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
