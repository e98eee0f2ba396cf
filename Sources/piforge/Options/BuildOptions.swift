import ArgumentParser
import Images

/// What `build` reads and writes.
struct BuildOutputOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The base image instead of the profile's, a file or an address: raw, .xz, .gz, .zst, .bz2 or .zip, told apart by content.",
            valueName: "file|url"))
    var base: UserPath?

    @Option(help: ArgumentHelp("The folder for the outputs; made when it does not exist.", valueName: "dir"))
    var output = UserPath(".")

    @Option(
        help: ArgumentHelp(
            "What the images are: img (raw, sparse), img.xz, img.zst or img.gz. What no slot changes is copied packed.",
            valueName: "format"))
    var format: OutputFormat = .raw

    @Flag(help: "Replace outputs that exist.")
    var force = false
}

/// The cards that `build` writes instead of files.
struct BuildCardOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Write a slot to the card in this device instead of to a file: p1=/dev/sdb, once for each slot; the slot may be left out when there is only one.",
            valueName: "[slot=]device"), completion: .slotDevices)
    var device: [String] = []

    @Option(
        name: .customLong("cards"),
        help: ArgumentHelp(
            "Write all slots to cards that follow each other in this one reader; each is asked for, and can be left out.",
            valueName: "device"), completion: .devices)
    var reader: String?

    @OptionGroup var cards: CardOptions
}

/// What a controller's image gets for its nodes.
struct BuildNodeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Put the netboot trees of these nodes into the controller's image, and grow it for them: p1-p4.",
            valueName: "slots"), completion: .slots)
    var withNetboot: String?

    @OptionGroup var layout: NetbootLayoutOptions
}
