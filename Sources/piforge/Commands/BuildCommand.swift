import ArgumentParser
import Blocks
import Forge
import Images
import Plans
import Reports

struct BuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Write card images for slots.",
        discussion: """
            Each finished image is a line that sha256sum -c reads, in the profile's order.

            Each slot's image is DIR/<cluster>-<slot>.img, or DIR/<slot>.img without a profile, and beside it lie \
            <same name>.manifest.json, which tells what was changed, and <image>.bmap, which tells bmaptool which blocks are \
            in use. Write it to a card with any imager, without further settings. An image that is there already and is \
            what would be written is up to date, and left as it is; any other is replaced with --force alone.

              piforge build                             # every slot of the profile
              piforge build --slot p3
              piforge build --slot p1-p4,cnat --output cards
              piforge build --slot cnat --with-netboot p1-p4
              piforge build --slot all --format img.xz
              piforge build --slot p1 --base CNAT.img.xz --hostname oneil --ssh \\
                  --authorized-key ~/.ssh/id_ed25519.pub --cgroups --gpu-mem 16

            Straight to cards, with no file between; which disks may be written, and how you say yes, is in flash --help. The \
            manifest is DIR/<cluster>-<slot>.card.manifest.json.

              piforge build --slot p3 --device /dev/sdb
              piforge build --device p1=/dev/sdb --device p2=/dev/sdc
              piforge build --slot p3 --device /dev/sdb --changed-only
              piforge build --slot p3 --device /dev/sdb --grow
              piforge build --cards /dev/sdb            # one reader: asks for each card
            """)

    @OptionGroup var settings: SettingsOptions

    @OptionGroup(title: "Essentials") var outputs: BuildOutputOptions

    @Option(
        help: ArgumentHelp(
            """
            Write a block map for bmaptool beside each image: auto, always or never. With auto, blocks that were copied \
            packed and never decoded are listed without a checksum; always decodes them for it, once for each base.
            """,
            valueName: "when"))
    var bmap: BmapPolicy = .auto

    @OptionGroup(title: "Straight to cards") var targets: BuildCardOptions

    @OptionGroup(title: "Nodes without cards") var nodes: BuildNodeOptions

    @OptionGroup var gadget: ControllerOption

    @Option(
        help: ArgumentHelp(
            "What edits the images: builtin (no root, no mounts) or loop (the kernel's drivers, mounted; needs root).",
            valueName: "engine"))
    var engine: Engine = .builtin

    @OptionGroup var progress: ProgressOptions

    @Flag(
        help: """
            Decode also the blocks of an .img.xz that are copied packed, and hash what the cache holds: damage is then \
            found now. Without it, a copied block is checked as far as that needs no decoding.
            """)
    var verify = false

    @OptionGroup var companions: CompanionOptions

    mutating func run() throws {
        try settings.apply()
        try settings.askPassword()
        try checkEngine()
        progress.apply()
        try gadget.apply(to: &settings)
        if let reader = targets.reader {
            try checkNoNetboot()
            return try writeCardsInTurn(in: reader)
        }
        if !device.isEmpty {
            try checkNoNetboot()
            return try writeCards()
        }
        if let option = cards.firstForCards {
            throw ForgeError(
                .usage, "could not build with \(option): it is for cards, and no card was named",
                hint: "add --device /dev/sdX, or leave out \(option)")
        }
        try writeImages()
    }

    private func writeImages() throws {
        let environment = Environment.current
        let kind: SlotSelection.Kind = withNetboot == nil ? .any : .controllers
        let cache = try environment.cache()
        let request = try settings.request(in: environment, allMeans: kind)
        let slots = request.jobs.map(\.slot)
        let fetch = settings.fetch(in: environment, cache: cache)
        let specs = try request.specs(basePath: base?.path, epoch: environment.sourceDateEpoch(), fetch: fetch)
        var builds: [Build] = []
        for var spec in specs {
            spec.isVerifying = verify
            let trees = try netbootSink(for: spec, in: environment, cache: cache, fetch: fetch)
            var build = Build(
                spec, into: output.path, replacing: force, cache: cache,
                writer: trees ?? format.writer(for: spec.base, cache: cache, mapping: bmap, isVerifying: verify),
                engine: engine, observe: { Terminal.shared.show($0) })
            // What programs or nodes' trees brought is not known without doing it again.
            build.keepsCurrent = !force && trees == nil && companions.wanted == Build.Companions()
            build.companions = companions.wanted
            build.needsWholeMap = bmap == .always
            build.otherBases = (specs.map(\.base) + (trees.map { [$0.trees.base] } ?? [])).compactMap(\.ownPath)
            builds.append(build)
        }
        let others = try companions.files(
            for: request, in: output.path, replacing: force, mayBeSame: builds.allSatisfy(\.mayBeCurrent))
        let lines = OrderedLines(slots)
        var results: [Slot: Build.Result] = [:]
        do {
            for build in builds { for result in try run(build, printing: lines) { results[result.slot] = result } }
        } catch {
            lines.finish()
            throw error
        }
        let images = slots.compactMap { results[$0] }
        try others.write(images)
        Terminal.shared.finish()
        if settings.answer.json {
            try Output.json(BuildDocument(images: images.map(ImageDocument.init)), as: .build)
        } else if Terminal.shared.isForPerson {
            tellNext(images)
        }
    }

    /// What was left as it is, and what to do with the images.
    private func tellNext(_ images: [Build.Result]) {
        let current = images.filter(\.isCurrent)
        if !current.isEmpty {
            let what =
                current.count == images.count && images.count > 1
                ? "all \(images.count) images" : current.map(\.imagePath).joined(separator: ", ")
            Output.note("up to date: \(what); --force makes them anew")
        }
        guard let first = images.min(by: { $0.slot < $1.slot })?.imagePath else { return }
        let others = images.count > 1 ? "then the other \(images.count - 1), each on a card of its own; " : ""
        Output.note(
            "next:  piforge flash \(ForgeError.quoted(first)) /dev/sdX  # \(others)piforge devices lists the cards")
    }

    /// Writes the images that start from one base, and prints each when it is finished and those before it are.
    private func run(_ build: Build, printing lines: OrderedLines) throws -> [Build.Result] {
        let isJSON = settings.answer.json
        let outcomes = try build.run { slot, outcome in
            guard let result = try? outcome.get() else { return lines.add([], of: slot) }
            for warning in result.manifest.warnings { Output.warning(warning, of: slot) }
            lines.add(isJSON ? [] : [SHA256Digest.line(result.manifest.output.sha256, of: result.imagePath)], of: slot)
        }
        if let failure = outcomes.firstFailure { throw failure }
        return try outcomes.map { try $0.get() }
    }
}

