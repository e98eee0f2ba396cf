import ArgumentParser

/// The choice between text for a person and one document for a program.
struct JSONOptions: ParsableArguments {
    @Flag(help: "Print one JSON document to stdout; prose goes to stderr.")
    var json = false

    func apply() { Output.useJSON(json) }
}
