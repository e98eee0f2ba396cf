import ArgumentParser
import Forge
import Images
import Plans
import Reports

struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Write a profile to start from: asked for, from options, or with every setting as a comment.",
        discussion: """
            The file is ./piforge.yaml, which every command reads when no --profile is given. With --ask, what no option says \
            is asked for, and Enter takes what is shown in brackets. With options alone nothing is asked. Without any, the \
            file shows every setting as a comment. A password is kept as its hash.

              piforge init --ask
              piforge init --controller cnat --names hammond,oneil,carter,tealc,daniel \\
                  --key ~/.ssh/id_ed25519.pub --base CNAT.img.xz
              piforge init
              piforge init cluster.yaml
            """)

    @Argument(help: ArgumentHelp("Where to write it.", valueName: "file"))
    var file = UserPath(Profile.defaultPath)

    @Flag(help: "Ask for what no option says.")
    var ask = false

    @OptionGroup(title: "Answers") var answers: InitAnswers

    @Flag(help: "Replace a file that exists.")
    var force = false

    func run() throws {
        let path = file.path
        // Before the questions, which would be answered in vain.
        try check(path)
        let environment = Environment.current
        let suggestions = ProfileSuggestions(environment: environment.variables)
        let place = ProfilePlace(path: path)
        let text: String
        let base: String?
        var hasSecret = false
        var node = "p1"
        if ask || answers.isAnyGiven {
            guard !ask || StandardInput.isTerminal else {
                throw ForgeError(
                    .usage, "could not ask: standard input is no terminal",
                    hint: "piforge init --controller cnat --names controller,node1,node2 --key ~/.ssh/id_ed25519.pub")
            }
            let draft = try answers.draft(asking: ask, suggestions: suggestions, place: place)
            (text, base, hasSecret) = (draft.text, draft.base, draft.hasSecret)
            node = draft.slots.last { $0.slot == .node(1) }?.slot.name ?? node
        } else {
            base = suggestions.bases(for: .cnat).first.map(place.reference)
            text = ProfileTemplate.text(base: base)
        }
        try write(text, to: path, isPrivate: hasSecret)
        tellNext(path, base: base, node: node)
    }

    private func check(_ path: String) throws(ForgeError) {
        do throws(ForgeError) {
            try OutputFile.checkReplaceable(path, replacing: force)
        } catch {
            var error = error
            if error.hint != nil {
                error.hint = "name another file: piforge init cluster.yaml, or use --force to replace it"
            }
            throw error
        }
    }

    private func write(_ text: String, to path: String, isPrivate: Bool) throws(ForgeError) {
        let file = try OutputFile(path: path, mode: isPrivate ? 0o600 : 0o666, replacing: force)
        let bytes = Array(text.utf8)
        try file.write(bytes.span.bytes, at: 0)
        try file.commit()
    }

    /// What to type next; each line works as it stands.
    private func tellNext(_ path: String, base: String?, node: String) {
        var options = path == Profile.defaultPath ? "" : " --profile \(ForgeError.quoted(path))"
        if base == nil { options += " --base \(ProfileTemplate.exampleBase)" }
        Output.note("wrote \(path)")
        Output.note(
            base == nil
                ? "next, with an image of dist.8086.net/clusterctrl in this folder:" : "next:")
        Output.note("  piforge plan --slot \(node)\(options)")
        Output.note("  piforge build\(options)")
    }
}

/// Where a profile will lie, from which it names other files.
struct ProfilePlace {
    var path: String

    /// How the profile names a file that the person names from the current folder: relative to the profile, or whole.
    func reference(_ file: String) -> String {
        guard path.contains("/"), !file.hasPrefix("/"), !file.hasPrefix("~/") else { return file }
        return UserPath.absolute(file)
    }
}
