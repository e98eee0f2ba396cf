import ArgumentParser
import Plans
import Reports

struct SchemaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema",
        abstract: "Print what a profile or one of piforge's JSON documents may hold.",
        discussion: """
            An editor that is told of the schema completes a profile's keys and marks mistakes, for instance by a first \
            line that says `# yaml-language-server: $schema=piforge.schema.json`.

              piforge schema > piforge.schema.json

            The documents are what --json prints, and the manifest; each says in "schema" which one it is, and of which \
            version. A version may gain fields, and loses none. There are \
            \(Document.allCases.map(\.rawValue).joined(separator: ", ")).

              piforge schema build
              piforge schema manifest > manifest.schema.json

            --table prints every key with its type, meaning and an example, as docs/profile.md has them.

              piforge schema --table | less
            """)

    @Argument(
        help: ArgumentHelp("profile, or a document's name.", valueName: "name"),
        completion: .list(["profile"] + Document.allCases.map(\.rawValue)))
    var name = "profile"

    @Flag(help: "Print a table for people (Markdown).")
    var table = false

    func run() throws {
        if name == "profile" { return Output.text(table ? Schema.reference + "\n" : Schema.json) }
        guard let document = Document(rawValue: name) else {
            let nearest = SchemaSuggestion.nearest(to: name, in: ["profile"] + Document.allCases.map(\.rawValue))
            throw ForgeError(
                .usage, "there is no document \"\(name)\"",
                hint: nearest.map { "piforge schema \($0)" } ?? "piforge schema --help")
        }
        guard !table else {
            throw ForgeError(
                .usage, "could not use --table with \(name): only the profile has a table", hint: "leave it out")
        }
        Output.text(try document.schema())
    }
}
