import ArgumentParser

/// How a command that may take long shows how far it is.
struct ProgressOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How progress is told on stderr: auto (a line on a terminal), json (one event a line) or none.",
            valueName: "style"))
    var progress: Terminal.Style = .auto

    func apply() { Terminal.shared.use(progress) }
}

extension Terminal.Style: ExpressibleByArgument {}
