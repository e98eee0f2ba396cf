import Foundation

/// Runs the tools that judge what we wrote, in the C locale.
package struct Shell {
    /// Runs `command`, searched in PATH and the sbin folders, to its end; throws when it cannot be started.
    package static func run(
        _ command: String, _ arguments: [String], input: [UInt8]? = nil
    ) throws -> (status: Int32, output: String, error: String) {
        try run(command, arguments, input: input, environment: [:])
    }

    /// The same with further environment variables.
    package static func run(
        _ command: String, _ arguments: [String], input: [UInt8]? = nil, environment: [String: String]
    ) throws -> (status: Int32, output: String, error: String) {
        guard let path = find(command) else { throw MissingTool(name: command) }
        let folder = try TemporaryFolder()
        for name in ["in", "out", "err"] {
            try Data(name == "in" ? input ?? [] : []).write(to: URL(fileURLWithPath: folder.path + "/" + name))
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = base.merging(environment) { $1 }
        process.standardInput = FileHandle(forReadingAtPath: folder.path + "/in")
        process.standardOutput = FileHandle(forWritingAtPath: folder.path + "/out")
        process.standardError = FileHandle(forWritingAtPath: folder.path + "/err")
        try withSignalsDelivered { try process.run() }
        process.waitUntilExit()
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name)), as: UTF8.self)
        }
        return (process.terminationStatus, try text("out"), try text("err"))
    }

    /// A child inherits the signal mask, and Dispatch's threads block SIGCHLD, for which a shell's `wait` would wait
    /// for ever.
    private static func withSignalsDelivered(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var own = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &own)
        defer { pthread_sigmask(SIG_SETMASK, &own, nil) }
        try body()
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
