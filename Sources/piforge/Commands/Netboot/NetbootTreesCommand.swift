import ArgumentParser
import Blocks
import Forge
import Images
import Initramfs
import Netboot
import Reports

struct NetbootTreesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trees",
        abstract: "Write the trees that nodes without cards boot from; what netboot does when nothing else is named.",
        discussion: """
            Each tree is what a node finds below /var/lib/clusterctrl/nfs/pN of its controller: boot files and root, as \
            8086's usbboot archive and usbboot-init would leave them, and the profile's settings. Tars need no root: \
            DIR/<cluster>-<slot>.tar, and beside it <same name>.tar.manifest.json. Folders are DIR/<slot>/.

            With --together they are one tar, <cluster>-nodes.tar, with a folder for each slot.

            With --layout shared all nodes have one read-only root and a small part each, together in one output, \
            <cluster>-shared: what is in it goes to /var/lib/clusterctrl/nfs. Such a root needs the initramfs made here.

              piforge netboot --slot p1-p4 --base CNAT.img.xz --format tar --output trees
              piforge netboot --slot p3 --base usbboot.tar.xz --format dir --output trees
              piforge netboot --slot p1-p4 --base CNAT.img.xz --layout shared --upper 2G
            """)

    @OptionGroup var settings: SettingsOptions

    @OptionGroup var source: NetbootBaseOptions

    @Option(help: ArgumentHelp("The folder for the outputs; made when it does not exist.", valueName: "dir"))
    var output = UserPath(".")

    @Option(
        help: ArgumentHelp("What the trees are: dir (as root), tar, tar.xz or tar.zst.", valueName: "format"))
    var format: TreeFormat = .tar

    @Flag(help: "One tar for all slots, with a folder for each.")
    var together = false

    @OptionGroup var lying: NetbootLayoutOptions

    @Flag(
        inversion: .prefixedNo,
        help: "Make the initramfs from the image's own files. An archive brings its own.")
    var initramfs = true

    @Option(
        help: ArgumentHelp(
            "The image of the controller, whose rules the initramfs must match; without it, those in the base image.",
            valueName: "image"))
    var controller: UserPath?

    @OptionGroup var progress: ProgressOptions

    @Flag(help: "Replace outputs that exist.")
    var force = false

    func run() throws {
        try settings.apply()
        progress.apply()
        let environment = Environment.current
        let layout = try lying.chosen()
        if layout != .full, !initramfs {
            throw ForgeError(
                .usage, "could not share a root without an initramfs: it joins what is shared with a node's part",
                hint: "leave out --no-initramfs")
        }
        if together, format == .folder || layout != .full {
            throw ForgeError(
                .usage,
                "could not use --together: \(format == .folder ? "folders" : "nodes with a shared root") are together",
                hint: "leave it out")
        }
        if controller != nil, !initramfs {
            throw ForgeError(
                .usage, "could not use --controller: it tells what an initramfs must match, and none is made",
                hint: "leave out --no-initramfs")
        }
        let cache = try environment.cache()
        let spec = try settings.request(in: environment, allMeans: .nodes).spec(
            basePath: source.base?.path, epoch: environment.sourceDateEpoch(),
            fetch: settings.fetch(in: environment, cache: cache))
        var rules: String?
        if let controller {
            rules = try InitramfsBuilder.controllerRules(
                of: controller.path, cache: cache, observe: { Terminal.shared.show($0) })
        }
        var netboot = NetbootBuild(
            spec, into: output.path, format: format, replacing: force, cache: cache,
            initramfs: initramfs ? NodeInitramfs(controllerRules: rules) : nil,
            observe: { Terminal.shared.show($0) })
        netboot.layout = layout
        netboot.isTogether = together
        let folder = NetbootFolder { size in
            Output.note("note: the controller's disk needs at most \(ByteCount(size.diskByteCount)) for this")
        }
        var trees: [TreeDocument] = []
        try netboot.run(for: folder) { result in
            for warning in result.manifest.warnings { Output.warning(warning, of: result.slot) }
            // A shared root is one output of several slots.
            let isNew = !trees.contains { $0.tree == result.path }
            trees.append(
                TreeDocument(
                    tree: result.path, manifest: result.manifestPath, slot: result.slot.name,
                    entries: result.entryCount, details: result.manifest))
            if isNew, !settings.answer.json {
                Terminal.shared.clear()
                let digest = result.manifest.output.sha256
                Output.line(
                    format == .folder ? "\(result.path)  \(digest)" : SHA256Digest.line(digest, of: result.path))
            }
        }
        Terminal.shared.clear()
        if settings.answer.json { try Output.json(NetbootDocument(trees: trees), as: .netboot) }
    }
}

private struct NetbootDocument: Encodable {
    var trees: [TreeDocument]
}

private struct TreeDocument: Encodable {
    var tree: String
    var manifest: String
    var slot: String
    var entries: Int
    var details: Manifest
}

extension TreeFormat: ExpressibleByArgument {}
