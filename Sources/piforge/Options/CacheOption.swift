import ArgumentParser

/// Where what is kept between builds lies, for the commands that read images.
struct CacheOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Keep unpacked bases and the like in DIR/piforge, as with XDG_CACHE_HOME=DIR.", valueName: "dir"),
        completion: .directory)
    var cache: UserPath?

    func apply() { if let cache { Environment.useCache(below: cache.path) } }
}
