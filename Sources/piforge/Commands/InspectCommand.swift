import ArgumentParser
import Forge
import Inspect
import Reports

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Tell what an image is, who can log in, what its first boot will do, and what looks wrong.",
        discussion: """
            Looks at any Raspberry Pi image, packed or not, and changes nothing. Passwords and hashes are not shown.

              piforge inspect sg1-p3.img
              piforge inspect --json base.img.xz | jq .findings
              piforge inspect --strict base.img.xz        # ends with 1 for a warning
            """)

    @Argument(help: ArgumentHelp("The image, raw or packed; a file or an address.", valueName: "image"))
    var imagePath: UserPath

    @OptionGroup var strict: StrictOption

    @OptionGroup var sources: FetchOptions

    @OptionGroup var answer: ReportOptions

    func run() throws {
        let image = imagePath.path
        try answer.apply()
        let environment = Environment.current
        let cache = try environment.cache()
        let inspection = try Inspection.of(
            sources.fetch(in: environment, cache: cache, profilePath: nil).source(named: image), cache: cache,
            observe: { Terminal.shared.show($0) })
        Terminal.shared.finish()
        if answer.json {
            try Output.json(inspection, as: .inspect)
        } else {
            for line in inspection.text { Output.line(line) }
        }
        let wrong = inspection.findings.count { $0.severity != .note }
        guard strict.strict, wrong > 0 else { return }
        throw ForgeError(
            .difference, "\(image): \(wrong) of \(inspection.findings.count) findings are errors or warnings")
    }
}
