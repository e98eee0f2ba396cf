/// Digests the runs of a map while the bytes of the image come by, in order, in pieces of any size.
package struct RangeDigester: ~Copyable {
    package private(set) var map: BlockMap
    private var index = 0
    /// Where the bytes of the run at `index` that came by end; nil before its first.
    private var position: Int64?
    private var hasher = SHA256()

    package init(_ map: BlockMap) {
        self.map = map
    }

    /// Takes a piece of the image; pieces may be left out, none may come twice.
    package mutating func take(_ piece: SparseBytes) {
        while index < map.runs.count {
            let run = map.range(of: map.runs[index])
            guard run.lowerBound < piece.range.upperBound else { return }
            let start = max(run.lowerBound, position ?? piece.range.lowerBound)
            guard piece.range.contains(start), start == position ?? run.lowerBound else {
                next()
                continue
            }
            let end = min(run.upperBound, piece.range.upperBound)
            if map.runs[index].digest == nil { update(start..<end, of: piece) }
            position = end
            guard end == run.upperBound else { return }
            finish()
        }
    }

    private mutating func finish() {
        var full = SHA256()
        swap(&full, &hasher)
        if map.runs[index].digest == nil { map.set(full.finalize(), ofRun: index) }
        index += 1
        position = nil
    }

    /// Gives up a run of which something did not come by.
    private mutating func next() {
        index += 1
        position = nil
        hasher = SHA256()
    }

    private mutating func update(_ range: Range<Int64>, of piece: SparseBytes) {
        for number in piece.chunks(in: range) {
            let chunkRange = piece.range(ofChunk: number)
            let part = chunkRange.clamped(to: range)
            if let chunk = piece.chunk(number) {
                let start = Int(part.lowerBound - chunkRange.lowerBound)
                hasher.update(chunk.bytes.span.bytes.extracting(start..<start + part.count))
            } else {
                hasher.updateZeros(count: Int64(part.count))
            }
        }
    }
}
