import ArgumentParser
import Forge
import Plans
import Reports

struct FetchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fetch",
        abstract: "Download the bases of a profile ahead, check them, and remember what they are.",
        discussion: """
            What a base's address gives goes into the cache, and piforge.lock beside the profile keeps its size and \
            SHA-256. From then on the address must give the same; build takes it from the cache. A download that was \
            interrupted is gone on with. Prints the SHA-256 and the address of each base.

              piforge fetch                             # all bases of ./piforge.yaml
              piforge fetch profiles/cnat.yaml
              piforge fetch --update                    # take what the addresses give now
              piforge fetch https://example.org/bookworm-CNAT.img.xz
            """)

    @Argument(
        help: ArgumentHelp(
            "A profile, or an address; without it ./piforge.yaml.", valueName: "profile|url"))
    var what: UserPath?

    @Flag(help: "Ask for something newer, and accept it in the place of what piforge.lock holds.")
    var update = false

    @OptionGroup var sources: FetchOptions

    @OptionGroup var answer: ReportOptions

    func run() throws {
        try answer.apply()
        guard !(update && sources.offline) else {
            throw ForgeError(
                .usage, "could not update offline: only the addresses know what is newer", hint: "leave out --offline")
        }
        let environment = Environment.current
        let (bases, profilePath) = try bases(in: environment)
        var options = sources.options(in: environment, cache: try environment.cache(), profilePath: profilePath)
        options.isUpdating = update
        options.readsImages = true
        let fetch = BaseFetch(options)
        var documents: [FetchedBase] = []
        for base in bases {
            let found = try fetch.fetch(base, observe: { Terminal.shared.show($0) })
            Terminal.shared.clear()
            documents.append(FetchedBase(found, of: base))
            if !answer.json { Output.line("\(found.entry.sha256)  \(base.summary)") }
        }
        Terminal.shared.finish()
        if answer.json { try Output.json(FetchDocument(bases: documents), as: .fetch) }
    }

    /// The bases that are elsewhere, each once, and the profile that names them.
    private func bases(in environment: Environment) throws(ForgeError) -> (bases: [Profile.Base], profilePath: String?)
    {
        if let what, Validation.isURL(what.path) { return ([try BaseFetch.base(named: what.path)], nil) }
        guard let path = Request.profilePath(what?.path) else {
            throw ForgeError(
                .usage, "could not fetch anything: no profile was named, and there is no ./\(Profile.defaultPath)",
                hint: "piforge fetch FILE, or piforge fetch URL")
        }
        let request = try Request(
            profilePath: path, slots: nil, flags: [], environment: environment.variables, needsSecret: false)
        var bases: [Profile.Base] = []
        for job in request.jobs {
            let base = try request.base(of: job, basePath: nil)
            if base.isElsewhere, !bases.contains(base) { bases.append(base) }
        }
        if bases.isEmpty { Output.note("note: all bases of \(path) are files of this machine") }
        return (bases, path)
    }
}

private struct FetchDocument: Encodable {
    var bases: [FetchedBase]
}

private struct FetchedBase: Encodable {
    var base: String
    var bytes: Int64
    var imageSHA256: String?
    var path: String
    var sha256: String
    var url: String

    init(_ found: BaseFetch.Fetched, of base: Profile.Base) {
        self.base = base.summary
        bytes = found.entry.bytes
        imageSHA256 = found.entry.imageSHA256
        path = found.file.path
        sha256 = found.entry.sha256
        url = found.entry.url
    }

    enum CodingKeys: String, CodingKey {
        case base, bytes, path, sha256, url
        case imageSHA256 = "image_sha256"
    }
}
