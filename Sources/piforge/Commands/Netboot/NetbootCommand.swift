import ArgumentParser

struct NetbootCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "netboot", abstract: "Root trees for nodes without cards.",
        discussion: """
            piforge netboot --slot p1-p4 is short for piforge netboot trees --slot p1-p4.
            """,
        subcommands: [
            NetbootTreesCommand.self, NetbootInstallCommand.self, NetbootInitramfsCommand.self, NetbootLintCommand.self,
        ],
        defaultSubcommand: NetbootTreesCommand.self)
}
