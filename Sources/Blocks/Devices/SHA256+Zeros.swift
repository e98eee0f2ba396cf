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
}
