import ArgumentParser
import Forge
import Reports

struct IdentifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "identify",
        abstract: "Tell which slot of which cluster a card or image is, and whether it still is what was made.",
        discussion: """
            Every image that piforge makes carries a small piforge.json on its boot partition: slot, cluster, what it was made \
            from, and no secrets. With its manifest (beside the image, <cluster>-<slot>.card.manifest.json in the current folder \
            for a card, or --manifest), every path that was changed is compared, and of an image every byte; a \
            difference is exit code 1.

              piforge identify /dev/sdb
              piforge identify sg1-p3.img
              piforge identify /dev/sdb --manifest cards/sg1-p3.manifest.json
            """)

    @Argument(help: ArgumentHelp("A card's device, or an image, raw or packed.", valueName: "device-or-image"))
    var subjectPath: UserPath

    @Option(help: ArgumentHelp("What it is compared with.", valueName: "file"))
    var manifest: UserPath?

    @OptionGroup var answer: ReportOptions

    func run() throws {
        let subject = subjectPath.path
        try answer.apply()
        let identity = try CardIdentity.of(
            subject, manifestPath: manifest?.path, cache: Environment.current.cache(),
            observe: { Terminal.shared.show($0) })
        Terminal.shared.clear()
        if answer.json {
            try Output.json(identity, as: .identify)
        } else {
            for line in identity.text { Output.line(line) }
        }
        guard identity.isAsMade else {
            let count = identity.differences.count
            throw ForgeError(
                .difference,
                "\(subject) is not any more what was made: "
                    + (count == 0 ? "its bytes are others" : "\(count) differences"),
                hint: "piforge flash or build --device makes it anew")
        }
    }
}
