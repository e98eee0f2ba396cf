package import Blocks
import CLZMA

/// Where the blocks of an .xz file lie, read from its stream headers, indexes and footers without decoding any block.
///
/// ```
///   .xz    | header | block | block | ... | index | footer | padding | header | block | ... | footer |
///          |<-------------------- stream 0 -------------->|          |<---------- stream 1 --------->|
///   block  | block header | compressed data | 0...3 zero bytes | check |
///          |<------------------------ totalSize ----------------------->|
/// ```
///
/// Format: The .xz File Format 1.1.0. Every number here was checked by liblzma against the file's size and against
/// each other; whether a block decodes to what is promised shows only when it is decoded.
package struct XZIndex: Equatable, Sendable {
    /// One block; sizes and offsets in bytes.
    package struct Block: Equatable, Sendable {
        /// Where its header begins in the .xz file.
        package var compressedOffset: Int64
        /// Its length in the .xz file with header, padding and check: a multiple of 4.
        package var totalSize: Int64
        /// The same without padding, as the index records it.
        package var unpaddedSize: Int64
        /// Where its bytes lie in the unpacked file.
        package var uncompressedOffset: Int64
        /// May be 0.
        package var uncompressedSize: Int64
        /// The stream it belongs to, an index into `streams`.
        package var stream: Int

        /// Its range in the .xz file.
        package var compressedRange: Range<Int64> { compressedOffset..<(compressedOffset + totalSize) }
        /// Its range in the unpacked file.
        package var range: Range<Int64> { uncompressedOffset..<(uncompressedOffset + uncompressedSize) }
    }

    /// One stream; sizes and offsets in bytes.
    package struct Stream: Equatable, Sendable {
        package var compressedOffset: Int64
        /// From header to footer, without padding.
        package var compressedSize: Int64
        package var uncompressedSize: Int64
        /// Zero bytes after the footer.
        package var padding: Int64
        package var blockCount: Int
        /// The kind of check all its blocks end in (section 2.1.1.2): 0 none, 1 CRC32, 4 CRC64, 10 SHA-256.
        package var checkID: UInt8
    }

    /// In the order of the file; they cover `0..<byteCount` without a gap.
    package let blocks: [Block]
    package let streams: [Stream]
    /// Size of the .xz file.
    package let compressedByteCount: Int64
    /// Size of the unpacked file.
    package let byteCount: Int64

    /// More memory than this for liblzma's index (about 16 bytes a block) is refused: no real file has a million blocks.
    package static let memoryLimit: UInt64 = 16 << 20

    /// Reads the index of `file`, of which `byteCount` bytes are read in few small pieces.
    ///
    /// Throws `corrupt`, `memoryLimit` or `block`. Whether a file is damaged, cut short or followed by garbage is known only
    /// after it was decoded.
    package init(_ file: OpenFile, byteCount: Int64) throws(BaseImageError) {
        let decoder = XZIndexDecoder()
        let index = try decoder.decode(file, byteCount: byteCount)
        defer { lzma_index_end(index, nil) }
        var iterator = lzma_index_iter()
        lzma_index_iter_init(&iterator, index)
        var blocks: [Block] = []
        var streams: [Stream] = []
        blocks.reserveCapacity(Int(clamping: lzma_index_block_count(index)))
        while lzma_index_iter_next(&iterator, LZMA_INDEX_ITER_ANY) == 0 {
            if Int(clamping: iterator.stream.number) > streams.count { streams.append(try Stream(iterator)) }
            if iterator.stream.block_count > 0 { blocks.append(try Block(iterator, stream: streams.count - 1)) }
        }
        self.blocks = blocks
        self.streams = streams
        compressedByteCount = byteCount
        self.byteCount = try signed(lzma_index_uncompressed_size(index))
        try checkOrder()
    }

    /// The block that holds the byte at `offset`, as an index into `blocks`; nil outside the unpacked file.
    package func block(at offset: Int64) -> Int? {
        guard offset >= 0, offset < byteCount else { return nil }
        var low = 0
        var high = blocks.count
        // The first block that ends after the offset: empty ones end before it.
        while low < high {
            let middle = (low + high) / 2
            if blocks[middle].range.upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low < blocks.count ? low : nil
    }

    /// liblzma promises all this; what reads blocks relies on it, so it is looked at once.
    private func checkOrder() throws(BaseImageError) {
        var position: Int64 = 0
        var compressed: Int64 = 0
        for block in blocks {
            let (end, overflow) = block.uncompressedOffset.addingReportingOverflow(block.uncompressedSize)
            let (compressedEnd, compressedOverflow) = block.compressedOffset.addingReportingOverflow(block.totalSize)
            guard !overflow, !compressedOverflow, block.uncompressedOffset == position,
                block.unpaddedSize > 0, block.unpaddedSize <= block.totalSize,
                block.compressedOffset >= compressed, compressedEnd <= compressedByteCount
            else { throw .corrupt(.xz, reason: Self.contradiction) }
            position = end
            compressed = compressedEnd
        }
        guard position == byteCount else { throw .corrupt(.xz, reason: Self.contradiction) }
    }

    static let contradiction = "its index contradicts itself"
}

extension XZIndex.Stream {
    fileprivate init(_ iterator: lzma_index_iter) throws(BaseImageError) {
        let stream = iterator.stream
        guard let flags = stream.flags, let checkID = UInt8(exactly: flags.pointee.check.rawValue) else {
            throw .corrupt(.xz, reason: XZIndex.contradiction)
        }
        self.init(
            compressedOffset: try signed(stream.compressed_offset), compressedSize: try signed(stream.compressed_size),
            uncompressedSize: try signed(stream.uncompressed_size), padding: try signed(stream.padding),
            blockCount: Int(clamping: stream.block_count), checkID: checkID)
    }
}

extension XZIndex.Block {
    fileprivate init(_ iterator: lzma_index_iter, stream: Int) throws(BaseImageError) {
        let block = iterator.block
        self.init(
            compressedOffset: try signed(block.compressed_file_offset), totalSize: try signed(block.total_size),
            unpaddedSize: try signed(block.unpadded_size),
            uncompressedOffset: try signed(block.uncompressed_file_offset),
            uncompressedSize: try signed(block.uncompressed_size), stream: stream)
    }
}

/// A size of liblzma as a signed number.
private func signed(_ value: lzma_vli) throws(BaseImageError) -> Int64 {
    guard let value = Int64(exactly: value) else { throw .corrupt(.xz, reason: XZIndex.contradiction) }
    return value
}
