import Blocks
import Glibc
import Reports
import Synchronization

/// Progress on stderr: one line on a terminal (what, how far, how fast, how long still), or events, one a line, as JSON.
final class Terminal: Sendable {
    static let shared = Terminal()

    /// How progress is shown.
    enum Style: String, CaseIterable, Sendable {
        /// A line when stderr is a terminal, nothing else.
        case auto
        /// One JSON object a line, whatever stderr is.
        case json
        case none
    }

    private struct State {
        var style = Style.auto
        var works: [Work] = []
        var lastDrawn: ContinuousClock.Instant?
        var isShown = false
        /// What the log says has begun, and when.
        var begun: [LogKey: ContinuousClock.Instant] = [:]
    }

    private struct LogKey: Hashable {
        var stage: Progress.Stage
        var subject: String
    }

    private struct Work {
        var progress: Progress
        var started: ContinuousClock.Instant
        var told: ContinuousClock.Instant?
    }

    func use(_ style: Style) { state.withLock { $0.style = style } }

    /// Whether remarks that are for nobody but a person are wanted.
    var isForPerson: Bool { state.withLock { $0.style == .auto } }

    private let isTerminal = isatty(STDERR_FILENO) == 1
    /// Whether the terminal knows no control sequences.
    private let isDumb = word("TERM") == "dumb"

    /// Whether labels get a colour: on a terminal that says what it is, unless NO_COLOR asks for none (no-color.org).
    let isColoured = isatty(STDERR_FILENO) == 1 && !["", "dumb"].contains(word("TERM")) && word("NO_COLOR").isEmpty

    private static func word(_ name: String) -> String { getenv(name).map { String(cString: $0) } ?? "" }
    private let state = Mutex(State())

    /// Takes one step of one piece of work; draws at most ten times a second, prints each piece's events twice a second.
    func show(_ progress: Progress) {
        switch progress.stage {
        case .repair: Output.warn("\(progress.subject) is damaged and is made anew")
        case .clean: Output.warn("a killed run had left \(progress.subject); it is cleaned up")
        case .leave: Output.warn("\(progress.subject); it stays there, and the next run tries again")
        default: break
        }
        let now = ContinuousClock.now
        if Log.isOpen { log(progress, now: now) }
        state.withLock { state in
            switch state.style {
            case .none: return
            case .json: tell(progress, &state, now: now)
            case .auto:
                guard isTerminal, !Output.isQuiet, !progress.isWarning else { return }
                isDumb ? tellPlainly(progress, &state, now: now) : show(progress, &state, now: now)
            }
        }
    }

    /// When each piece of work began and ended, and how long it took.
    private func log(_ progress: Progress, now: ContinuousClock.Instant) {
        guard !progress.isWarning else { return }
        let key = LogKey(stage: progress.stage, subject: progress.subject)
        let isLast = progress.done >= progress.total
        let began = state.withLock { state in
            let began = state.begun[key]
            state.begun[key] = isLast ? nil : began ?? now
            return began
        }
        let what = "\(progress.stage.verb) \(progress.subject)"
        if began == nil, !isLast { Log.add(.begin, what) }
        guard isLast else { return }
        let seconds = began.map { Self.seconds(now - $0) } ?? 0
        Log.add(.end, "\(what): \(ByteCount(progress.total)) in \(Int(seconds.rounded())) s")
    }

    private func note(_ progress: Progress, _ state: inout State, now: ContinuousClock.Instant) -> Int {
        if let index = state.works.firstIndex(where: {
            $0.progress.stage == progress.stage && $0.progress.subject == progress.subject
        }) {
            state.works[index].progress = progress
            return index
        }
        state.works.append(Work(progress: progress, started: now))
        return state.works.count - 1
    }

    private func show(_ progress: Progress, _ state: inout State, now: ContinuousClock.Instant) {
        _ = note(progress, &state, now: now)
        if let last = state.lastDrawn, now - last < .milliseconds(100) { return }
        state.lastDrawn = now
        draw(&state, now: now)
        state.works.removeAll { $0.progress.done >= $0.progress.total }
    }

