import CLZMA

/// What stands around the blocks of one .xz stream: its header, and the index and footer that are known at its end.
///
/// ```
///   | header 12 bytes | block | block | ... | index | footer 12 bytes |
/// ```
struct XZStreamEnds: ~Copyable {
    /// The check that all blocks of the stream end in.
    let check: UInt8
    private let index: OpaquePointer

    init(check: UInt8) throws(PackingError) {
        guard let index = lzma_index_init(nil) else { throw .outOfMemory(.xz) }
        self.index = index
        self.check = check
    }

    deinit {
        lzma_index_end(index, nil)
    }

    /// Records a block; throws when the index would grow beyond what the format allows.
    func append(unpadded: Int64, image: Int64) throws(PackingError) {
        try Self.verify(lzma_index_append(index, nil, lzma_vli(clamping: unpadded), lzma_vli(clamping: image)))
    }

    func header() throws(PackingError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(LZMA_STREAM_HEADER_SIZE))
        var flags = flags
        try Self.verify(lzma_stream_header_encode(&flags, &bytes))
        return bytes
    }

    func indexAndFooter() throws(PackingError) -> [UInt8] {
        var flags = flags
        flags.backward_size = lzma_index_size(index)
        var bytes = [UInt8](repeating: 0, count: Int(clamping: flags.backward_size))
        var count = 0
        try Self.verify(lzma_index_buffer_encode(index, &bytes, &count, bytes.count))
        var footer = [UInt8](repeating: 0, count: Int(LZMA_STREAM_HEADER_SIZE))
        try Self.verify(lzma_stream_footer_encode(&flags, &footer))
        return bytes + footer
    }

    private var flags: lzma_stream_flags {
        var flags = lzma_stream_flags()
        flags.check = lzma_check(UInt32(check))
        return flags
    }

    private static func verify(_ status: lzma_ret) throws(PackingError) {
        switch status {
        case LZMA_OK: return
        case LZMA_MEM_ERROR: throw .outOfMemory(.xz)
        default: throw .library(.xz, code: Int(status.rawValue))
        }
    }
}
