import Foundation

/// Runs the tools that judge what we wrote, in the C locale.
///
/// The calling thread waits, so as many run at once as there are threads for tests, one a core. Foundation's `Process`
/// is not used: it waits for a socket that other children started at the same moment hold open, too.
package struct Shell {
    package typealias Answer = (status: Int32, output: String, error: String)

    /// Seconds after which a child is killed and its test fails.
    package static let timeLimit = 240

    /// Runs `command`, searched in PATH and the sbin folders, to its end; `environment` adds to the own one.
    ///
    /// Throws when it cannot be started or takes more than `timeLimit`. A status above 128 is that of a signal.
    package static func run(
        _ command: String, _ arguments: [String], input: [UInt8]? = nil, environment: [String: String] = [:],
        timeLimit: Int = Shell.timeLimit
    ) throws -> Answer {
        guard let path = find(command) else { throw MissingTool(name: command) }
        let folder = try TemporaryFolder()
        try write(input ?? [], to: folder.path + "/in")
        let variables = base.merging(environment) { $1 }.map { "\($0)=\($1)" }
        let child = try spawn(path, [command] + arguments, variables, streams: folder.path)
        guard let status = wait(for: child, seconds: timeLimit) else {
            throw TimedOut(command: ([command] + arguments).joined(separator: " "), seconds: timeLimit)
        }
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name)), as: UTF8.self)
        }
        return (status, try text("out"), try text("err"))
    }

    /// Unmounts what is mounted at a path. The kernel calls it busy as long as a child that another test started holds a
    /// file of it that was open at that moment, so it is tried until no child can live any more. A child with mounts of its
    /// own has a copy of this one: of a loop device it is waited until that has gone, too.
    @discardableResult
    package static func unmount(_ path: String) throws -> Answer {
        let end = Date(timeIntervalSinceNow: Double(timeLimit))
        let source = try run("findmnt", ["-n", "-o", "SOURCE", "--mountpoint", path]).output.trimmingCharacters(
            in: .whitespacesAndNewlines)
        while true {
            let answer = try run("umount", [path])
            guard answer.error.contains("busy"), Date() < end else {
                while source.hasPrefix("/dev/loop"), isMounted(source), Date() < end { usleep(20_000) }
                return answer
            }
            usleep(20_000)
        }
    }

    /// Whether some file system is on a device, in whatever namespace: open(2) with O_EXCL.
    private static func isMounted(_ device: String) -> Bool {
        let opened = open(device, O_RDONLY | O_EXCL | O_CLOEXEC)
        if opened >= 0 { close(opened) }
        return opened < 0 && errno == EBUSY
    }

    /// Starts a process in a group of its own, with files of `folder` as its streams and all signals as for a program
    /// started at a terminal: Dispatch's threads block SIGCHLD, for which a shell's `wait` would wait for ever.
    private static func spawn(
        _ path: String, _ arguments: [String], _ variables: [String], streams folder: String
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, folder + "/in", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder + "/out", O_WRONLY | O_CREAT, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, folder + "/err", O_WRONLY | O_CREAT, 0o600)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var child: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(variables) { envp in posix_spawn(&child, path, &actions, &attributes, argv, envp) }
        }
        guard code == 0 else { throw NotStarted(path: path, errno: code) }
        return child
    }

    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = strings.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            // There is at least the nil at the end.
            body(buffer.baseAddress.unsafelyUnwrapped)
        }
    }

    /// The exit status, 128 and the number of a signal that ended it; nil when it was killed for taking too long.
    private static func wait(for child: pid_t, seconds: Int) -> Int32? {
        let end = Date(timeIntervalSinceNow: Double(seconds))
        var status: Int32 = 0
        var pause: UInt32 = 500
        while true {
            let found = waitpid(child, &status, WNOHANG)
            if found == child { return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F }
            if found < 0 && errno != EINTR { return nil }
            if Date() > end {
                kill(-child, SIGKILL)
                kill(child, SIGKILL)
                waitpid(child, &status, 0)
                return nil
            }
            usleep(pause)
            pause = min(pause * 3 / 2, 10_000)
        }
    }

    /// Where a tool lies, a path being itself; nil when it is not installed.
    package static func find(_ command: String) -> String? {
        let paths = command.contains("/") ? [command] : folders.map { $0 + "/" + command }
        return paths.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Makes a file for a tool to read.
    package static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    package struct MissingTool: Error, Equatable, CustomStringConvertible {
        package var name: String
        package var description: String { "the tool \(name) is not installed" }
    }

    package struct NotStarted: Error, Equatable, CustomStringConvertible {
        package var path: String
        package var errno: Int32
        package var description: String { "could not start \(path): \(String(cString: strerror(errno)))" }
    }

    package struct TimedOut: Error, Equatable, CustomStringConvertible {
        package var command: String
        package var seconds: Int
        package var description: String { "killed after \(seconds) s: \(command)" }
    }

    private static let folders: [String] = {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        return path.split(separator: ":").map(String.init) + [
            "/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin",
        ]
    }()

    private static let base: [String: String] = {
        var environment = ProcessInfo.processInfo.environment
        environment["PATH"] = folders.joined(separator: ":")
        environment["LC_ALL"] = "C"
        environment["TZ"] = "UTC"
        return environment
    }()
}
