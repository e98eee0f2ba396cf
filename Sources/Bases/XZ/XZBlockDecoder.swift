import Blocks
import CLZMA
import Glibc
import Reports

/// Decodes one block of an .xz file and verifies everything about it: header, sizes, padding and check.
///
/// Memory: the block's dictionary, which is never given more than the block's own size, and two small buffers.
struct XZBlockDecoder: ~Copyable {
    /// Bytes of the file read at a time.
    private static let pieceSize = 256 << 10
    /// A block whose filters take more bytes than this is refused; xz -9 takes 65 MiB.
    static let memoryLimit: UInt64 = 192 << 20

    private let file: OpenFile
    private let block: XZIndex.Block
    private let stream: UnsafeMutablePointer<lzma_stream>
    /// liblzma keeps the address while it decodes.
    private let settings: UnsafeMutablePointer<lzma_block>
    private let filters: UnsafeMutablePointer<lzma_filter>
    private let input: UnsafeMutableRawBufferPointer
    private let output: UnsafeMutableRawBufferPointer

    init(_ file: OpenFile, block: XZIndex.Block, checkID: UInt8) {
        self.file = file
        self.block = block
        stream = .allocate(capacity: 1)
        stream.initialize(to: lzma_stream())
        filters = .allocate(capacity: Int(LZMA_FILTERS_MAX) + 1)
        // LZMA_VLI_UNKNOWN, a macro that Swift does not see, ends the list.
        filters.initialize(
            repeating: lzma_filter(id: .max, options: nil), count: Int(LZMA_FILTERS_MAX) + 1)
        settings = .allocate(capacity: 1)
        settings.initialize(to: lzma_block())
        settings.pointee.version = 1
        settings.pointee.check = lzma_check(rawValue: UInt32(checkID))
        settings.pointee.filters = filters
        input = .allocate(byteCount: Int(min(Int64(Self.pieceSize), max(block.totalSize, 1))), alignment: 64)
        output = .allocate(byteCount: SparseBytes.chunkSize, alignment: 4096)
    }

    deinit {
        lzma_end(stream)
        lzma_filters_free(filters, nil)
        stream.deallocate()
        filters.deallocate()
        settings.deallocate()
        input.deallocate()
        output.deallocate()
    }

    /// Whether this build of liblzma can verify a kind of check; 0 is no check at all, which its author wanted.
    static func canVerify(checkID: UInt8) -> Bool {
        lzma_check_is_supported(lzma_check(rawValue: UInt32(checkID))) != 0
    }

    /// The block's bytes at their place in the unpacked file; throws `damaged` or `system`.
    func decode() throws(BlockError) -> SparseBytes {
        let count = try refill(at: block.compressedOffset)
        try decodeHeader(available: count)
        try limitMemory()
        try check(lzma_block_decoder(stream, settings))
        let header = Int(settings.pointee.header_size)
        stream.pointee.next_in = stream.pointee.next_in.map { $0 + header }
        stream.pointee.avail_in = count - header
        return try run(from: block.compressedOffset + Int64(count))
    }

    /// Reads the block header (section 3.1) and holds it against the index.
    private func decodeHeader(available: Int) throws(BlockError) {
        guard let first = input.first, first != 0 else { throw damaged("a block has no header") }
        let size = (Int(first) + 1) * 4
        guard size <= available else { throw damaged("a block's header is cut off") }
        settings.pointee.header_size = UInt32(size)
        try check(lzma_block_header_decode(settings, nil, input.baseAddress?.assumingMemoryBound(to: UInt8.self)))
        // Fails when the header promises another size than the index.
        try check(lzma_block_compressed_size(settings, lzma_vli(block.unpaddedSize)))
        let promised = settings.pointee.uncompressed_size
        guard promised == .max || promised == lzma_vli(block.uncompressedSize) else {
            throw damaged("a block's header promises \(promised) bytes and the index \(block.uncompressedSize)")
        }
        settings.pointee.uncompressed_size = lzma_vli(block.uncompressedSize)
    }

    /// Gives no dictionary more room than the block can use, and refuses what still takes too much.
    private func limitMemory() throws(BlockError) {
        for index in 0..<Int(LZMA_FILTERS_MAX) where filters[index].id == Self.lzma2 {
            guard let options = filters[index].options?.assumingMemoryBound(to: lzma_options_lzma.self) else {
                continue
            }
            let useful = UInt32(clamping: max(block.uncompressedSize, 4096))
            options.pointee.dict_size = min(options.pointee.dict_size, useful)
        }
        let needed = lzma_raw_decoder_memusage(filters)
        guard needed <= Self.memoryLimit else {
            throw damaged("unpacking a block takes \(needed >> 20) MiB but \(Self.memoryLimit >> 20) MiB is the limit")
        }
    }

    // LZMA_FILTER_LZMA2 of lzma/lzma12.h, a macro with a cast.
    private static let lzma2: lzma_vli = 0x21

    private func run(from start: Int64) throws(BlockError) -> SparseBytes {
        var position = start
        var bytes = SparseBytes(range: block.range)
        var length = resetOutput(for: bytes)
        while true {
            if stream.pointee.avail_in == 0, position < block.compressedRange.upperBound {
                let count = try refill(at: position)
                guard count > 0 else { throw damaged("it ends too early") }
                position += Int64(count)
            }
            let status = lzma_code(stream, LZMA_RUN)
            if length > 0, stream.pointee.avail_out == 0 {
                bytes.append(UnsafeRawBufferPointer(rebasing: output[..<length]))
                length = resetOutput(for: bytes)
            }
            if status == LZMA_STREAM_END { break }
            try check(status)
        }
        // The decoder was told both sizes; this holds whatever it made of them.
        guard length == 0, stream.pointee.avail_in == 0, position == block.compressedRange.upperBound else {
            throw damaged("a block has another size than promised")
        }
        return bytes
    }

    /// Makes room for the next chunk and returns its length, 0 when all were decoded.
    private func resetOutput(for bytes: borrowing SparseBytes) -> Int {
        let length = bytes.nextChunkLength
        stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = length
        return length
    }

    /// Reads the next piece of the block, nothing after it, and returns its length.
    private func refill(at offset: Int64) throws(BlockError) -> Int {
        let wanted = Int(min(Int64(input.count), block.compressedRange.upperBound - offset))
        let count = try file.read(upTo: UnsafeMutableRawBufferPointer(rebasing: input[..<max(0, wanted)]), at: offset)
        stream.pointee.next_in = UnsafePointer(input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = count
        return count
    }

    private func check(_ status: lzma_ret) throws(BlockError) {
        switch status {
        case LZMA_OK: return
        case LZMA_BUF_ERROR: throw damaged("a block ends too early")
        case LZMA_OPTIONS_ERROR: throw damaged("a block has unknown options")
        case LZMA_DATA_ERROR: throw damaged("a check failed")
        case LZMA_MEM_ERROR: throw .system(errno: ENOMEM, operation: "unpack", path: file.path)
        default: throw damaged("liblzma error \(status.rawValue)")
        }
    }

    private func damaged(_ reason: String) -> BlockError {
        .damaged(path: file.path, offset: block.compressedOffset, reason: reason)
    }
}
