import ArgumentParser

@main
struct Piforge: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "piforge")
}
