import ArgumentParser
import Plans

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print what a profile may hold, as JSON schema or as a table.",
        discussion: """
            An editor that is told of the schema completes a profile's keys and marks mistakes, for instance by a first \
            line that says `# yaml-language-server: $schema=piforge.schema.json`.

              piforge schema > piforge.schema.json

            --table prints every key with its type, meaning and an example, as docs/profile.md has them.

              piforge schema --table | less
            """)

    @Flag(help: "Print a table for people (Markdown).")
    var table = false

    func run() throws { table ? Output.text(Schema.reference + "\n") : Output.text(Schema.json) }
}
