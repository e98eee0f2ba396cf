import Blocks
import Glibc
package import Reports

/// Runs scripts for sh(1) as root of another machine, over ssh: as the user when that is root, else by sudo(8) without a
/// password.
package struct RemoteShell: Sendable {
    /// As ssh takes it: `pi@hammond`, or a name of ssh_config.
    package let host: String
    /// What ssh itself runs in.
    package let environment: [String: String]

    /// Throws for a host that ssh would take for an option.
    package init(host: String, environment: [String: String]) throws(ForgeError) {
        guard !host.isEmpty, !host.hasPrefix("-"), !host.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F }) else {
            throw ForgeError(.usage, "could not use --host \(host): it is no host", hint: "--host pi@hammond")
        }
        self.host = host
        self.environment = environment
    }

    /// What a script's words begin with that say why it does not go on; the rest of the line is the reason.
    package static let refusal = "refused: "

    /// Runs a script to its end and returns what it prints; its input is `input`.
    package func run(
        _ script: String, _ arguments: [String], input: [UInt8] = []
    ) throws(ForgeError) -> [UInt8] {
        let run = try start(script, arguments)
        // What is small fits into the pipe, or the script reads it.
        run.send(input)
        return try run.finish()
    }

    /// Starts a script whose input is written by and by.
    package func start(_ script: String, _ arguments: [String]) throws(ForgeError) -> RemoteRun {
        let call = (["sh"] + arguments).map(ForgeError.quoted).joined(separator: " ")
        let elevated = """
            s=\(ForgeError.quoted(script))
            if [ "$(id -u)" = 0 ]; then exec sh -c "$s" \(call); fi
            command -v sudo >/dev/null || { echo "\(Self.refusal)the user is not root, and there is no sudo" >&2; exit 3; }
            exec sudo -n sh -c "$s" \(call)
            """
        let options = [
            "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20", "-o", "ServerAliveInterval=10", "-o",
            "ServerAliveCountMax=3",
        ]
        return try RemoteRun(
            ["ssh"] + options + ["--", host, "exec sh -c " + ForgeError.quoted(elevated)], environment: environment,
            host: host)
    }
}

/// A script at work on another machine; it is ended with this object.
package final class RemoteRun {
    package let host: String
    /// Where the script's input is written; it does not block.
    package private(set) var input: Int32
    private let output: Int32
    private let errors: Int32
    private var process: pid_t?

    private static let outputLimit = 32 << 20
    private static let errorLimit = 1 << 16
    // O_TMPFILE of linux/fcntl.h, which glibc's headers hide behind _GNU_SOURCE.
    private static let temporaryFile: Int32 = 0o20_200_000

    fileprivate init(_ arguments: [String], environment: [String: String], host: String) throws(ForgeError) {
        self.host = host
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw ForgeError(.unavailable, "could not run ssh: \(systemMessage(errno))") }
        // No other process is started meanwhile, so that none inherits them.
        for descriptor in ends { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        input = ends[1]
        defer { close(ends[0]) }
        output = open("/tmp", O_RDWR | Self.temporaryFile | O_CLOEXEC, 0o600)
        errors = open("/tmp", O_RDWR | Self.temporaryFile | O_CLOEXEC, 0o600)
        guard output >= 0, errors >= 0 else { throw ForgeError.writing("/tmp", errno: errno) }
        var process: pid_t = 0
        let command = RemoteCommand(arguments, environment: environment)
        let code = command.spawn(input: ends[0], output: output, error: errors, &process)
        guard code == 0 else {
            throw ForgeError(
                .unavailable, "could not run ssh: \(systemMessage(code))", hint: "apt install openssh-client")
        }
        self.process = process
    }

    deinit {
        end()
        for descriptor in [output, errors] where descriptor >= 0 { close(descriptor) }
    }

    /// Ends the connection at once.
    package func end() {
        closeInput()
        guard let process else { return }
        kill(-process, SIGKILL)
        ChildProcess.wait(for: process)
        self.process = nil
    }

    private func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// Writes bytes to the input; what a script that has ended does not take, `finish` explains.
    fileprivate func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty, !Interruption.isRequested {
            let count = rest.withUnsafeBytes { write(input, $0.baseAddress, $0.count) }
            if count > 0 { rest = rest.dropFirst(count) }
            guard count < 0 else { continue }
            guard errno == EAGAIN || errno == EINTR else { return }
            var waiting = pollfd(fd: input, events: Int16(POLLOUT), revents: 0)
            poll(&waiting, 1, 100)
        }
    }

    /// Ends the input, waits for the script's end, and returns what it printed; throws what it refuses, and when it or
    /// the connection failed.
    package func finish() throws(ForgeError) -> [UInt8] {
        closeInput()
        guard let process else { throw ForgeError(.bug, "a run on \(host) was ended twice") }
        var status: Int32 = 0
        while true {
            let found = waitpid(process, &status, WNOHANG)
            if found == process { break }
            guard found == 0 || errno == EINTR else {
                throw ForgeError(.bug, "could not wait for ssh: \(systemMessage(errno))")
            }
            if Interruption.isRequested {
                end()
                throw .interruption
            }
            usleep(10_000)
        }
        self.process = nil
        let code = ChildProcess.exitStatus(status)
        guard code == 0 else { throw failure(code) }
        guard let bytes = Transfer.prefix(of: output, count: Self.size(output, Self.outputLimit)) else {
            throw ForgeError.reading("/tmp", errno: errno)
        }
        return bytes
    }

    private static func size(_ descriptor: Int32, _ limit: Int) -> Int {
        min(limit, max(0, Int(lseek(descriptor, 0, SEEK_END))))
    }

    private func failure(_ code: Int32) -> ForgeError {
        let bytes = Transfer.prefix(of: errors, count: Self.size(errors, Self.errorLimit)) ?? []
        let lines = String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
        if let line = lines.last(where: { $0.hasPrefix(RemoteShell.refusal) }) {
            return ForgeError(.cannotCreate, "\(host): \(line.dropFirst(RemoteShell.refusal.count))")
        }
        let last = lines.last { !$0.allSatisfy(\.isWhitespace) }.map { ": \($0)" } ?? ""
        guard code != 255 else {
            return ForgeError(
                .unavailable, "could not reach \(host), or the connection broke\(last)",
                hint:
                    "ssh \(ForgeError.quoted(host)) true must work without a question: ssh-copy-id \(ForgeError.quoted(host))"
            )
        }
        if lines.contains(where: { $0.hasPrefix("sudo:") }) {
            return ForgeError(
                .permission, "could not work as root on \(host)\(last)",
                hint: "let its user run sudo without a password, or log in as root: --host root@…")
        }
        return ForgeError(.inputOutput, "could not install on \(host)\(last)")
    }
}
