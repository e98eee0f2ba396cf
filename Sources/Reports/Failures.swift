import Synchronization

/// What went wrong with which of several jobs; filled from any thread.
package final class Failures: Sendable {
    private let errors = Mutex<[Int: ForgeError]>([:])

    package init() {}

    package func add(_ error: ForgeError, at index: Int) {
        errors.withLock { $0[index] = error }
    }

    /// The error of the job with the lowest place; an interruption only when nothing else failed.
    package var first: ForgeError? {
        errors.withLock { errors in
            let ordered = errors.sorted { $0.key < $1.key }.map(\.value)
            return ordered.first { $0.kind != .interrupted } ?? ordered.first
        }
    }
}