extension BuildCommand {
    var base: UserPath? { outputs.base }
    var output: UserPath { outputs.output }
    var format: OutputFormat { outputs.format }
    var force: Bool { outputs.force }
    var device: [String] { targets.device }
    var cards: CardOptions { targets.cards }
    var withNetboot: String? { nodes.withNetboot }
    var netbootLayout: NetbootLayoutOptions { nodes.layout }

    /// Copies that the kernel edits are raw images and nothing else.
    private func checkEngine() throws(ForgeError) {
        guard engine == .loop else { return }
        guard format == .raw else {
            throw ForgeError(
                .usage, "could not write \(format.rawValue) with --engine loop: it writes raw images",
                hint: "leave out --format, and pack the image afterwards, say with xz -T0")
        }
        if let path = device.first ?? targets.reader {
            throw ForgeError(
                .usage, "could not write to \(path) with --engine loop: it writes image files",
                hint:
                    "leave out \(device.isEmpty ? "--cards" : "--device"), and write the image afterwards with piforge flash"
            )
        }
    }
}

private struct BuildDocument: Encodable {
    var images: [ImageDocument]
}

private struct ImageDocument: Encodable {
    var image: String
    var manifest: String
    var slot: String
    /// Whether it was there already, and was not written again.
    var upToDate: Bool
    var details: Manifest

    enum CodingKeys: String, CodingKey {
        case image, manifest, slot, details
        case upToDate = "up_to_date"
    }

    init(_ result: Build.Result) {
        image = result.imagePath
        manifest = result.manifestPath
        slot = result.slot.name
        upToDate = result.isCurrent
        details = result.manifest
    }
}

extension Engine: ExpressibleByArgument {}
extension OutputFormat: ExpressibleByArgument {}
extension BmapPolicy: ExpressibleByArgument {}
