extension Overlay {
    /// Hands every range that may hold data to `body`, in order and at most `chunk` bytes at a time; holes of the base
    /// that were not written are left out.
    ///
    /// A chunk after the first of its range begins at a multiple of `chunk`. A granule of zeros that was written is
    /// handed out, so that the walk also serves a target that already holds the base.
    package func forEachData(chunk: Int, _ body: (_ offset: Int64, _ bytes: RawSpan) throws -> Void) throws {
        let size = Int64(max(chunk, 1))
        var buffer = [UInt8](repeating: 0, count: Int(min(size, max(byteCount, 1))))
        var offset: Int64 = 0
        while let range = try nextData(from: offset) {
            offset = range.lowerBound
            while offset < range.upperBound {
                let end = min(range.upperBound, (offset / size + 1) * size)
                let count = Int(end - offset)
                try read(upTo: count, of: &buffer, at: offset)
                try body(offset, buffer.span.bytes.extracting(0..<count))
                offset = end
            }
        }
    }

    private func read(upTo count: Int, of buffer: inout [UInt8], at offset: Int64) throws(BlockError) {
        var span = buffer.mutableSpan
        var raw = span.mutableBytes
        var part = raw._mutatingExtracting(0..<count)
        try read(into: &part, at: offset)
    }
}
