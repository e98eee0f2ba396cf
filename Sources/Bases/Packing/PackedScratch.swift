package import Blocks
import Reports

/// Packed pieces on disk that several outputs will hold; they are gone with the last owner.
package struct PackedScratch: Sendable {
    package let file: OpenFile
    private var byteCount: Int64 = 0

    package init(in cache: Cache) throws(BlockError) {
        file = try cache.scratch()
    }

    /// Stores a piece of the image that begins at `offset`; returns it as a block of `file`.
    package mutating func append(_ piece: PackedPiece, at offset: Int64) throws(PackingError) -> PackedBlock {
        let position = byteCount
        try wrapping(
            piece.bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: position) },
            as: PackingError.block)
        byteCount += Int64(piece.bytes.count)
        return PackedBlock(
            file: position..<byteCount, image: offset..<(offset + piece.imageByteCount),
            unpaddedByteCount: piece.unpaddedByteCount, check: piece.check)
    }
}
