import Forge
import Glibc
import Synchronization

/// One line of progress on a terminal's stderr: what, how far, how fast, how long still. Silent in a pipe.
final class Terminal: Sendable {
    static let shared = Terminal()

    private struct State {
        var works: [Work] = []
        var lastDrawn: ContinuousClock.Instant?
        var isShown = false
    }

    private struct Work {
        var progress: Progress
        var started: ContinuousClock.Instant
    }

    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    /// Takes one step of one piece of work; draws at most ten times a second.
    func show(_ progress: Progress) {
        guard isTerminal else { return }
        let now = ContinuousClock.now
        state.withLock { state in
            if let index = state.works.firstIndex(where: {
                $0.progress.stage == progress.stage && $0.progress.subject == progress.subject
            }) {
                state.works[index].progress = progress
            } else {
                state.works.append(Work(progress: progress, started: now))
            }
            if let last = state.lastDrawn, now - last < .milliseconds(100) { return }
            state.lastDrawn = now
            draw(&state, now: now)
            state.works.removeAll { $0.progress.done >= $0.progress.total }
        }
    }

    /// Takes the line away, before something else is printed and at the end.
    func clear() {
        guard isTerminal else { return }
        state.withLock { state in
            if state.isShown { put("\r\u{1B}[K") }
            state.isShown = false
        }
    }

    private func draw(_ state: inout State, now: ContinuousClock.Instant) {
        let parts = state.works.map { Self.describe($0, now: now) }
        guard !parts.isEmpty else { return }
        state.isShown = true
        put("\r\u{1B}[K" + String(parts.joined(separator: " | ").prefix(Self.columns - 1)))
    }

    private static func describe(_ work: Work, now: ContinuousClock.Instant) -> String {
        let progress = work.progress
        let seconds =
            Double((now - work.started).components.seconds) + Double((now - work.started).components.attoseconds) / 1e18
        let percent = progress.total > 0 ? Int(Double(progress.done) * 100 / Double(progress.total)) : 100
        guard progress.total > 0 else { return "\(progress.stage.verb) \(progress.subject)" }
        var text = "\(progress.stage.verb) \(progress.subject) \(percent)% of \(ByteCount(progress.total))"
        if seconds > 0.5, progress.done > 0 {
            let rate = Double(progress.done) / seconds
            text += ", \(ByteCount(Int64(rate)))/s"
            let left = Double(progress.total - progress.done) / rate
            if left.isFinite { text += ", \(Int(left.rounded(.up))) s left" }
        }
        return text
    }

    private static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private func put(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

extension Progress.Stage {
    fileprivate var verb: String {
        switch self {
        case .hash: "reading"
        case .wait: "waiting for another piforge to unpack"
        case .unpack: "unpacking"
        case .write: "writing"
        }
    }
}
