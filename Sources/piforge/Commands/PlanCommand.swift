import ArgumentParser
import Forge
import Plans
import Reports

struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Show what would change in the base image, and why, without writing anything.",
        discussion: """
            Prints each file that would change, with the reason and, for text, a unified diff. Secrets are not shown.

              piforge plan --slot p3
              piforge plan --slot p3 --settings    # also all settings and their origin
            """)

    @OptionGroup var options: SettingsOptions

    @Option(help: ArgumentHelp("The base image instead of the profile's, a file or an address.", valueName: "file|url"))
    var base: UserPath?

    @Flag(help: "Print the effective settings with their origins, too.")
    var settings = false

    @Option(
        help: ArgumentHelp("Write it as one page for a browser instead, as piforge report does.", valueName: "file"))
    var html: UserPath?

    @OptionGroup var gadget: ControllerOption

    @OptionGroup var progress: ProgressOptions

    mutating func run() throws {
        try options.apply()
        try options.askPassword()
        progress.apply()
        try gadget.apply(to: &options)
        let environment = Environment.current
        let request = try options.request(in: environment)
        let cache = try environment.cache()
        let fetch = options.fetch(in: environment, cache: cache)
        if let html {
            guard !options.answer.json && !settings else {
                throw ForgeError(
                    .usage, "could not use --html with --json or --settings: the page has the settings, and is a file",
                    hint: "leave one out")
            }
            return try ReportCommand.write(html.path, of: request, base: base, environment, fetch)
        }
        let specs = try request.specs(
            basePath: base?.path, epoch: environment.sourceDateEpoch(), fetch: fetch, isPlanning: true)
        var previews: [BuildSpec.Preview] = []
        for spec in specs { previews += try spec.preview(cache: cache, observe: { Terminal.shared.show($0) }) }
        previews.sort { $0.plan.slot < $1.plan.slot }
        Terminal.shared.finish()
        if options.answer.json {
            try Output.json(
                PlanDocument(
                    plans: previews.map { preview in
                        PlanDocument.Plan(
                            changes: preview.changes, plan: preview.identity.description,
                            settings: settings
                                ? request.origins(for: preview.plan.slot).map(PlanDocument.Setting.init) : nil,
                            slot: preview.plan.slot.name, warnings: preview.plan.warnings)
                    }), as: .plan)
        } else {
            for preview in previews {
                if let spec = specs.first { show(preview, of: spec, request: request) }
            }
        }
    }

    private func show(_ preview: BuildSpec.Preview, of spec: BuildSpec, request: Request) {
        Output.line("\(spec.stem(for: preview.plan.slot)): \(preview.changes.count) changes")
        if settings {
            for setting in request.origins(for: preview.plan.slot) {
                Output.line("  \(setting.key) = \(setting.value)  (\(setting.origin))")
            }
        }
        for change in preview.changes {
            for line in change.lines { Output.line("  " + line) }
        }
        for warning in preview.plan.warnings { Output.warning(warning, of: preview.plan.slot) }
    }
}

private struct PlanDocument: Encodable {
    var plans: [Plan]

    struct Setting: Encodable {
        var key: String
        var origin: String
        var value: String

        init(_ origin: Profile.Origin) {
            key = origin.key
            self.origin = origin.origin
            value = origin.value
        }
    }

    struct Plan: Encodable {
        var changes: [ChangeReport]
        var plan: String
        var settings: [Setting]?
        var slot: String
        var warnings: [String]
    }
}
