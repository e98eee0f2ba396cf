import FoundationEssentials
import Reports

/// Options that take one value and were given several times, of which the parser would take the last without a word.
struct RepeatedOptions {
    /// The options of the command that runs, by their names.
    private let arguments: [Dump.Argument]
    private let words: ArraySlice<String>

    /// - Parameters:
    ///   - words: the command line, without the program's name.
    ///   - dump: the definitions of all commands as JSON; asked for only when a word occurs twice.
    init?(_ words: [String], dump: () -> String) {
        let names = words.prefix { $0 != "--" }.filter { $0.hasPrefix("--") }.map(Self.name)
        let plain = names.map { $0.hasPrefix("no-") ? String($0.dropFirst(3)) : $0 }
        guard Set(plain).count < plain.count,
            let root = try? JSONDecoder().decode(Dump.self, from: Data(dump().utf8)).command
        else { return nil }
        var command = root
        for word in words where !word.hasPrefix("-") {
            guard let child = command.subcommands?.first(where: { $0.commandName == word }) else { break }
            command = child
        }
        if let name = command.defaultSubcommand,
            let child = command.subcommands?.first(where: { $0.commandName == name })
        {
            command = child
        }
        arguments = command.arguments ?? []
        self.words = words.prefix { $0 != "--" }
    }

    func check() throws(ForgeError) {
        let given = words.filter { $0.hasPrefix("--") }.map(Self.name)
        for argument in arguments {
            let names = (argument.names ?? []).map(\.name)
            let count = given.count(where: names.contains)
            if argument.kind == "option", !argument.isRepeating, count > 1, let name = names.first {
                throw ForgeError(
                    .usage, "--\(name) takes one value, and was given \(count) times", hint: "leave out all but one")
            }
            if argument.kind == "flag", count > 0, let name = names.first(where: { given.contains("no-" + $0) }) {
                throw ForgeError(.usage, "--\(name) and --no-\(name) contradict each other", hint: "leave out one")
            }
        }
    }

    private static func name(_ word: String) -> String { String(word.dropFirst(2).prefix { $0 != "=" }) }

    private struct Dump: Decodable {
        var command: Command

        struct Command: Decodable {
            var commandName: String
            var defaultSubcommand: String?
            var subcommands: [Command]?
            var arguments: [Argument]?
        }

        struct Argument: Decodable {
            var kind: String
            var isRepeating: Bool
            var names: [Name]?
        }

        struct Name: Decodable { var name: String }
    }
}
