import Fleet
import Glibc
import Plans
package import Reports

/// What Docker's own client says of stacks, where one is on PATH; it needs no engine for that.
package enum StackCheck {
    /// What a client says that knows no `stack config`, before 23.
    private static let ignorance = [
        "unknown shorthand flag", "unknown flag", "unknown command", "is not a docker command",
    ]

    /// Throws when a client finds a file wrong. `path`: where programs are searched.
    package static func run(_ jobs: [BuildSpec.Job], path: String) throws(ForgeError) {
        var files: [String] = []
        for case .manager(let manager)? in jobs.map(\.settings.swarm) {
            // What came through a pipe is gone.
            files += manager.stacks.map(\.path).filter { !$0.hasPrefix("/dev/") && !files.contains($0) }
        }
        guard !files.isEmpty else { return }
        // Neither the person's variables nor their settings are on the Pi.
        let environment = ["PATH": path, "HOME": "/nonexistent", "DOCKER_CONFIG": "/nonexistent", "LC_ALL": "C"]
        let answers = try RemoteCommand.run(
            files.map { RemoteCommand(["docker", "stack", "config", "-c", $0], environment: environment) },
            secondsEach: 30)
        for (file, answer) in zip(files, answers) {
            guard case .exited(let status) = answer.end, (1..<126).contains(status) else { continue }
            let words = String(decoding: answer.error, as: UTF8.self)
            guard !ignorance.contains(where: words.contains),
                let why = words.split(whereSeparator: \.isNewline).last(where: { !$0.isEmpty })
            else { continue }
            throw ForgeError(
                .badInput, "could not deploy \(file): docker stack config says: \(why)",
                hint: "docker stack config -c \(file) judges it again")
        }
    }
}
