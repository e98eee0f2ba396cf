import ArgumentParser
import Reports

/// What every command with results shares: how much it says along the way, and where that is kept.
struct MessageOptions: ParsableArguments {
    @Flag(help: "Say nothing but results, warnings and errors; no progress either, unless --progress json asks for it.")
    var quiet = false

    @Option(
        help: ArgumentHelp(
            "Also append all messages, each with its time (UTC), to this file, whatever --quiet leaves out. A new file has mode 0600; no secret is written to it.",
            valueName: "file"))
    var logFile: UserPath?

    func apply() throws(ForgeError) {
        Output.useQuiet(quiet)
        if let logFile { try Log.open(logFile.path) }
    }
}
