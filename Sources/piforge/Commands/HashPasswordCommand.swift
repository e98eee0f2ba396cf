import ArgumentParser
import Inspect
import Reports

struct HashPasswordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hash-password",
        abstract: "Make a password hash for a profile's password_hash or --password-hash.",
        discussion: """
            Asks twice on a terminal, without echo, until both are equal; otherwise takes the first line of stdin. Prints the hash alone.

              piforge hash-password
              printf '%s' "$SECRET" | piforge hash-password
            """)

    @Option(
        help: ArgumentHelp("How to hash: sha512 (every release) or yescrypt (bullseye and later).", valueName: "name"))
    var method: PasswordHash.Method = .sha512

    func run() throws {
        let password = StandardInput.isTerminal ? try Questions.askSecret("Password", isNew: true) : try firstLine()
        Output.line(try PasswordHash.make(of: password, method: method))
    }

    private func firstLine() throws(ForgeError) -> String {
        guard let text = try StandardInput.line() else {
            throw ForgeError(.badInput, "could not hash the password: it is not UTF-8")
        }
        return text
    }
}

extension PasswordHash.Method: ExpressibleByArgument {}
