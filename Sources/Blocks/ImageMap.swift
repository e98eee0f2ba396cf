import Glibc

/// Which blocks of an image hold something else than zeros, with the digest of each run of them.
///
/// ```
///   chunk (1 MiB)   |        0        |        1        |        2        |
///   blocks (4 KiB)  |####....##.......|#################|.................|
///   runs              0      1          2                none
/// ```
/// No run crosses a chunk, so that what an edit changes is only the runs of the chunks it touches. A chunk that nobody
/// has looked at is unknown.
package struct ImageMap: Equatable, Sendable {
    /// Bytes in a block, the last of which may be shorter.
    package static let blockSize: Int64 = 4096
    /// Bytes in a chunk.
    package static let chunkSize: Int64 = 1 << 20

    /// Blocks in a row that hold data; `last` is the number of the last one.
    package struct Run: Equatable, Sendable {
        package var first: Int64
        package var last: Int64
        /// Of all bytes of the run, as far as the image goes.
        package var digest: SHA256Digest
    }

    /// Size of the image in bytes.
    package let byteCount: Int64
    /// One for each chunk; nil where unknown.
    package private(set) var chunks: [[Run]?]

    package init(byteCount: Int64) {
        self.byteCount = byteCount
        let count = byteCount / Self.chunkSize + (byteCount % Self.chunkSize == 0 ? 0 : 1)
        chunks = Array(repeating: nil, count: Int(count))
    }

    package var isComplete: Bool { !chunks.contains { $0 == nil } }

    /// The part of the image that a chunk is.
    package func range(of chunk: Int) -> Range<Int64> {
        let start = Int64(chunk) * Self.chunkSize
        return start..<min(start + Self.chunkSize, byteCount)
    }

    /// The chunks that share a byte with `range`.
    package func chunks(touching range: Range<Int64>) -> Range<Int> {
        let inside = range.clamped(to: 0..<byteCount)
        guard !inside.isEmpty else { return 0..<0 }
        return Int(inside.lowerBound / Self.chunkSize)..<(Int((inside.upperBound - 1) / Self.chunkSize) + 1)
    }

    package mutating func set(_ chunk: Int, to runs: [Run]?) {
        if chunks.indices.contains(chunk) { chunks[chunk] = runs }
    }

    /// Takes over what `other`, of an equally large image, knows and this one does not, but for chunks that `skip` names.
    package mutating func learn(from other: ImageMap, except skip: (Range<Int64>) -> Bool) {
        guard other.byteCount == byteCount else { return }
        for index in chunks.indices where chunks[index] == nil && !skip(range(of: index)) {
            chunks[index] = other.chunks[index]
        }
    }

    /// The runs of the chunk that begins at `offset` and holds `bytes`.
    package static func runs(of bytes: RawSpan, at offset: Int64) -> [Run] {
        var parts: [Range<Int>] = []
        var position = 0
        while position < bytes.byteCount {
            let end = min(position + Int(blockSize), bytes.byteCount)
            if !isZero(bytes.extracting(position..<end)) {
                if let last = parts.last, last.upperBound == position {
                    parts[parts.count - 1] = last.lowerBound..<end
                } else {
                    parts.append(position..<end)
                }
            }
            position = end
        }
        var runs: [Run] = []
        for part in parts {
            runs.append(
                Run(
                    first: (offset + Int64(part.lowerBound)) / blockSize,
                    last: (offset + Int64(part.upperBound) - 1) / blockSize,
                    digest: SHA256.digest(of: bytes.extracting(part))))
        }
        return runs
    }

    private static func isZero(_ bytes: RawSpan) -> Bool {
        bytes.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress, bytes.count > 1 else { return bytes.allSatisfy { $0 == 0 } }
            // Zero all along when the first byte is zero and every byte equals the one after it.
            return bytes[0] == 0 && memcmp(address, address + 1, bytes.count - 1) == 0
        }
    }

    /// Looks at every unknown chunk of `reader`, on all cores; holes are known without reading them.
    package mutating func complete(
        from reader: any BlockReader, progress: (Int64) -> Void = { _ in }, isCancelled: @Sendable () -> Bool
    ) throws(PackingError) {
        let missing = chunks.indices.filter { chunks[$0] == nil }
        let map = self
        var found: [[Run]] = []
        try OrderedWork.run(
            count: missing.count, workers: WorkerCount.automatic.count(forMemory: 2 << 20),
            produce: { (index) throws(PackingError) -> [Run] in
                if isCancelled() { throw .cancelled }
                return try Self.runs(of: map.range(of: missing[index]), in: reader)
            },
            deliver: { (runs) throws(PackingError) in
                found.append(runs)
                progress(map.range(of: missing[found.count - 1]).upperBound)
            })
        for (chunk, runs) in zip(missing, found) { chunks[chunk] = runs }
    }

    private static func runs(of range: Range<Int64>, in reader: any BlockReader) throws(PackingError) -> [Run] {
        do {
            guard let data = try reader.nextData(from: range.lowerBound), data.lowerBound < range.upperBound else {
                return []
            }
            let bytes = try reader.bytes(at: range.lowerBound, count: range.count)
            return runs(of: bytes.span.bytes, at: range.lowerBound)
        } catch {
            throw .block(error)
        }
    }
}
