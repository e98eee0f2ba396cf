import Bases
package import Blocks
package import Reports
import Synchronization

/// The digests of images as they are unpacked, for those that are written packed: what is copied packed nobody has hashed.
package enum RawDigests {
    /// Reads the base once, however many images there are, and decodes all of it.
    package static func find(
        _ patches: [Patch], over base: any BlockReader, name: String, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [SHA256Digest] {
        let sums = patches.map { _ in Sum() }
        let failure = Mutex<ForgeError?>(nil)
        FanOutReader(base: base, consumers: patches.count).run(
            consume: { (number, piece) throws(ForgeError) in
                try Interruption.check()
                for index in 0..<piece.chunkCount {
                    let range = piece.range(ofChunk: index)
                    let chunk = try BlockError.wrapping(patches[number].changing(piece.chunk(index), at: range))
                    sums[number].update(chunk, at: range)
                }
                guard number == 0 else { return }
                observe(Progress(stage: .hash, subject: name, done: piece.range.upperBound, total: base.byteCount))
            },
            finish: { _, error in
                guard let error else { return }
                failure.withLock { $0 = $0 ?? error }
            })
        if let error = failure.withLock({ $0 }) { throw error }
        return sums.map { $0.finish() }
    }

    /// Several threads take turns at one.
    private final class Sum: Sendable {
        private let hasher = Mutex(SHA256())

        func update(_ chunk: SparseBytes.Chunk?, at range: Range<Int64>) {
            hasher.withLock { $0.update(chunk, at: range) }
        }

        func finish() -> SHA256Digest {
            var full = SHA256()
            hasher.withLock { swap(&full, &$0) }
            return full.finalize()
        }
    }
}
