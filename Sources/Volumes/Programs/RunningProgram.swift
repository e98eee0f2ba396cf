import Blocks
import Glibc

/// A program that was started, until it has ended; ended at once when this object goes before.
struct RunningProgram: ~Copyable {
    private let process: pid_t
    private let limits: SandboxedProgram.Limits
    private let start: Int
    private var isGone = false

    init(_ process: pid_t, limits: SandboxedProgram.Limits) {
        self.process = process
        self.limits = limits
        start = Self.now()
    }

    /// Seconds of the monotonic clock.
    private static func now() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec
    }

    /// Copies what it prints to the file `output` until it has ended, or ends it when that is wanted.
    consuming func follow(
        _ printed: borrowing Pipe, to output: Int32, isCancelled: () -> Bool
    ) throws(MountError) -> SandboxedProgram.Outcome {
        var copy = OutputCopy(from: printed.reader.number, to: output, limit: limits.output)
        var outcome: SandboxedProgram.Outcome?
        while true {
            copy.wait(milliseconds: 20)
            var status: Int32 = 0
            let found = waitpid(process, &status, WNOHANG)
            if found == process {
                isGone = true
                try copy.finish()
                return outcome ?? .ended(ChildProcess.exitStatus(status))
            }
            guard found == 0 || errno == EINTR else { throw MountError("wait for", "a program") }
            guard outcome == nil else { continue }
            if isCancelled() {
                outcome = .cancelled
            } else if Self.now() - start >= limits.seconds {
                outcome = .tookTooLong
            }
            // It ends what runs in the sandbox, and then itself.
            if outcome != nil { kill(process, SIGTERM) }
        }
    }

    deinit {
        guard !isGone else { return }
        kill(process, SIGTERM)
        ChildProcess.wait(for: process)
    }
}
