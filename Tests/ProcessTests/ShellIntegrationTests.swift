import Foundation
import TestSupport
import Testing

/// What a shell and an editor take from the program itself.
struct ShellIntegrationTests {
    private let folder: TemporaryFolder
    private let piforge: Piforge

    init() throws {
        folder = try TemporaryFolder()
        piforge = try Piforge(inClusterAt: folder.path)
    }

    /// What bash offers for the last word.
    private func completions(_ words: String...) throws -> [String] {
        let script = """
            PATH=$1:$PATH; source <(piforge completion bash); shift
            COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
            function=$(complete -p piforge | sed 's/.*-F \\([^ ]*\\).*/\\1/')
            $function piforge "${@: -1}" "${@: -2:1}" || true
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let programs = URL(fileURLWithPath: Piforge.program).deletingLastPathComponent().path
        let answer = try Shell.run(
            "env", ["-C", folder.path, "bash", "-c", script, "bash", programs, "piforge"] + words)
        #expect(answer.error == "")
        return answer.output.split(separator: "\n").map(String.init)
    }

    @Test("bash completes commands, options, slots and host names")
    func bash() throws {
        #expect(try completions("bui") == ["build"])
        #expect(try completions("build", "--slo") == ["--slot"])
        #expect(try completions("build", "--slot", "") == ["all", "cnat", "p1", "p3", "hammond", "oneil", "tealc"])
        #expect(try completions("plan", "--slot", "p1,t") == ["p1,tealc"])
        #expect(try completions("verify", "--allow", "gpu") == ["gpu-mem-firmware"])
        #expect(try completions("completion", "f") == ["fish"])
    }

    /// A shell as somebody uses it: its own start, the script of `piforge completion`, and a prompt of our own, which the
    /// echo of the line that makes it does not hold.
    private static let shells = [
        ("bash", ["--norc", "-i"], "source <(piforge completion bash); PS1='rea''dy> '\r"),
        (
            "zsh", ["-f", "-i"],
            "mkdir -p $HOME/f; piforge completion zsh > $HOME/f/_piforge; fpath=($HOME/f $fpath); autoload -Uz compinit; "
                + "compinit -u -D; PS1='rea''dy> '\r"
        ),
        (
            "fish", ["--no-config", "-i"],
            "piforge completion fish | source; function fish_prompt; printf 'rea%s> ' dy; end\r"
        ),
    ]

    @Test("TAB completes commands and host names in each shell as it runs", .needs("python3"), arguments: shells)
    func tabs(shell: String, options: [String], setup: String) throws {
        try ToolsTrait.require([shell])
        let programs = URL(fileURLWithPath: Piforge.program).deletingLastPathComponent().path
        let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let seen = try TerminalSession.run(
            [try #require(Shell.find(shell))] + options, in: folder.path,
            environment: ["PATH": programs + ":" + path, "XDG_CONFIG_HOME": folder.path, "XDG_DATA_HOME": folder.path],
            columns: 200,
            [
                .keys(getuid() == 0 ? "# " : shell == "fish" ? "> " : shell == "zsh" ? "% " : "$ ", setup),
                .keys("ready> ", "piforge pla\t--slot te\t--base /nonexistent\r"),
                .see("error: could not open /nonexistent: there is no such file"),
                .keys("ready> ", "exit\r"),
            ])
        #expect(!seen.screen.contains("there is no slot"), "\(seen.screen)")
    }

    @Test("each shell takes its script", arguments: ["bash", "zsh", "fish"])
    func scripts(shell: String) throws {
        let answer = try piforge.run("completion", shell)
        #expect(answer.status == 0 && answer.output.contains("piforge") && answer.output.contains("hash-password"))
        guard Shell.find(shell) != nil else { return }
        try Shell.write(Array(answer.output.utf8), to: folder.path + "/script")
        let checked = try Shell.run(shell, ["-n", folder.path + "/script"])
        #expect(checked.status == 0, "\(checked.error)")
    }

    @Test("the schema is the one that lies beside the examples") func schema() throws {
        let answer = try piforge.run("schema")
        #expect(answer.status == 0)
        let file = try String(contentsOfFile: Repository.path + "/profiles/schema.json", encoding: .utf8)
        #expect(answer.output == file)
        #expect(try piforge.run("schema", "--table").output.contains("| `time_zone` |"))
    }

    @Test("a slot may be named by its host name") func hostNames() throws {
        let answer = try piforge.run("plan", "--slot", "teacl", "--base", "/nonexistent")
        #expect(answer.status == 64)
        #expect(answer.error == "error: --slot: there is no slot \"teacl\"\nhint:  tealc\n")
    }

    /// The definitions of all commands, as the program prints them for manuals.
    private struct Dump: Decodable {
        struct Command: Decodable {
            var commandName: String
            var discussion: String?
            var subcommands: [Command]?

            var all: [Command] { [self] + (subcommands ?? []).flatMap(\.all) }
        }
        var command: Command
    }

    @Test("examples fit into 80 columns and can be pasted: what is no command is a comment") func examples() throws {
        let text = try piforge.run("--experimental-dump-help").output
        let commands = try JSONDecoder().decode(Dump.self, from: Data(text.utf8)).command.all
        #expect(commands.count > 20)
        for command in commands {
            for line in (command.discussion ?? "").split(separator: "\n") where line.hasPrefix("  ") {
                #expect(line.count <= 80, "\(command.commandName): \(line)")
                let words = line.drop { $0 == " " }
                guard let gap = words.range(of: "  ") else { continue }
                let rest = words[gap.upperBound...].drop { $0 == " " }
                #expect(rest.isEmpty || rest.hasPrefix("#"), "\(command.commandName): \(line)")
            }
        }
    }

    @Test("each command has a manual page without a warning", .needs("python3", "man", "groff"))
    func manual() throws {
        let made = try Shell.run(
            Repository.path + "/scripts/packaging/man-pages", [Piforge.program, "1.0", "2026-01-01", folder.path])
        #expect(made.status == 0, "\(made.error)")
        let pages = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".1") }
        #expect(pages.count > 20 && pages.contains("piforge-netboot-install.1"))
        for page in pages {
            let read = try Shell.run(
                "man", ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", folder.path + "/" + page],
                environment: ["LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"])
            #expect(read.status == 0 && read.error == "", "\(page): \(read.error)")
        }
    }
}