    /// The first, the last, and in between one every half second.
    private func tell(_ progress: Progress, _ state: inout State, now: ContinuousClock.Instant) {
        let index = note(progress, &state, now: now)
        let isLast = progress.done >= progress.total
        if !isLast, let told = state.works[index].told, now - told < .milliseconds(500) { return }
        state.works[index].told = now
        let elapsed = Self.seconds(now - state.works[index].started)
        if isLast { state.works.remove(at: index) }
        let rate = elapsed > 0.1 ? Double(progress.done) / elapsed : nil
        let event = Event(
            bytes: progress.done,
            bytesPerSecond: rate.map { Int64($0) },
            event: progress.isWarning ? "warning" : "progress",
            secondsLeft: rate.flatMap {
                $0 >= 1 ? Int64((Double(progress.total - progress.done) / $0).rounded(.up)) : nil
            },
            stage: progress.stage.rawValue, subject: progress.subject, total: progress.total)
        if let line = try? JSON.encode(event, indented: false) { put(String(decoding: line, as: UTF8.self)) }
    }

    /// One line of `--progress json`.
    private struct Event: Encodable {
        var bytes: Int64
        var bytesPerSecond: Int64?
        var event: String
        var secondsLeft: Int64?
        var stage: String
        var subject: String
        var total: Int64

        enum CodingKeys: String, CodingKey {
            case bytes, event, stage, subject, total
            case bytesPerSecond = "bytes_per_second"
            case secondsLeft = "seconds_left"
        }
    }

    /// Tells of a warning as an event; false when that is not the style, so that it must be said in prose.
    func warn(_ message: String, slot: String) -> Bool {
        guard state.withLock({ $0.style == .json }) else { return false }
        Log.add(.warning, "\(slot): \(message)")
        let event = WarningEvent(event: "warning", message: message, slot: slot)
        if let line = try? JSON.encode(event, indented: false) { put(String(decoding: line, as: UTF8.self)) }
        return true
    }

    private struct WarningEvent: Encodable {
        var event: String
        var message: String
        var slot: String
    }

    /// What all of it cost, the last event of a run that went well.
    private func tellWork() {
        guard state.withLock({ $0.style == .json }) else { return }
        let work = Blocks.Work.soFar
        let event = WorkEvent(
            copied: work.copied, decoded: work.decoded, encoded: work.encoded, event: "work", written: work.written)
        if let line = try? JSON.encode(event, indented: false) { put(String(decoding: line, as: UTF8.self)) }
    }

    /// Numbers of bytes.
    private struct WorkEvent: Encodable {
        var copied: Int64
        var decoded: Int64
        var encoded: Int64
        var event: String
        var written: Int64
    }

    private static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    }

    /// Ends a run that went well.
    func finish() {
        clear()
        tellWork()
    }

    /// Takes the line away, before something else is printed.
    func clear() {
        guard isTerminal, !isDumb else { return }
        state.withLock { state in
            if state.isShown { put("\r\u{1B}[K") }
            state.isShown = false
        }
    }

    private func draw(_ state: inout State, now: ContinuousClock.Instant) {
        let parts = state.works.map { ProgressLine.Part($0.progress, seconds: Self.seconds(now - $0.started)) }
        guard !parts.isEmpty else { return }
        state.isShown = true
        put("\r\u{1B}[K" + ProgressLine.text(parts, columns: Self.columns - 1))
    }

    /// Where a line cannot be drawn anew: each piece of work says that it goes on, first after two seconds.
    private func tellPlainly(_ progress: Progress, _ state: inout State, now: ContinuousClock.Instant) {
        let index = note(progress, &state, now: now)
        let work = state.works[index]
        let pause = work.told == nil ? Duration.seconds(2) : .seconds(10)
        if progress.done >= progress.total { state.works.remove(at: index) }
        guard now - (work.told ?? work.started) >= pause else { return }
        if state.works.indices.contains(index) { state.works[index].told = now }
        put(ProgressLine.Part(progress, seconds: Self.seconds(now - work.started)).text(.full) + "\n")
    }

    /// Columns of the terminal.
    private static var columns: Int {
        var size = winsize()
        return ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    }

    private func put(_ text: String) {
        _ = Array(text.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
