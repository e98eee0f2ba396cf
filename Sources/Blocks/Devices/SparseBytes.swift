import Glibc

/// A range of an image in memory, in chunks, of which those that hold only zeros take no room.
///
/// ```
///   image    0         64 Ki        128 Ki       192 Ki
///            |----------|------------|------------|-----
///   range         |================================|
///   chunks        |  0  |     1      |      2      |3|       cut on the image's own grid
/// ```
package struct SparseBytes: Sendable {
    /// The grid in bytes; a multiple of `granuleSize`.
    package static let chunkSize = 64 << 10
    /// The unit in which zeros are looked for, in bytes: a file system's usual block.
    package static let granuleSize = 4096

    /// Chunk 1 of the picture, with one bit for each of its granules that is not all zero.
    package struct Chunk: Sendable {
        package var bytes: [UInt8]
        /// Bit n is for granule n of the chunk's range, the lowest first.
        package var dataMask: UInt16
    }

    /// Where the bytes lie in the image.
    package let range: Range<Int64>
    /// In order; nil for zeros.
    private var chunks: [Chunk?] = []
    /// The bytes kept here.
    package private(set) var heldByteCount: Int64 = 0

    /// A range of which no chunk is filled yet.
    package init(range: Range<Int64>) {
        self.range = range
    }

    /// Reads `range` of a reader; its holes are not read.
    package init(of reader: some BlockReader, range: Range<Int64>) throws(BlockError) {
        let count = range.upperBound.subtractingReportingOverflow(range.lowerBound)
        try checkBounds(
            offset: range.lowerBound, count: count.overflow ? .max : Int(count.partialValue), size: reader.byteCount)
        self.range = range
        var data = try reader.nextData(from: range.lowerBound)
        while nextChunkLength > 0 {
            let chunkRange = self.range(ofChunk: chunks.count)
            if let found = data, found.upperBound <= chunkRange.lowerBound {
                data = try reader.nextData(from: chunkRange.lowerBound)
            }
            guard let found = data, found.lowerBound < chunkRange.upperBound else {
                appendZeros()
                continue
            }
            try append(reader.bytes(at: chunkRange.lowerBound, count: nextChunkLength))
        }
    }

    /// Whether there are nothing but zeros.
    package var isZero: Bool { heldByteCount == 0 }

    package var chunkCount: Int {
        if range.isEmpty { return 0 }
        return Int((range.upperBound - 1) / Self.wideChunk - range.lowerBound / Self.wideChunk) + 1
    }

    /// One of `chunkCount` chunks; nil for zeros.
    package func chunk(_ index: Int) -> Chunk? {
        index < chunks.count ? chunks[index] : nil
    }

    /// The part of the image that a chunk holds.
    package func range(ofChunk index: Int) -> Range<Int64> {
        let first = range.lowerBound / Self.wideChunk
        let start = (first + Int64(index)) * Self.wideChunk
        return max(start, range.lowerBound)..<min(start + Self.wideChunk, range.upperBound)
    }

    /// Length in bytes of the chunk that `append` takes next; 0 when the range is full.
    package var nextChunkLength: Int {
        let next = range(bounding: chunks.count)
        return max(0, Int(next.upperBound - next.lowerBound))
    }

    /// Takes the bytes of the next chunk: exactly `nextChunkLength` of them.
    package mutating func append(_ bytes: UnsafeRawBufferPointer) {
        append(mask: Self.dataMask(of: bytes, at: range(bounding: chunks.count).lowerBound)) { [UInt8](bytes) }
    }

    private mutating func append(_ bytes: [UInt8]) {
        append(mask: Self.dataMask(of: bytes.span.bytes, at: range(bounding: chunks.count).lowerBound)) { bytes }
    }

    private mutating func append(mask: UInt16, _ bytes: () -> [UInt8]) {
        guard mask != 0 else { return appendZeros() }
        let chunk = Chunk(bytes: bytes(), dataMask: mask)
        heldByteCount += Int64(chunk.bytes.count)
        chunks.append(chunk)
    }

    /// Puts a chunk into its range, which may lie after the last one.
    package mutating func setChunk(_ index: Int, to chunk: Chunk?) {
        guard index >= 0, index < chunkCount else { return }
        while chunks.count <= index { chunks.append(nil) }
        heldByteCount += Int64(chunk?.bytes.count ?? 0) - Int64(chunks[index]?.bytes.count ?? 0)
        chunks[index] = chunk
    }

    /// The chunks that hold a part of `other`, which lies inside `range`.
    package func chunks(in other: Range<Int64>) -> Range<Int> {
        let part = other.clamped(to: range)
        guard !part.isEmpty else { return 0..<0 }
        let first = range.lowerBound / Self.wideChunk
        return Int(part.lowerBound / Self.wideChunk - first)..<Int((part.upperBound - 1) / Self.wideChunk - first + 1)
    }

    /// Takes the next chunk as zeros.
    mutating func appendZeros() {
        chunks.append(nil)
    }

    /// Fills the whole `buffer` from `offset`, which both lie inside `range`.
    package func copy(into buffer: inout MutableRawSpan, at offset: Int64) {
        let end = offset + Int64(buffer.byteCount)
        guard offset >= range.lowerBound, end <= range.upperBound else { return }
        buffer.withUnsafeMutableBytes { target in
            var position = offset
            while position < end {
                let index = Int(position / Self.wideChunk - range.lowerBound / Self.wideChunk)
                let chunkRange = self.range(ofChunk: index)
                let length = Int(min(end, chunkRange.upperBound) - position)
                let start = Int(position - offset)
                let part = UnsafeMutableRawBufferPointer(rebasing: target[start..<(start + length)])
                if index < chunks.count, let chunk = chunks[index] {
                    let skip = Int(position - chunkRange.lowerBound)
                    chunk.bytes.withUnsafeBytes { part.copyMemory(from: .init(rebasing: $0[skip..<(skip + length)])) }
                } else {
                    _ = part.initializeMemory(as: UInt8.self, repeating: 0)
                }
                position += Int64(length)
            }
        }
    }

    /// The first run of chunks with data at or after `offset`, cut to `range`.
    package func nextData(from offset: Int64) -> Range<Int64>? {
        guard offset < range.upperBound else { return nil }
        let from = max(offset, range.lowerBound)
        var index = Int(from / Self.wideChunk - range.lowerBound / Self.wideChunk)
        while index < chunks.count, chunks[index] == nil { index += 1 }
        guard index < chunks.count else { return nil }
        let start = max(from, range(ofChunk: index).lowerBound)
        while index + 1 < chunks.count, chunks[index + 1] != nil { index += 1 }
        return start..<range(ofChunk: index).upperBound
    }

    /// The range of a chunk that may not be there.
    private func range(bounding index: Int) -> Range<Int64> {
        let start = (range.lowerBound / Self.wideChunk + Int64(index)) * Self.wideChunk
        guard start < range.upperBound else { return range.upperBound..<range.upperBound }
        return range(ofChunk: index)
    }

    private static var wideChunk: Int64 { Int64(chunkSize) }

    /// Which granules of the image's grid hold something in `bytes`, which begin at `offset` and cross no chunk.
    package static func dataMask(of bytes: RawSpan, at offset: Int64) -> UInt16 {
        bytes.withUnsafeBytes { dataMask(of: $0, at: offset) }
    }

    /// The parts of a chunk's range that its mask marks, in order, neighbours in one.
    package static func runs(of mask: UInt16, in chunkRange: Range<Int64>) -> [Range<Int64>] {
        let size = Int64(granuleSize)
        let grid = chunkRange.lowerBound / wideChunk * wideChunk
        var runs: [Range<Int64>] = []
        var bit: Int64 = 0
        while bit < Int64(UInt16.bitWidth) {
            guard mask >> UInt16(bit) & 1 == 1 else {
                bit += 1
                continue
            }
            let first = bit
            while bit < Int64(UInt16.bitWidth), mask >> UInt16(bit) & 1 == 1 { bit += 1 }
            let run = (grid + first * size)..<(grid + bit * size)
            runs.append(run.clamped(to: chunkRange))
        }
        return runs
    }

    private static func dataMask(of bytes: UnsafeRawBufferPointer, at offset: Int64) -> UInt16 {
        var mask: UInt16 = 0
        var position = 0
        let inside = Int(offset % wideChunk)
        while position < bytes.count {
            let granule = (inside + position) / granuleSize
            let end = min((granule + 1) * granuleSize - inside, bytes.count)
            if !isZero(UnsafeRawBufferPointer(rebasing: bytes[position..<end])) { mask |= 1 << UInt16(granule) }
            position = end
        }
        return mask
    }

    /// Zero all along when the first byte is zero and every byte equals the one after it.
    private static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let address = bytes.baseAddress, bytes[0] == 0 else { return bytes.isEmpty }
        return bytes.count == 1 || memcmp(address, address + 1, bytes.count - 1) == 0
    }
}
