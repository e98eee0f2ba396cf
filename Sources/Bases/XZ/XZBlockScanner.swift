import Blocks
import CLZMA

/// Holds a packed .xz block against its index and its own frame while its bytes come by, without decoding it.
///
/// ```
///   header with sizes and CRC32 | LZMA2 chunks, each with its length | 0x00 | zeros to a multiple of 4 | check
/// ```
///
/// Sources: The .xz File Format 1.1.0, section 3; for the chunks liblzma's lzma2_decoder.c. What is wrong inside a chunk
/// shows only when it is decoded.
struct XZBlockScanner: ~Copyable {
    private enum State {
        case header
        /// The first byte of a chunk comes next.
        case chunk
        /// So many bytes of a chunk's own header are still to come.
        case chunkHeader(Int)
        /// So many bytes of a chunk.
        case data(Int64)
        case padding
        case check
    }

    private let block: PackedBlock
    private let path: String
    private var state = State.header
    private var header: [UInt8] = []
    private var chunkHeader: [UInt8] = []
    /// Bytes of the block that came by.
    private var position: Int64 = 0
    /// Where the compressed data end, by the index.
    private var dataEnd: Int64 = 0
    private var checkStart: Int64 = 0
    /// What the chunks so far hold when they are decoded.
    private var imageByteCount: Int64 = 0

    init(_ block: PackedBlock, path: String) {
        self.block = block
        self.path = path
    }

    /// Takes the next bytes of the block.
    mutating func take(_ bytes: UnsafeRawBufferPointer) throws(BlockError) {
        var rest = bytes
        while let byte = rest.first {
            switch state {
            case .header:
                header.append(byte)
                guard byte != 0 || header.count > 1 else { throw damaged("a block has no header") }
                if header.count == (Int(header[0]) + 1) * 4 { try endHeader() }
            case .chunk: try beginChunk(byte)
            case .chunkHeader(let count):
                chunkHeader.append(byte)
                state = .chunkHeader(count - 1)
                if count == 1 { try endChunkHeader() }
            case .data(let count):
                let length = min(count, Int64(rest.count))
                position += length
                rest = UnsafeRawBufferPointer(rebasing: rest[Int(length)...])
                state = length == count ? .chunk : .data(count - length)
                continue
            case .padding:
                guard byte == 0 else { throw damaged("a block's padding is not zero") }
                if position + 1 == checkStart { state = .check }
            case .check: break
            }
            position += 1
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        }
    }

    /// Throws unless all of the block came by.
    consuming func finish() throws(BlockError) {
        guard case .check = state, position == Int64(block.file.count) else { throw damaged("a block ends too early") }
    }

    private mutating func endHeader() throws(BlockError) {
        var filters = [lzma_filter](repeating: lzma_filter(id: .max, options: nil), count: Int(LZMA_FILTERS_MAX) + 1)
        var found = lzma_block()
        found.version = 1
        found.check = lzma_check(rawValue: UInt32(block.check))
        found.header_size = UInt32(header.count)
        let status = filters.withUnsafeMutableBufferPointer { list -> lzma_ret in
            found.filters = list.baseAddress
            defer {
                lzma_filters_free(list.baseAddress, nil)
                found.filters = nil
            }
            let status = lzma_block_header_decode(&found, nil, header)
            guard status == LZMA_OK else { return status }
            // Fails when the header promises another size than the index.
            return lzma_block_compressed_size(&found, lzma_vli(clamping: block.unpaddedByteCount))
        }
        guard status == LZMA_OK else { throw damaged("a block's header is wrong") }
        guard found.uncompressed_size == .max || found.uncompressed_size == lzma_vli(clamping: block.image.count) else {
            throw damaged("a block's header promises another size than the index")
        }
        let checkByteCount = Int64(lzma_check_size(found.check))
        checkStart = Int64(block.file.count) - checkByteCount
        dataEnd = block.unpaddedByteCount - checkByteCount
        guard dataEnd > Int64(header.count), checkStart >= dataEnd else { throw damaged("a block is too short") }
        state = .chunk
    }

    private mutating func beginChunk(_ control: UInt8) throws(BlockError) {
        guard position < dataEnd else { throw damaged("a block's data have no end") }
        chunkHeader = [control]
        switch control {
        case 0:
            guard position + 1 == dataEnd, imageByteCount == Int64(block.image.count) else {
                throw damaged("a block's data are not as long as its index says")
            }
            state = position + 1 == checkStart ? .check : .padding
        case 1, 2: state = .chunkHeader(2)
        case 0x80...: state = .chunkHeader(control >= 0xC0 ? 5 : 4)
        default: throw damaged("a chunk of an unknown kind")
        }
    }

    /// Sizes are stored less 1, the decoded one of an LZMA chunk with its top five bits in the control byte.
    private mutating func endChunkHeader() throws(BlockError) {
        let first = Int64(chunkHeader[1]) << 8 | Int64(chunkHeader[2])
        let isPacked = chunkHeader[0] >= 0x80
        imageByteCount += (isPacked ? Int64(chunkHeader[0] & 0x1F) << 16 : 0) + first + 1
        let length = isPacked ? (Int64(chunkHeader[3]) << 8 | Int64(chunkHeader[4])) + 1 : first + 1
        // The end marker follows.
        guard position + 1 + length < dataEnd, imageByteCount <= Int64(block.image.count) else {
            throw damaged("a chunk leaves its block")
        }
        state = .data(length)
    }

    private func damaged(_ reason: String) -> BlockError {
        .damaged(path: path, offset: block.file.lowerBound, reason: reason)
    }
}
