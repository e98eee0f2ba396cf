import ArgumentParser
import Forge
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

    @Argument(help: ArgumentHelp("Images and tars, packed or not, and folders of trees.", valueName: "image"))
    var images: [UserPath]

    @OptionGroup var options: SettingsOptions

    @Flag(help: "Compare with the settings alone, not with the manifest: for what has been running since it was made.")
    var settingsOnly = false

    @OptionGroup var progress: ProgressOptions

    func run() throws {
        try options.apply()
        progress.apply()
        let environment = Environment.current
        let cache = try environment.cache()
        var found: [Verification] = []
        for image in images.map(\.path) {
            let (job, cluster) = try job(of: image, in: environment)
            found.append(
                try Verification(
                    image, is: job, of: cluster, settingsOnly: settingsOnly, cache: cache,
                    observe: { Terminal.shared.show($0) }))
            Terminal.shared.clear()
            if !options.answer.json, let last = found.last { show(last) }
        }
        Terminal.shared.finish()
        if options.answer.json {
            let documents = found.map(VerifyDocument.init)
            if documents.count == 1, let document = documents.first {
                try Output.json(document)
            } else {
                try Output.json(["images": documents])
            }
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

    private static func reason(_ found: Verification) -> String {
        found.differences.isEmpty
            ? "its bytes are not those of \(found.manifest ?? "its manifest")"
            : "\(found.differences.count) differences"
    }

    private func job(of image: String, in environment: Environment) throws -> (BuildSpec.Job, cluster: String?) {
        var slots: String?
        if options.slot.isEmpty {
            let slot = try Verification.slot(
                of: image, cache: environment.cache(), observe: { Terminal.shared.show($0) })
            Terminal.shared.clear()
            guard let slot else {
                throw ForgeError(
                    .usage, "could not tell which slot \(image) is", hint: "add --slot p3")
            }
            slots = slot.name
        }
        let request = try options.request(in: environment, slots: slots, needsSecret: false)
        guard let job = request.jobs.first, request.jobs.count == 1 else {
            throw ForgeError(
                .usage, "could not verify \(image): it can be only one slot",
                hint: "leave out --slot, or name one: --slot p3")
        }
        return (job, request.profile?.cluster)
    }

    private func show(_ found: Verification) {
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
