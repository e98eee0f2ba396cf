import ArgumentParser
import Bases
import Forge
import Images
import Plans
import Reports

struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that images or netboot trees are what the profile asks for.",
        discussion: """
            Exits 0 when nothing would have to change in them, 1 when something would, and lists each difference. A file \
            beside its manifest must also be to the byte what was made: whatever else was added to it is a difference, too. \
            Which slot a file is, its label, manifest or name tells, or --slot.

              piforge verify out/*.img
              piforge verify sg1-p3.img --slot p3
              piforge verify sg1-p3.tar
              piforge verify /var/lib/clusterctrl/nfs/p3
              piforge verify /dev/sdb --settings-only        # a card that has been running

            With --strict a file without a manifest, and one that was made with warnings, are differences, too.
            """)

    @Argument(
        help: ArgumentHelp(
            "Images and tars, packed or not, files or addresses, and folders of trees.", valueName: "image"))
    var images: [UserPath]

    @OptionGroup var options: SettingsOptions

    @Flag(help: "Compare with the settings alone, not with the manifest: for what has been running since it was made.")
    var settingsOnly = false

    @OptionGroup var gadget: ControllerOption

    @OptionGroup var progress: ProgressOptions

    mutating func run() throws {
        try options.apply()
        progress.apply()
        try gadget.apply(to: &options)
        let environment = Environment.current
        let cache = try environment.cache()
        var found: [Verification] = []
        var failures: [VerifyFailure] = []
        let fetch = options.fetch(in: environment, cache: cache)
        for image in images.map(\.path) {
            do throws(ForgeError) {
                found.append(try verification(of: fetch.source(named: image), in: environment, cache, fetch))
            } catch {
                if error.kind == .interrupted || images.count == 1 { throw error }
                failures.append(VerifyFailure(image: image, error: error))
                if !options.answer.json { Output.report(error.about(image)) }
                continue
            }
            if !options.answer.json, let last = found.last { show(last) }
        }
        Terminal.shared.finish()
        if options.answer.json {
            let documents = found.map(VerifyDocument.init)
            if images.count == 1, let document = documents.first {
                try Output.json(document, as: .verify)
            } else {
                try Output.json(
                    VerifyDocuments(images: documents, errors: failures.isEmpty ? nil : failures), as: .verify)
            }
        }
        if let first = failures.first {
            if options.answer.json { throw ExitCode(first.error.exitCode) }
            throw ForgeError(first.error.kind, "\(failures.count) of \(images.count) could not be verified")
        }
        let wrong = found.filter { !$0.matches }
        guard let first = wrong.first else { return try checkStrict(found) }
        if wrong.count > 1 {
            throw ForgeError(.difference, "\(wrong.count) of \(found.count) are not what their slots ask for")
        }
        throw ForgeError(
            .difference, "\(first.path) is not what slot \(first.slot) asks for: \(Self.reason(first))",
            hint: "piforge build --slot \(first.slot) makes it anew")
    }

    /// With --strict, the bytes of every file must have been compared, and nothing may have been warned of when it was made.
    private func checkStrict(_ found: [Verification]) throws(ForgeError) {
        guard options.strict.strict else { return }
        for file in found {
            if let warning = file.warnings.first {
                throw ForgeError(
                    .difference, "\(file.path) was made with a warning: \(warning)",
                    hint: "mend what it warns of and build it anew, or leave out --strict")
            }
            guard file.isAsMade == nil, !settingsOnly else { continue }
            throw ForgeError(
                .difference, "\(file.path) has no manifest beside it, so that its bytes are not proved",
                hint: "put the manifest there, or add --settings-only")
        }
    }

    private func verification(
        of image: ImageSource, in environment: Environment, _ cache: Cache, _ fetch: BaseFetch
    ) throws(ForgeError) -> Verification {
        defer { Terminal.shared.clear() }
        var (job, cluster) = try job(of: image, in: environment)
        job.packages = fetch.packages()
        return try Verification(
            image, is: job, of: cluster, settingsOnly: settingsOnly, cache: cache,
            observe: { Terminal.shared.show($0) })
    }

    private static func reason(_ found: Verification) -> String {
        found.differences.isEmpty
            ? "its bytes are not those of \(found.manifest ?? "its manifest")"
            : "\(found.differences.count) differences"
    }

    private func job(of image: ImageSource, in environment: Environment) throws(ForgeError) -> (
        BuildSpec.Job, cluster: String?
    ) {
        var slots: String?
        if options.slot.isEmpty {
            let slot = try Verification.slot(
                of: image, cache: environment.cache(), observe: { Terminal.shared.show($0) })
            Terminal.shared.clear()
            guard let slot else {
                throw ForgeError(
                    .usage, "could not tell which slot \(image.path) is", hint: "add --slot p3")
            }
            slots = slot.name
        }
        let request = try options.request(in: environment, slots: slots, needsSecret: false)
        guard let job = request.jobs.first, request.jobs.count == 1 else {
            throw ForgeError(
                .usage, "could not verify \(image.path): it can be only one slot",
                hint: "leave out --slot, or name one: --slot p3")
        }
        return (job, request.profile?.cluster)
    }

    private func show(_ found: Verification) {
        if let manifest = found.unusedManifest {
            Output.note("note: \(manifest) is of another packing of \(found.path): its bytes are not compared")
        } else if found.manifest == nil, !settingsOnly, !found.path.hasPrefix("/dev/") {
            Output.note("note: no manifest lies beside \(found.path): its settings are compared, not its bytes")
        }
        for line in found.differences.flatMap(\.lines) { Output.line(line) }
        if found.isAsMade == false, let manifest = found.manifest {
            Output.line("\(found.path): its bytes are not those that \(manifest) was written for")
        }
        if found.matches {
            Output.line("\(found.path) is what slot \(found.slot) asks for")
        } else if images.count > 1 {
            Output.line("\(found.path) is not what slot \(found.slot) asks for: \(Self.reason(found))")
        }
    }
}

private struct VerifyDocuments: Encodable {
    var images: [VerifyDocument]
    /// Absent when all could be verified.
    var errors: [VerifyFailure]?
}

private struct VerifyFailure: Encodable {
    var image: String
    var error: ForgeError

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(image, forKey: .image)
        try container.encode(error.message, forKey: .message)
        try container.encodeIfPresent(error.hint, forKey: .hint)
    }

    private enum CodingKeys: String, CodingKey { case image, message, hint }
}

private struct VerifyDocument: Encodable {
    /// Absent without a manifest.
    var asMade: Bool?
    var differences: [ChangeReport]
    var image: String
    var manifest: String?
    var matches: Bool
    var slot: String

    init(_ found: Verification) {
        asMade = found.isAsMade
        differences = found.differences
        image = found.path
        manifest = found.manifest
        matches = found.matches
        slot = found.slot.name
    }

    enum CodingKeys: String, CodingKey {
        case differences, image, manifest, matches, slot
        case asMade = "as_made"
    }
}
