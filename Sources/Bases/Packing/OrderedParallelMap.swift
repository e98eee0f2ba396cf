import Dispatch
import Glibc
import Synchronization

/// How many threads may work on blocks at a time.
package enum WorkerCount: Equatable, Sendable {
    /// As many as there are cores, and as fit into the memory that is granted.
    case automatic
    /// So many, for tests; the outcome is the same.
    case exactly(Int)

    /// Memory in bytes that all workers may take together.
    static let memoryLimit = 160 << 20

    package func count(forMemory each: Int) -> Int {
        switch self {
        case .automatic:
            let cores = max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN)))
            return max(1, min(cores, Self.memoryLimit / max(1, each)))
        case .exactly(let count): return max(1, count)
        }
    }
}

/// Makes numbered things on several threads and hands them out in order on the caller's.
package enum OrderedParallelMap {
    /// So many things per worker are made between two deliveries: enough to even out their cost.
    private static let batchPerWorker = 8

    private struct Batch<Value: Sendable, Failure: Error>: Sendable {
        var next: Int
        var values: [Value?]
        var failure: (index: Int, error: Failure)?
    }

    /// When several fail, the error of the lowest number is thrown, after all workers have ended.
    package static func run<Value: Sendable, Failure: Error>(
        count: Int, workers: Int, produce: @Sendable (Int) throws(Failure) -> Value,
        deliver: (Value) throws(Failure) -> Void
    ) throws(Failure) {
        var start = 0
        while start < count {
            let first = start
            let length = min(count - start, workers * batchPerWorker)
            let batch = Mutex(
                Batch<Value, Failure>(next: 0, values: Array(repeating: nil, count: length)))
            DispatchQueue.concurrentPerform(iterations: min(workers, length)) { _ in
                while let index = claim(from: batch, length: length) {
                    do throws(Failure) {
                        let value = try produce(first + index)
                        batch.withLock { $0.values[index] = value }
                    } catch {
                        batch.withLock { batch in
                            if batch.failure.map({ $0.index > index }) ?? true { batch.failure = (index, error) }
                        }
                    }
                }
            }
            let finished = batch.withLock { $0 }
            if let failure = finished.failure { throw failure.error }
            for value in finished.values {
                if let value { try deliver(value) }
            }
            start += length
        }
    }

    private static func claim<Value, Failure>(
        from batch: borrowing Mutex<Batch<Value, Failure>>, length: Int
    ) -> Int? {
        batch.withLock { batch in
            guard batch.failure == nil, batch.next < length else { return nil }
            batch.next += 1
            return batch.next - 1
        }
    }
}
