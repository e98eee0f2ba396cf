import ArgumentParser

/// What `netboot` and `netboot install` make trees of.
struct NetbootBaseOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A CNAT, CBRIDGE or node image, or 8086's usbboot archive, instead of the profile's base: a file or an address, packed or not.",
            valueName: "file|url"))
    var base: UserPath?
}
