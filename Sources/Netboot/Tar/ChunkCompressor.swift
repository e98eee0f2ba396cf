package import Bases
import Blocks
import Dispatch
import Glibc
import Reports
import Synchronization

/// Packs chunks on all cores, chunks that several outputs have in common only once, and bounds how many are in memory.
package final class ChunkCompressor: Sendable {
    /// Nil when chunks are written as they are.
    let packer: BlockPacker?
    private let places: DispatchSemaphore
    private let benches: [DispatchQueue]
    private let state = Mutex(State())

    private struct State {
        /// The newest ones, for outputs that come to the same chunk a little later.
        var recent: [(digest: SHA256Digest, job: Job)] = []
        var nextBench = 0
    }

    /// The most chunks in memory at a time, counted once for each output.
    private static let placeCount = 12
    private static let recentCount = 8

    package init(_ packer: BlockPacker?) {
        self.packer = packer
        places = DispatchSemaphore(value: packer == nil ? 4 * Self.placeCount : Self.placeCount)
        let cores = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        benches = (0..<cores).map { DispatchQueue(label: "pack \($0)") }
    }

    /// A chunk that is being packed, or needs no packing.
    final class Job: Sendable {
        private let state: Mutex<(bytes: [UInt8], outcome: Result<PackedPiece, PackingError>?)>
        private let done = DispatchGroup()

        fileprivate init(_ bytes: [UInt8]) { state = Mutex((bytes, nil)) }

        /// The bytes as they came; empty after they were packed.
        var bytes: [UInt8] { state.withLock { $0.bytes } }

        /// The packed chunk; waits for it.
        func piece() throws(PackingError) -> PackedPiece {
            done.wait()
            guard let outcome = state.withLock({ $0.outcome }) else { throw .cancelled }
            return try outcome.get()
        }

        fileprivate func start(_ packer: BlockPacker, on queue: DispatchQueue) {
            done.enter()
            queue.async { [self] in
                let bytes = bytes
                let outcome: Result<PackedPiece, PackingError>
                do throws(PackingError) {
                    if Interruption.isRequested { throw .cancelled }
                    outcome = .success(
                        try packer.pack(bytes.span.bytes, isCancelled: { Interruption.isRequested }))
                } catch {
                    outcome = .failure(error)
                }
                state.withLock { $0 = ([], outcome) }
                done.leave()
            }
        }
    }

    /// Takes a chunk in; waits while too many are on their way. `didWrite` must follow once for each.
    func take(_ chunk: [UInt8]) -> Job {
        places.wait()
        guard let packer else { return Job(chunk) }
        let digest = SHA256.digest(of: chunk.span.bytes)
        return state.withLock { state in
            if let known = state.recent.last(where: { $0.digest == digest }) { return known.job }
            let job = Job(chunk)
            job.start(packer, on: benches[state.nextBench])
            state.nextBench = (state.nextBench + 1) % benches.count
            state.recent.append((digest, job))
            if state.recent.count > Self.recentCount { state.recent.removeFirst() }
            return job
        }
    }

    func didWrite() { places.signal() }
}
