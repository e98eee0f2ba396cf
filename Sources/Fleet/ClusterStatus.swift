import Blocks
import Glibc
import Handoff
package import Plans
package import Reports

/// What a running cluster says of itself, asked over ssh; nothing is changed, here or there.
package struct ClusterStatus: Sendable {
    package var machines: [Machine]

    package struct Machine: Sendable {
        package var slot: Slot
        package var reachability: Reachability
        /// What it said; nil when it did not answer.
        package var report: MachineProbe.Report?
        /// Whether its USB port has power; nil when its controller did not say.
        package var hasPower: Bool?
    }

    /// Whether every machine answers under the expected host key.
    package var isComplete: Bool { machines.allSatisfy { $0.reachability == .answers } }

    /// The same through a hand-off that lies in a folder only as long as it takes.
    package static func ask(
        _ roster: Roster, seconds: Int, environment: [String: String]
    ) throws(ForgeError) -> ClusterStatus {
        let folder = try ScratchFolder(named: "piforge-status", for: environment)
        defer { folder.removeAll() }
        let handoff = HandoffFolder(path: folder.path)
        _ = try handoff.write(roster, force: false)
        return try ask(roster, through: handoff, seconds: seconds, environment: environment)
    }

    /// Asks all machines of the roster at the same time, each for at most `seconds`, with the ssh_config in `handoff`.
    package static func ask(
        _ roster: Roster, through handoff: HandoffFolder, seconds: Int, environment: [String: String]
    ) throws(ForgeError) -> ClusterStatus {
        let folder = try ScratchFolder(named: "piforge-status", for: environment)
        defer { folder.removeAll() }
        let text = try config(including: handoff, seconds: seconds)
        let path = try folder.write(Array(text.utf8).span.bytes, to: "config")
        let commands = roster.machines.map { machine in
            RemoteCommand(
                [
                    "ssh", "-F", path, "-T", roster.alias(machine.slot),
                    remote(MachineProbe.script(for: machine.slot)),
                ],
                environment: environment.merging(["LC_ALL": "C"]) { $1 })
        }
        let answers = try RemoteCommand.run(commands, secondsEach: seconds)
        var machines: [Machine] = []
        for (machine, answer) in zip(roster.machines, answers) {
            machines.append(try read(answer, of: machine.slot, alias: roster.alias(machine.slot)))
        }
        let power = machines.compactMap(\.report).reduce(into: [Slot: Bool]()) { known, report in
            known.merge(report.power) { $1 }
        }
        for index in machines.indices { machines[index].hasPower = power[machines[index].slot] }
        return ClusterStatus(machines: machines)
    }

    /// What counts comes first (ssh_config(5)): nothing is asked, no new host key taken, no connection kept.
    private static func config(including handoff: HandoffFolder, seconds: Int) throws(ForgeError) -> String {
        let path = handoff.absolutePath + "/" + HandoffDocument.sshConfig.fileName
        guard let quoted = HandoffDocument.quotedInclude(path) else {
            throw ForgeError(.badInput, "could not use \(path): ssh_config cannot name it")
        }
        return """
            Host *
                BatchMode yes
                ConnectTimeout \(seconds)
                StrictHostKeyChecking yes
                UpdateHostKeys no
                ControlMaster no
                ControlPath none
                LogLevel INFO
                Include \(quoted)

            """
    }

    /// One word for the login shell, whatever that is.
    private static func remote(_ script: String) -> String {
        "sh -c '" + script.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }

    private static func read(
        _ answer: RemoteCommand.Answer, of slot: Slot, alias: String
    ) throws(ForgeError) -> Machine {
        let said = String(decoding: answer.error, as: UTF8.self)
        let reachability: Reachability
        var report: MachineProbe.Report?
        switch answer.end {
        case .notStarted(let code):
            throw ForgeError(
                .unavailable, "could not start ssh: \(systemMessage(code))", hint: "apt-get install openssh-client")
        case .timedOut: reachability = .unreachable("no answer in time")
        case .exited(255): reachability = Reachability(failureText: said, alias: alias)
        case .exited(let status):
            report = MachineProbe.report(answer.output)
            reachability = report == nil ? .failed("its shell ended with status \(status)") : .answers
        }
        return Machine(slot: slot, reachability: reachability, report: report)
    }
}
