import Blocks
import Glibc
package import Reports

/// Runs one command for each of several machines at the same time, each with a time limit, and collects what they say.
package struct RemoteCommand {
    package var arguments: [String]
    package var environment: [String: String]

    /// `arguments`: the program, searched in the PATH of `environment`, and what it is given.
    package init(_ arguments: [String], environment: [String: String]) {
        self.arguments = arguments
        self.environment = environment
    }

    /// Where the program lies; nil when it is nowhere.
    private var program: String? {
        guard let name = arguments.first else { return nil }
        if name.contains("/") { return name }
        let folders = (environment["PATH"] ?? "/usr/bin:/bin").split(separator: ":")
        return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
    }

    /// Starts it in a process group of its own, with these descriptors as its streams; nil is no input. Returns an `errno`,
    /// 0 when it runs.
    func spawn(input: Int32?, output: Int32, error: Int32, _ process: inout pid_t) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, error, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // piforge ignores SIGPIPE, which a child would inherit.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        var words = arguments.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for text in words + variables { free(text) } }
        guard let program = program else { return ENOENT }
        return posix_spawn(&process, program, &actions, &attributes, &words, &variables)
    }

    /// What a command said, cut to `byteLimit` bytes each.
    package struct Answer: Equatable, Sendable {
        package var output: [UInt8]
        package var error: [UInt8]
        package var end: End

        package enum End: Equatable, Sendable {
            /// The exit status; 128 and the number of a signal that ended it.
            case exited(Int32)
            case timedOut
            /// It could not be started: an `errno`.
            case notStarted(Int32)
        }
    }

    private static let byteLimit = 1 << 16
    /// So many run at once: sshd refuses some of more than ten that have not logged in yet (MaxStartups), and all may go
    /// through one controller.
    private static let parallelLimit = 8

    /// Runs all and returns their answers in order; throws only when the person interrupts it.
    package static func run(_ commands: [RemoteCommand], secondsEach: Int) throws(ForgeError) -> [Answer] {
        var answers = commands.map { _ in Answer(output: [], error: [], end: .timedOut) }
        var waiting = Array(commands.indices.reversed())
        var running: [Int: Child] = [:]
        defer {
            for child in running.values {
                child.killGroup()
                _ = child.reap()
            }
        }
        while !running.isEmpty || !waiting.isEmpty {
            try Interruption.check()
            while running.count < parallelLimit, let index = waiting.popLast() {
                switch Child.start(commands[index], seconds: secondsEach) {
                case .success(let child): running[index] = child
                case .failure(let failure): answers[index].end = .notStarted(failure.code)
                }
            }
            Child.wait(for: Array(running.values))
            for (index, var child) in running {
                child.read(into: &answers[index], limit: byteLimit)
                running[index] = child
                guard child.hasEnded || child.isLate else { continue }
                running[index] = nil
                let isLate = !child.hasEnded
                child.killGroup()
                // What it said between the last look and its end.
                child.read(into: &answers[index], limit: byteLimit)
                let status = child.reap()
                answers[index].end = isLate ? .timedOut : .exited(status)
            }
        }
        return answers
    }
}

/// A process in a group of its own, so that what it starts ends with it.
private struct Child {
    private let process: pid_t
    private var output: Int32
    private var error: Int32
    /// Seconds of the monotonic clock.
    private let deadline: Int

    struct NotStarted: Error { var code: Int32 }

    static func start(_ command: RemoteCommand, seconds: Int) -> Result<Child, NotStarted> {
        var (out, err): ([Int32], [Int32]) = ([-1, -1], [-1, -1])
        guard pipe(&out) == 0 else { return .failure(NotStarted(code: errno)) }
        guard pipe(&err) == 0 else {
            let code = errno
            for descriptor in out { close(descriptor) }
            return .failure(NotStarted(code: code))
        }
        // No other process is started meanwhile, so that none inherits them.
        for descriptor in out + err { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        defer {
            close(out[1])
            close(err[1])
        }
        var process: pid_t = 0
        let code = command.spawn(input: nil, output: out[1], error: err[1], &process)
        guard code == 0 else {
            close(out[0])
            close(err[0])
            return .failure(NotStarted(code: code))
        }
        for descriptor in [out[0], err[0]] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        return .success(Child(process: process, output: out[0], error: err[0], deadline: now() + seconds))
    }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec
    }

    /// Waits until one of them has something to say, a tenth of a second at most.
    static func wait(for children: [Child]) {
        var descriptors = children.flatMap { [$0.output, $0.error] }.filter { $0 >= 0 }
            .map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        if descriptors.isEmpty {
            usleep(20_000)
        } else {
            poll(&descriptors, nfds_t(descriptors.count), 100)
        }
    }

    /// Takes what is there; what goes beyond the limit is read and dropped, so that the process can end.
    mutating func read(into answer: inout RemoteCommand.Answer, limit: Int) {
        Self.drain(&output, into: &answer.output, limit: limit)
        Self.drain(&error, into: &answer.error, limit: limit)
    }

    private static func drain(_ descriptor: inout Int32, into bytes: inout [UInt8], limit: Int) {
        var chunk = [UInt8](repeating: 0, count: 8192)
        while descriptor >= 0 {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && (errno == EAGAIN || errno == EINTR) { return }
            guard count > 0 else {
                close(descriptor)
                descriptor = -1
                return
            }
            bytes += chunk.prefix(min(count, limit - bytes.count))
        }
    }

    /// Whether it has ended; it is not reaped, so that its number stays its own.
    var hasEnded: Bool {
        var information = siginfo_t()
        return waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT) == 0
            && information._sifields._kill.si_pid == process
    }

    var isLate: Bool { Self.now() >= deadline }

    /// Ends what it started and left running, which would hold its pipes open.
    func killGroup() { kill(-process, SIGKILL) }

    /// The exit status, 128 and the number of a signal that ended it; waits for the end.
    func reap() -> Int32 {
        let status = ChildProcess.wait(for: process)
        for descriptor in [output, error] where descriptor >= 0 { close(descriptor) }
        return status
    }
}
