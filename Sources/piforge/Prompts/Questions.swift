import Glibc
import Plans
import Reports

/// Asks the person at the terminal, one line a question, until an answer is valid.
enum Questions {
    /// Asks for a line; nothing typed is `usual`, which is shown. `read` throws the reason why an answer is refused.
    static func ask<Value>(
        _ text: String, usual: String = "", _ read: (String) throws(Refusal) -> Value
    ) throws(ForgeError) -> Value {
        while true {
            let shown = usual.isEmpty ? "" : " [\(usual)]"
            let typed = try leavingLine { () throws(ForgeError) in
                Output.prompt("\(text)\(shown): ")
                return try answer()[...].withoutBlanks
            }
            do throws(Refusal) { return try read(typed.isEmpty ? usual : typed) } catch { refuse(error) }
        }
    }

    /// Asks a question that is answered by yes or no.
    static func confirm(_ text: String, usual: Bool) throws(ForgeError) -> Bool {
        try ask("\(text) \(usual ? "[Y/n]" : "[y/N]")") { (answer) throws(Refusal) in
            switch answer.lowercased() {
            case "": return usual
            case "y", "yes": return true
            case "n", "no": return false
            default: throw Refusal("the answer is neither yes nor no", hint: "y, n, or Enter")
            }
        }
    }

    /// Asks for a secret, without echo, twice where `isNew`, until both are equal and valid.
    static func askSecret(
        _ text: String, isNew: Bool, check: (String) throws(Refusal) -> Void = { _ throws(Refusal) in }
    ) throws(ForgeError) -> String {
        while true {
            let first = try secret("\(text): ")
            do throws(Refusal) {
                try check(first)
            } catch {
                refuse(error)
                continue
            }
            guard isNew, !first.isEmpty else { return first }
            if try secret("Again: ") == first { return first }
            refuse(Refusal("the two inputs differ", hint: "type it twice"))
        }
    }

    /// Reads a line with the terminal's echo off, and puts the terminal back on every path.
    private static func secret(_ text: String) throws(ForgeError) -> String {
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
        return try answer()
    }

    private static func refuse(_ refusal: Refusal) {
        Output.fail(ForgeError(.usage, refusal.message, hint: refusal.hint))
    }

    /// What is typed; throws at the end of input.
    private static func answer() throws(ForgeError) -> String {
        guard let bytes = try StandardInput.lineBytes() else {
            throw ForgeError(
                .usage, "could not ask: the input ended", hint: "give the answers as options: piforge init --help")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw ForgeError(.badInput, "could not read the answer: it is not UTF-8")
        }
        return text
    }

    /// Begins a new line before an error is said, for the question stands on the last one.
    private static func leavingLine<Value>(_ body: () throws(ForgeError) -> Value) throws(ForgeError) -> Value {
        do throws(ForgeError) {
            return try body()
        } catch {
            Output.prompt("\n")
            throw error
        }
    }
}
