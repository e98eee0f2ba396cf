/// Ranges in order that neither touch nor overlap.
extension [Range<Int64>] {
    /// Where the first stands that ends after `offset`; the count when none does.
    package func firstIndex(endingAfter offset: Int64) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle].upperBound <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether one of them has something in `window`.
    package func touches(_ window: Range<Int64>) -> Bool {
        let first = firstIndex(endingAfter: window.lowerBound)
        return first < count && self[first].lowerBound < window.upperBound && !window.isEmpty
    }

    /// The parts of them that lie in `window`, cut into at most `limit` bytes.
    package func parts(in window: Range<Int64>, upTo limit: Int64) -> [Range<Int64>] {
        var index = firstIndex(endingAfter: window.lowerBound)
        var parts: [Range<Int64>] = []
        while index < count, self[index].lowerBound < window.upperBound {
            let range = self[index].clamped(to: window)
            for start in stride(from: range.lowerBound, to: range.upperBound, by: Int(limit)) {
                parts.append(start..<Swift.min(start + limit, range.upperBound))
            }
            index += 1
        }
        return parts
    }

    /// Adds the marked granules of a chunk that lies after all that is there; what touches becomes one.
    package mutating func appendRuns(of mask: UInt16, in chunkRange: Range<Int64>) {
        for run in SparseBytes.runs(of: mask, in: chunkRange) {
            if let last, last.upperBound == run.lowerBound {
                self[count - 1] = last.lowerBound..<run.upperBound
            } else {
                append(run)
            }
        }
    }
}
