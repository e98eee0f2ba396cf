import ArgumentParser
import Reports

/// The choice between text for a person and one document for a program, and what else all results share.
struct JSONOptions: ParsableArguments {
    @Flag(help: "Print one JSON document to stdout; prose goes to stderr.")
    var json = false

    @OptionGroup private var messages: MessageOptions

    func apply() throws(ForgeError) {
        Output.useJSON(json)
        try messages.apply()
    }
}
