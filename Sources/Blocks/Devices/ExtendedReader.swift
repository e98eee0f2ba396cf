/// A reader with one byte repeated after its end: an image as it lies at the start of a larger card.
///
/// Zeros are a hole. Any other filler stands for bytes that nobody knows, as a card keeps them from before: an overlay
/// then takes every block that is written there for a change, those of zeros too.
package struct ExtendedReader: BlockReader {
    package let byteCount: Int64
    private let base: any BlockReader
    private let filler: UInt8

    /// Throws `outOfBounds` when `byteCount` is less than the base has.
    package init(_ base: any BlockReader, byteCount: Int64, filler: UInt8 = 0) throws(BlockError) {
        guard byteCount >= base.byteCount else {
            throw .outOfBounds(offset: byteCount, count: 0, size: base.byteCount)
        }
        self.base = base
        self.byteCount = byteCount
        self.filler = filler
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        try checkBounds(offset: offset, count: buffer.byteCount, size: byteCount)
        let count = Int(min(max(base.byteCount - offset, 0), Int64(buffer.byteCount)))
        if count > 0 {
            var part = buffer._mutatingExtracting(0..<count)
            try base.read(into: &part, at: offset)
        }
        let filler = filler
        buffer.withUnsafeMutableBytes { bytes in
            _ = UnsafeMutableRawBufferPointer(rebasing: bytes[count...])
                .initializeMemory(as: UInt8.self, repeating: filler)
        }
    }

    package func nextData(from offset: Int64) throws(BlockError) -> Range<Int64>? {
        if offset < base.byteCount, let data = try base.nextData(from: offset) { return data }
        guard filler != 0, offset < byteCount, base.byteCount < byteCount else { return nil }
        return max(offset, base.byteCount)..<byteCount
    }

    package var pieces: [Range<Int64>] {
        base.pieces
            + stride(from: base.byteCount, to: byteCount, by: 4 << 20).map { $0..<min($0 + (4 << 20), byteCount) }
    }

    package func takePiece(_ range: Range<Int64>) throws(BlockError) -> SparseBytes {
        guard range.upperBound > base.byteCount else { return try base.takePiece(range) }
        return try SparseBytes(of: self, range: range)
    }
}
