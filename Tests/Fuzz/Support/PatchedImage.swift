package import Blocks

/// Stands in for a device: some bytes at offsets, zeros everywhere else.
package struct PatchedImage: BlockReader {
    package let byteCount: Int64
    private let pieces: [(offset: Int64, bytes: [UInt8])]

    /// Of overlapping pieces the later one is seen; what lies outside `byteCount` is cut off.
    package init(byteCount: Int64, pieces: [(offset: Int64, bytes: [UInt8])]) {
        self.byteCount = byteCount
        self.pieces = pieces
    }

    package func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(BlockError) {
        let count = buffer.byteCount
        try checkBounds(offset: offset, count: count, size: byteCount)
        let wanted = offset..<(offset + Int64(count))
        let pieces = pieces
        buffer.withUnsafeMutableBytes { target in
            target.initializeMemory(as: UInt8.self, repeating: 0)
            for (start, bytes) in pieces {
                let common = wanted.clamped(to: start..<(start + Int64(bytes.count)))
                guard !common.isEmpty else { continue }
                bytes.withUnsafeBytes { source in
                    let from = Int(common.lowerBound - start)..<Int(common.upperBound - start)
                    UnsafeMutableRawBufferPointer(rebasing: target[Int(common.lowerBound - offset)...])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from]))
                }
            }
        }
    }
}
