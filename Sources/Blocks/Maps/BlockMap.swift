/// Which blocks of an image are in use, with the digest of each run of them where it is known.
///
/// ```
///   chunk (1 MiB)   |        0        |        1        |        2        |
///   blocks (4 KiB)  |####....##.......|#################|.................|
///   runs              0      1          2                none
/// ```
/// No run crosses a chunk, so that what an edit changes is only the runs of the chunks it touches. A run without a digest
/// is copied all the same, but its reader cannot check it.
package struct BlockMap: Equatable, Sendable {
    /// Bytes in a chunk.
    package static let chunkSize: Int64 = 1 << 20

    /// Blocks in a row that are in use.
    package struct Run: Equatable, Sendable {
        /// The numbers of its blocks.
        package var blocks: Range<Int64>
        /// The digest of all bytes of the run, as far as the image goes; nil when unknown.
        package var digest: SHA256Digest?
    }

    /// Size of the image in bytes.
    package let byteCount: Int64
    /// In order.
    package private(set) var runs: [Run]

    /// The map of an image of which the blocks in `used` are in use; no digest is known.
    package init(byteCount: Int64, used: BlockSet) {
        self.byteCount = byteCount
        let perChunk = Self.chunkSize / BlockSet.blockSize
        runs = []
        for run in used.runs {
            let end = min(run.upperBound, Self.blockCount(of: byteCount))
            var start = run.lowerBound
            while start < end {
                let next = min(end, (start / perChunk + 1) * perChunk)
                runs.append(Run(blocks: start..<next))
                start = next
            }
        }
    }

    /// Blocks of an image, the last of which may be shorter.
    package static func blockCount(of byteCount: Int64) -> Int64 {
        byteCount / BlockSet.blockSize + (byteCount % BlockSet.blockSize == 0 ? 0 : 1)
    }

    /// The runs that lie wholly in `range`, as a map that knows no others.
    package func part(in range: Range<Int64>) -> BlockMap {
        var part = self
        part.runs = []
        var index = firstRun(endingAfter: range.lowerBound / BlockSet.blockSize)
        while index < runs.count, self.range(of: runs[index]).upperBound <= range.upperBound {
            if self.range(of: runs[index]).lowerBound >= range.lowerBound { part.runs.append(runs[index]) }
            index += 1
        }
        return part
    }

    package var isComplete: Bool { !runs.contains { $0.digest == nil } }

    /// The part of the image that a run is.
    package func range(of run: Run) -> Range<Int64> {
        run.blocks.lowerBound * BlockSet.blockSize..<min(run.blocks.upperBound * BlockSet.blockSize, byteCount)
    }

    /// The chunk, as far as the image goes, that `run` lies in.
    package func chunk(of run: Run) -> Range<Int64> {
        let start = run.blocks.lowerBound * BlockSet.blockSize / Self.chunkSize * Self.chunkSize
        return start..<min(start + Self.chunkSize, byteCount)
    }

    /// Takes over the digests of its base, except for the chunks that `isChanged` says differ from it.
    package mutating func learn(from base: RangeDigests, except isChanged: (Range<Int64>) -> Bool) {
        for index in runs.indices where runs[index].digest == nil && !isChanged(chunk(of: runs[index])) {
            runs[index].digest = base[runs[index].blocks]
        }
    }

    /// Digests the runs that lie wholly in `bytes`, which begin at `offset` of the image, and have none yet.
    package mutating func look(at bytes: RawSpan, from offset: Int64) {
        let end = offset + Int64(bytes.byteCount)
        var index = firstRun(endingAfter: offset / BlockSet.blockSize)
        while index < runs.count, range(of: runs[index]).upperBound <= end {
            let range = range(of: runs[index])
            if runs[index].digest == nil, range.lowerBound >= offset {
                let part = Int(range.lowerBound - offset)..<Int(range.upperBound - offset)
                runs[index].digest = SHA256.digest(of: bytes.extracting(part))
            }
            index += 1
        }
    }

    /// Reads and digests every run that has no digest yet.
    package mutating func complete<Failure: Error>(
        reading read: (Range<Int64>) throws(Failure) -> [UInt8]
    ) throws(Failure) {
        for index in runs.indices where runs[index].digest == nil {
            let bytes = try read(range(of: runs[index]))
            runs[index].digest = SHA256.digest(of: bytes.span.bytes)
        }
    }

    mutating func set(_ digest: SHA256Digest, ofRun index: Int) { runs[index].digest = digest }

    /// Where in `runs` the first stands that ends after the block.
    private func firstRun(endingAfter block: Int64) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].blocks.upperBound <= block { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
