/// A set of an image's blocks of 4 KiB, by number from 0, as runs.
package struct BlockSet: Equatable, Sendable {
    /// Bytes in a block, the last of which may be shorter.
    package static let blockSize: Int64 = 4096

    /// In order, neither touching nor overlapping, none of them empty.
    package private(set) var runs: [Range<Int64>] = []

    package init() {}

    /// Every block that shares a byte with one of `ranges`, in any order.
    package init(touching ranges: [Range<Int64>]) {
        self.init(
            merging: ranges.filter { !$0.isEmpty && $0.lowerBound >= 0 }.map { range in
                range.lowerBound / Self.blockSize..<(range.upperBound - 1) / Self.blockSize + 1
            })
    }

    private init(merging unordered: [Range<Int64>]) {
        for run in unordered.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = runs.last, last.upperBound >= run.lowerBound {
                runs[runs.count - 1] = last.lowerBound..<max(last.upperBound, run.upperBound)
            } else {
                runs.append(run)
            }
        }
    }

    package func union(_ other: BlockSet) -> BlockSet {
        other == self ? self : BlockSet(merging: runs + other.runs)
    }

    /// How many blocks there are.
    package var count: Int64 { runs.reduce(0) { $0 + $1.upperBound - $1.lowerBound } }
}
