import Synchronization

/// How far a piece of work is that several threads do: what is told never goes back.
package final class ProgressMeter: Sendable {
    private let progress: Progress
    private let observe: Progress.Observer
    private let most = Mutex<Int64>(-1)
    private let begun = Mutex<Int64>(0)

    package init(_ progress: Progress, observe: @escaping Progress.Observer) {
        self.progress = progress
        self.observe = observe
    }

    /// So many bytes are done.
    package func reach(_ done: Int64) {
        most.withLock { most in
            guard done > most else { return }
            most = done
            var progress = progress
            progress.done = done
            observe(progress)
        }
    }

    /// A thread begins with so many more bytes; all that was begun before them counts as done.
    package func begin(_ byteCount: Int64) {
        reach(
            begun.withLock { begun in
                defer { begun += byteCount }
                return begun
            })
    }
}
