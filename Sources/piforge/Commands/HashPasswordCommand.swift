import ArgumentParser
import Glibc
import Inspect
import Reports

struct HashPasswordCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hash-password",
        abstract: "Make a password hash for a profile's password_hash or --password-hash.",
        discussion: """
            Asks twice on a terminal, without echo; otherwise takes the first line of stdin. Prints the hash alone.

              piforge hash-password
              printf '%s' "$SECRET" | piforge hash-password
            """)

    @Option(
        help: ArgumentHelp("How to hash: sha512 (every release) or yescrypt (bullseye and later).", valueName: "name"))
    var method: PasswordHash.Method = .sha512

    func run() throws {
        let password = isatty(STDIN_FILENO) == 1 ? try ask() : try firstLine()
        Output.line(try PasswordHash.make(of: password, method: method))
    }

    private func ask() throws(ForgeError) -> String {
        let first = try prompt("Password: ")
        let second = try prompt("Again: ")
        guard first == second else {
            throw ForgeError(.badInput, "could not hash the password: the two inputs differ")
        }
        return first
    }

    /// Reads a line with the terminal's echo off, and puts the terminal back on every path.
    private func prompt(_ text: String) throws(ForgeError) -> String {
        var saved = termios()
        guard tcgetattr(STDIN_FILENO, &saved) == 0 else {
            throw ForgeError(.inputOutput, "could not read the password: the terminal does not answer")
        }
        var silent = saved
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved)
            Output.prompt("\n")
        }
        Output.prompt(text)
        return try firstLine()
    }

    private func firstLine() throws(ForgeError) -> String {
        guard let text = try StandardInput.line() else {
            throw ForgeError(.badInput, "could not hash the password: it is not UTF-8")
        }
        return text
    }
}

extension PasswordHash.Method: ExpressibleByArgument {}
