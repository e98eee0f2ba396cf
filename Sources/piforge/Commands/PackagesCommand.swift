import ArgumentParser
import Forge
import Plans
import Reports

struct PackagesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packages", abstract: "The packages that a profile's images lack.",
        discussion: """
            `packages: [docker.io]` in a profile names packages; the files of all that an image lacks of them are found once, \
            kept, and put into each image. The Pi installs them at its first boot, without a network. docs/first-boot.md has \
            the details.

              piforge packages fetch                    # find and download them, once
              piforge build                             # from then on without a network
            """,
        subcommands: [PackagesFetchCommand.self])
}

struct PackagesFetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Download the packages of a profile, with all that they need and the images lack.",
        discussion: """
            Asks the archives that each slot's base image names, with the keys and the packages that it has, by this machine's \
            apt-get in a folder of its own: nothing of this machine is read or changed, no root is needed, the architecture \
            may be another one, and every archive must be signed by a key of the image.

            The files go into the cache, and piforge.lock beside the profile keeps version, size and SHA-256 of each: later \
            builds take these and no others, and ask nobody. Put piforge.lock into version control; on another machine this \
            command downloads the same files again, or says that the archive no longer has them. Prints the SHA-256 and name \
            of each file.

            Without apt-get on this machine, download the .deb files elsewhere and name them with `debs`.

              piforge packages fetch                    # for slots with `packages`
              piforge packages fetch --slot p1 --base CNAT.img.xz
              piforge packages fetch --update           # take what the archives have now
              piforge packages fetch --output debs      # also as files, for `debs`
            """)

    @OptionGroup var target: SlotOptions

    @Option(help: ArgumentHelp("The base image instead of the profile's, a file or an address.", valueName: "file|url"))
    var base: UserPath?

    @Flag(help: "Take what the archives have now, in the place of what piforge.lock holds.")
    var update = false

    @Option(help: ArgumentHelp("Also put the files into this folder.", valueName: "dir"))
    var output: UserPath?

    @OptionGroup private var messages: MessageOptions

    @OptionGroup private var progress: ProgressOptions

    @OptionGroup private var cache: CacheOption

    func run() throws {
        try messages.apply()
        progress.apply()
        cache.apply()
        let environment = Environment.current
        let request = try Request(
            profilePath: target.source.path, slots: target.slot.isEmpty ? nil : target.slot.joined(separator: ","),
            flags: [], environment: environment.variables, needsSecret: false)
        let kept = try environment.cache()
        var options = BaseFetch.Options(
            cache: kept, lockPath: BaseFetch.lockPath(besideProfile: Request.profilePath(target.source.path)),
            isOffline: false, environment: environment.variables, note: { Output.note($0) })
        let specs = try request.specs(basePath: base?.path, epoch: nil, fetch: BaseFetch(options))
        options.isUpdating = update
        let fetch = PackageFetch(options, isFetching: true, observe: { Terminal.shared.show($0) })
        var known: Set<String> = []
        for spec in specs {
            for found in try spec.packages(by: fetch, cache: kept, observe: { Terminal.shared.show($0) }) {
                Terminal.shared.clear()
                for file in found.files where known.insert(file.line).inserted { Output.line(file.line) }
                if let output { try PackageFetch.write(found.files.map(\.file), into: output.path) }
                Output.note(
                    "note: \(found.slots.map(\.name).joined(separator: ", ")): \(found.files.count) packages, "
                        + "\(ByteCount(found.files.reduce(0) { $0 + $1.file.byteCount }))")
            }
        }
        Terminal.shared.finish()
        if known.isEmpty { Output.note("note: no slot lacks a package that the profile names") }
    }
}
