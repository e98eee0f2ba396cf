import ArgumentParser
import Forge

struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Tell which engines and tools this machine has, and why not.",
        discussion: """
            Changes nothing. What does not work here is no error: the default engine needs none of it.

              piforge doctor
              piforge doctor --json | jq '.engines[] | select(.works | not)'
            """)

    @OptionGroup var answer: JSONOptions

    func run() throws {
        try answer.apply()
        let report = MachineReport(searchPath: Environment.current.variables["PATH"] ?? "")
        if answer.json { return try Output.json(report, as: .doctor) }
        for line in report.lines { Output.line(line) }
    }
}
