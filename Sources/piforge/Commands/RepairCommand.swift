import ArgumentParser
import Forge
import Reports

struct RepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Make an image clean that was copied while its card was in use.",
        discussion: """
            A card that was copied while its Pi ran, or that lost power, has a journal that was not replayed, and marks of \
            use; build and its kin refuse it. This command writes a clean copy, or repairs a raw image where it lies. It runs \
            e2fsck and fsck.fat on copies of the partitions, and needs no root. Files that were being written when the copy was \
            made may be old or half written, as after a loss of power.

              piforge repair card.img                   # writes card-repaired.img
              piforge repair card.img.xz --output base.img
              piforge repair card.img --in-place
            """)

    @Argument(help: ArgumentHelp("An image, raw or packed, or a card's device.", valueName: "image"))
    var image: String

    @Option(help: ArgumentHelp("The repaired copy; NAME-repaired.img in this folder if left out.", valueName: "file"))
    var output: String?

    @Flag(help: "Change the raw image or the card itself; nothing is copied.")
    var inPlace = false

    @Flag(help: "Replace an output that exists.")
    var force = false

    @OptionGroup var answer: ReportOptions

    func run() throws {
        try answer.apply()
        if inPlace, output != nil {
            throw ForgeError(
                .usage, "could not repair \(image): --in-place writes no other file",
                hint: "leave out --in-place or --output")
        }
        let repair = Repair(
            image, cache: try Environment.current.cache(), observe: { Terminal.shared.show($0) })
        let outcome = try inPlace ? repair.runInPlace() : repair.run(into: output ?? name, replacing: force)
        Terminal.shared.finish()
        if answer.json { return try Output.json(outcome, as: .repair) }
        for finding in outcome.findings {
            Output.note("partition \(finding.partition): had \(finding.complaint)")
        }
        guard let path = outcome.image else { return Output.line("\(image) is clean") }
        Output.line(outcome.sha256.map { "\(path)  \($0)" } ?? path)
    }

    private var name: String {
        var stem = String(image.split(separator: "/").last ?? "image")
        for suffix in [".xz", ".gz", ".zst", ".bz2", ".zip", ".img"] where stem.hasSuffix(suffix) {
            stem.removeLast(suffix.count)
        }
        return stem + "-repaired.img"
    }
}
