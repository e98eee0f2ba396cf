import ArgumentParser
import Forge
import Images
import Pages
import Reports

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write a page that shows the cluster: machines, cards, changes, labels.",
        discussion: """
            One file for a browser, without scripts and without anything to load: a drawing of the cluster, each card's \
            partitions, what its first boot will do, every change with its reason side by side, findings, digests of the \
            images that are built, and labels to print and cut out. Base images are read, nothing is built. Secrets are \
            not shown.

              piforge report --html sg1.html
              piforge report --html sg1.html --slot p1-p4 --images images
            """)

    @OptionGroup var options: SettingsOptions

    @Option(help: ArgumentHelp("Where to write the page.", valueName: "file"))
    var html: UserPath

    @Option(help: ArgumentHelp("The base image instead of the profile's, a file or an address.", valueName: "file|url"))
    var base: UserPath?

    @Option(help: ArgumentHelp("The folder with the images that are built, whose digests are shown.", valueName: "dir"))
    var images = UserPath(".")

    @Flag(help: "Replace a file that is no page of piforge's.")
    var force = false

    @OptionGroup var progress: ProgressOptions

    func run() throws {
        try options.apply()
        progress.apply()
        let environment = Environment.current
        try Self.write(
            html.path, of: options.request(in: environment), base: base, images: images.path, environment,
            options.fetch(in: environment, cache: environment.cache()), force: force)
        if options.answer.json { try Output.json(ReportDocument(file: html.path), as: .report) }
    }

    /// Writes the page of what was asked for, whole or not at all.
    static func write(
        _ path: String, of request: Request, base: UserPath?, images: String = ".", _ environment: Environment,
        _ fetch: BaseFetch, force: Bool = false
    ) throws {
        if let base { SourceFiles.add(base.path) }
        let file = try OutputFile(path: path, mode: 0o666, replacing: force || ClusterPage.lies(at: path))
        let page = try request.page(
            basePath: base?.path, images: images, epoch: environment.sourceDateEpoch(), fetch: fetch,
            environment: environment.variables, cache: environment.cache(), observe: { Terminal.shared.show($0) })
        Terminal.shared.finish()
        try file.write(Array(page.html.utf8).span.bytes, at: 0)
        try file.commit()
        Output.note("wrote \(path); open it in a browser")
    }
}

/// As `--json` prints it.
private struct ReportDocument: Encodable {
    var file: String
}
