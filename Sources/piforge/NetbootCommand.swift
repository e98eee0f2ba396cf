import ArgumentParser

struct NetbootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "netboot", abstract: "Root trees for nodes without cards.",
        subcommands: [NetbootInitramfsCommand.self, NetbootLintCommand.self])
}
