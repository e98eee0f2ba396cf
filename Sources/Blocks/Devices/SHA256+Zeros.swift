extension SHA256 {
    private static let zeros = [UInt8](repeating: 0, count: 1 << 16)

    /// Hashes `count` zeros, which a hole reads as.
    package mutating func updateZeros(count: Int64) {
        var left = count
        while left > 0 {
            let length = Int(min(left, Int64(Self.zeros.count)))
            update(Self.zeros.span.bytes.extracting(0..<length))
            left -= Int64(length)
        }
    }

    /// Hashes a chunk of a piece, which lies at `range`; nil is zeros.
    package mutating func update(_ chunk: SparseBytes.Chunk?, at range: Range<Int64>) {
        if let chunk {
            update(chunk.bytes.span.bytes)
        } else {
            updateZeros(count: range.upperBound - range.lowerBound)
        }
    }
}
