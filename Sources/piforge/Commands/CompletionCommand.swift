import ArgumentParser

struct CompletionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "completion",
        abstract: "Print what makes a shell complete piforge's commands.",
        discussion: """
            Options, files, the slots and host names of the profile at hand, and the cards that may be written.

              piforge completion bash > ~/.local/share/bash-completion/completions/piforge
              piforge completion zsh > ~/.zfunc/_piforge  # fpath+=~/.zfunc before compinit
              piforge completion fish > ~/.config/fish/completions/piforge.fish

            The packages bring them along.
            """)

    @Argument(help: ArgumentHelp("bash, zsh or fish.", valueName: "shell"))
    var shell: Shell

    enum Shell: String, ExpressibleByArgument, CaseIterable {
        case bash, zsh, fish

        var completionShell: CompletionShell {
            switch self {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        }
    }

    func run() throws { Output.text(Piforge.completionScript(for: shell.completionShell) + "\n") }
}
