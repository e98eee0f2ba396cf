import ArgumentParser

/// What `netboot` and `netboot install` make trees of.
struct NetbootBaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A CNAT, CBRIDGE or node image, or 8086's usbboot archive, instead of the profile's base; packed or not.",
            valueName: "file"))
    var base: UserPath?
}
