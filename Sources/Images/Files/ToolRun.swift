import Blocks
import Glibc
package import Reports

/// One run of another program of this machine, to its end; its words are kept, its input is empty.
package struct ToolRun {
    /// The exit status; 128 and the number of a signal that ended it.
    package let status: Int32
    /// The last words that are not blank.
    package let lastLine: String?

    /// Folders besides those of PATH: what repairs disks lies where only root looks.
    private static let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
    private static let wordLimit = 1 << 16

    /// Runs `name` with `arguments` and nothing but `environment` as its variables; `package` is Debian's that has it.
    package init(
        _ name: String, _ arguments: [String], environment: [String] = [], package: String
    ) throws(ForgeError) {
        guard let program = Self.program(name) else {
            throw ForgeError(
                .unavailable, "could not run \(name): it is not installed", hint: "apt install \(package)")
        }
        // Not memfd_create(2), which Swift's Glibc lacks: a file that is gone when its descriptor is closed.
        let words = open("/tmp", O_RDWR | Self.temporaryFile | O_CLOEXEC, 0o600)
        guard words >= 0 else { throw ForgeError.writing("/tmp", errno: errno) }
        defer { close(words) }
        let child = try Self.start(
            program, [name] + arguments, environment + ["LC_ALL=C", "PATH=\(Self.searchPath)"], words)
        status = try Self.wait(for: child, name)
        var bytes = [UInt8](repeating: 0, count: Self.wordLimit)
        let end = lseek(words, 0, SEEK_END)
        let count = pread(words, &bytes, bytes.count, max(0, end - off_t(bytes.count)))
        let text = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
        lastLine = text.split(whereSeparator: \.isNewline).last { !$0.allSatisfy(\.isWhitespace) }.map(String.init)
    }

    /// Where a program lies; nil when it is not installed.
    package static func program(_ name: String) -> String? {
        let folders = searchPath.split(separator: ":").map(String.init) + Self.folders
        return folders.map { $0 + "/" + name }.first { access($0, X_OK) == 0 }
    }

    private static var searchPath: String { getenv("PATH").map { String(cString: $0) } ?? "" }

    // O_TMPFILE of linux/fcntl.h, which glibc's headers hide behind _GNU_SOURCE.
    private static let temporaryFile: Int32 = 0o20_200_000

    private static func start(
        _ program: String, _ arguments: [String], _ environment: [String], _ words: Int32
    ) throws(ForgeError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, words, 1)
        posix_spawn_file_actions_adddup2(&actions, words, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: a signal to ours is handed on by `wait`, once.
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        var child: pid_t = 0
        let code = withCStrings(arguments) { argv in
            withCStrings(environment) { envp in posix_spawn(&child, program, &actions, &attributes, argv, envp) }
        }
        guard code == 0 else {
            throw ForgeError(.unavailable, "could not run \(program): \(systemMessage(code))")
        }
        return child
    }

    private static func withCStrings<Value>(
        _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        var pointers = strings.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        return pointers.withUnsafeMutableBufferPointer { buffer in
            // There is at least the nil at the end.
            body(buffer.baseAddress.unsafelyUnwrapped)
        }
    }

    /// The exit status; a child is ended when we shall end.
    private static func wait(for child: pid_t, _ name: String) throws(ForgeError) -> Int32 {
        var status: Int32 = 0
        while true {
            let found = waitpid(child, &status, WNOHANG)
            if found == child { return ChildProcess.exitStatus(status) }
            guard found == 0 || errno == EINTR else {
                throw ForgeError(.bug, "could not wait for \(name): \(systemMessage(errno))")
            }
            if Interruption.isRequested {
                kill(child, SIGKILL)
                waitpid(child, &status, 0)
                throw .interruption
            }
            usleep(10_000)
        }
    }
}
