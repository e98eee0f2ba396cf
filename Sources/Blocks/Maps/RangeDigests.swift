/// What is known of a base's bytes: the digests of some runs of its blocks.
///
/// Each is a fact of its own, whatever the base's file systems use: maps of different slots share those that fit.
package struct RangeDigests: Equatable, Sendable {
    /// By the numbers of the run's blocks.
    package private(set) var digests: [Range<Int64>: SHA256Digest] = [:]

    package init() {}

    package subscript(run: Range<Int64>) -> SHA256Digest? {
        get { digests[run] }
        set { digests[run] = newValue }
    }

    /// Takes over the digests of `map`, except for the chunks in which `isChanged` says that it differs from the base.
    package mutating func learn(from map: BlockMap, except isChanged: (Range<Int64>) -> Bool = { _ in false }) {
        for run in map.runs where digests[run.blocks] == nil {
            if let digest = run.digest, !isChanged(map.chunk(of: run)) { digests[run.blocks] = digest }
        }
    }
}
