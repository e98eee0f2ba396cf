import ArgumentParser
import Plans
import Reports

/// A wrong usage that ArgumentParser found, in the words of all other errors.
struct UsageMessage: Equatable {
    var message: String
    /// Something to type: the word that was probably meant, or where the help is.
    var hint: String

    /// `text` is what the parser says, `arguments` what it was given, without the program's name.
    init(_ text: String, arguments: [String], root: any ParsableCommand.Type) {
        let place = CommandPlace(arguments, root: root)
        let help = "\(place.path) --help"
        if let word = place.unknownWord, place.command == root || text.hasPrefix("Unexpected argument") {
            message = "there is no command \"\(word)\"" + (place.command == root ? "" : " of \(place.path)")
            hint = SchemaSuggestion.nearest(to: word, in: place.subcommandNames).map { "\(place.path) \($0)" } ?? help
            return
        }
        self = Self.known(text, help: help) ?? UsageMessage(message: text.lowercasingFirst.withoutFullStop, hint: help)
    }

    private init(message: String, hint: String) {
        self.message = message
        self.hint = hint
    }

    /// The sentences of ArgumentParser's ErrorMessageGenerator.
    private static func known(_ text: String, help: String) -> UsageMessage? {
        if let found = text.wholeMatch(of: /Unknown option '(.+?)'(?:\. Did you mean '(.+)'\?)?/) {
            return UsageMessage(message: "there is no option \(found.1)", hint: found.2.map(String.init) ?? help)
        }
        if let found = text.wholeMatch(of: /Missing value for '(\S+)(?: (<.+>))?'/) {
            return UsageMessage(
                message: "could not use \(found.1): its value\(found.2.map { " \($0)" } ?? "") is missing", hint: help)
        }
        if let found = text.wholeMatch(
            of: /The value '(.*)' is invalid for '(\S+)(?: <.+>)?'(?:\. Please provide one of (.+)\.)?/)
        {
            let values = (found.3 ?? "").matches(of: /'([^']+)'/).map { String($0.1) }
            let option = found.2.hasPrefix("<") ? "" : "\(found.2) "
            guard !values.isEmpty else {
                return UsageMessage(message: "could not use \(option)\(found.1): it is no such value", hint: help)
            }
            let near = SchemaSuggestion.nearest(to: String(found.1), in: values)
            return UsageMessage(
                message: "could not use \(option)\(found.1): it is none of \(values.joined(separator: ", "))",
                hint: near.map { option + $0 } ?? help)
        }
        if let found = text.wholeMatch(of: /The option '(.+?)' does not take any value, but '(.*)' was specified\./) {
            return UsageMessage(
                message: "could not use \(found.1)=\(found.2): it takes no value", hint: String(found.1))
        }
        if let found = text.wholeMatch(of: /Missing expected argument '(.+)'/) {
            return UsageMessage(message: "an argument is missing: \(found.1)", hint: help)
        }
        if let found = text.wholeMatch(of: /Unexpected argument '(.*)'/) {
            return UsageMessage(message: "there is an argument too many: \(found.1)", hint: help)
        }
        if let found = text.wholeMatch(of: /\d+ unexpected arguments: (.+)/) {
            let words = found.1.matches(of: /'([^']*)'/).map { String($0.1) }
            return UsageMessage(message: "there are arguments too many: \(words.joined(separator: " "))", hint: help)
        }
        return nil
    }
}

/// The command that some arguments lead to, and the first word that leads nowhere.
private struct CommandPlace {
    private(set) var command: any ParsableCommand.Type
    private(set) var path: String
    private(set) var unknownWord: String?

    init(_ arguments: [String], root: any ParsableCommand.Type) {
        command = root
        path = name(of: root)
        for word in arguments {
            guard !word.hasPrefix("-"), !command.configuration.subcommands.isEmpty else { return }
            guard let next = command.configuration.subcommands.first(where: { name(of: $0) == word }) else {
                unknownWord = word
                return
            }
            command = next
            path += " " + word
        }
    }

    var subcommandNames: [String] { command.configuration.subcommands.map { name(of: $0) } + ["help"] }
}

private func name(of command: any ParsableCommand.Type) -> String {
    command.configuration.commandName ?? "\(command)".lowercased()
}

extension String {
    /// As our messages begin; an option's or file's name stays as it is.
    fileprivate var lowercasingFirst: String { prefix(1).lowercased() + dropFirst() }

    fileprivate var withoutFullStop: String { hasSuffix(".") ? String(dropLast()) : self }
}
