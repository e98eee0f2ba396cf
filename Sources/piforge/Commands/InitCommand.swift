import ArgumentParser
import Images
import Plans

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a commented profile to start from.",
        discussion: """
            The file is ./piforge.yaml, which every command reads when no --profile is given.

              piforge init
              piforge init cluster.yaml
            """)

    @Argument(help: ArgumentHelp("Where to write it.", valueName: "file"))
    var file = UserPath(Profile.defaultPath)

    @Flag(help: "Replace a file that exists.")
    var force = false

    func run() throws {
        let path = file.path
        let file = try OutputFile(path: path, mode: 0o666, replacing: force)
        let bytes = Array(ProfileTemplate.text.utf8)
        try file.write(bytes.span.bytes, at: 0)
        try file.commit()
        Output.note("wrote \(path); edit it, then try: piforge plan --slot p1 --base IMAGE")
    }
}
