import Blocks

/// Serves pieces of an image, which may end anywhere, in ranges on the grid of 4 KiB: what is left of one is kept for
/// the next.
///
/// ```
///   pieces   |         0          |          1          |
///   grid     |----|----|----|----|----|----|----|----|----|
///   served   |     first          |  rest + second      |
/// ```
struct PieceGrid {
    let imageByteCount: Int64
    private var rest: [UInt8] = []
    /// Where `rest` begins; it ends where the next piece begins.
    private var restStart: Int64 = 0

    init(imageByteCount: Int64) { self.imageByteCount = imageByteCount }

    /// What of the image can be served with the next piece.
    func window(of piece: Range<Int64>) -> Range<Int64> {
        let grid = WriteMap.grid
        let follows = !rest.isEmpty && restStart + Int64(rest.count) == piece.lowerBound
        let start = follows ? restStart : WriteMap.roundedUp(piece.lowerBound)
        let isLast = piece.upperBound == imageByteCount
        return start..<max(start, isLast ? WriteMap.roundedUp(imageByteCount) : piece.upperBound / grid * grid)
    }

    /// Fills `buffer` with the image from `offset` on, zeros after its end; inside the window.
    func copy(from piece: SparseBytes, to buffer: UnsafeMutableRawBufferPointer, at offset: Int64) {
        let end = offset + Int64(buffer.count)
        var position = offset
        if position < piece.range.lowerBound {
            let part = rest[Int(position - restStart)...].prefix(buffer.count)
            part.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: buffer[..<$0.count]).copyMemory(from: $0) }
            position += Int64(part.count)
        }
        let dataEnd = min(end, piece.range.upperBound)
        if position < dataEnd {
            let part = Int(position - offset)..<Int(dataEnd - offset)
            var span = UnsafeMutableRawBufferPointer(rebasing: buffer[part]).mutableBytes
            piece.copy(into: &span, at: position)
        }
        if dataEnd < end {
            UnsafeMutableRawBufferPointer(rebasing: buffer[Int(max(dataEnd, position) - offset)...])
                .initializeMemory(as: UInt8.self, repeating: 0)
        }
    }

    /// Keeps what the window left.
    mutating func finish(_ piece: SparseBytes) {
        let start = piece.range.upperBound / WriteMap.grid * WriteMap.grid
        guard start > piece.range.lowerBound, start < piece.range.upperBound else {
            // A piece of less than a block is joined to what was there.
            if start < piece.range.upperBound, start <= piece.range.lowerBound { join(piece) } else { rest = [] }
            return
        }
        (rest, restStart) = (Self.bytes(of: piece, from: start), start)
    }

    private mutating func join(_ piece: SparseBytes) {
        let follows = !rest.isEmpty && restStart + Int64(rest.count) == piece.range.lowerBound
        if !follows { (rest, restStart) = ([], piece.range.lowerBound) }
        rest += Self.bytes(of: piece, from: piece.range.lowerBound)
    }

    private static func bytes(of piece: SparseBytes, from start: Int64) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(piece.range.upperBound - start))
        var span = bytes.mutableSpan
        var raw = span.mutableBytes
        piece.copy(into: &raw, at: start)
        return bytes
    }
}
