import ArgumentParser
import Forge

struct NetbootTreesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trees",
        abstract: "Write the trees that nodes without cards boot from; what netboot does when nothing else is named.",
        discussion: """
            Each tree is what a node finds below /var/lib/clusterctrl/nfs/pN of its controller: boot files and root, as \
            8086's usbboot archive and usbboot-init would leave them, and the profile's settings. Tars need no root: \
            DIR/<cluster>-<slot>.tar, and beside it <same name>.tar.manifest.json. Folders are DIR/<slot>/.

            With --layout shared all nodes have one read-only root and a small part each, together in one output, \
            <cluster>-shared: what is in it goes to /var/lib/clusterctrl/nfs. Such a root needs the initramfs made here.

              piforge netboot --slot p1-p4 --base CNAT.img.xz --format tar --output trees
              piforge netboot --slot p3 --base …-usbboot.tar.xz --format dir --output /var/lib/clusterctrl/nfs
              piforge netboot --slot p1-p4 --base CNAT.img.xz --layout shared --upper 2G
            """)

    @OptionGroup var settings: SettingsOptions

    @Option(
        help: ArgumentHelp(
            "A CNAT, CBRIDGE or node image, or 8086's usbboot archive, instead of the profile's base; packed or not.",
            valueName: "file"))
    var base: String?

    @Option(help: ArgumentHelp("The folder for the outputs; made when it does not exist.", valueName: "dir"))
    var output: String = "."

    @Option(
        help: ArgumentHelp("What the trees are: dir (as root), tar, tar.xz or tar.zst.", valueName: "format"))
    var format: TreeFormat = .tar

    @Option(
        help: ArgumentHelp(
            "How the trees lie: full is a root for each node, shared is one for all.", valueName: "layout"))
    var layout: Layout = .full

    @Option(
        help: ArgumentHelp(
            "Where a node with a shared root writes: memory, or to a file of its own of this size, such as 2G.",
            valueName: "memory|size"))
    var upper: String?

    @Flag(
        inversion: .prefixedNo,
        help: "Make the initramfs from the image's own files. An archive brings its own.")
    var initramfs = true

    @OptionGroup var progress: ProgressOptions

    @Flag(help: "Replace outputs that exist.")
    var force = false

    func run() throws {
        Output.useJSON(settings.json)
        progress.apply()
        let environment = Environment.current
        let layout = try treeLayout()
        let workshop = try settings.request(in: environment).workshop(
            basePath: base, epoch: environment.sourceDateEpoch())
        var netboot = Netboot(
            workshop, into: output, format: format, replacing: force, cache: try environment.cache(),
            supplement: initramfs ? InitramfsSupplement(controllerRules: nil) : nil,
            observe: { Terminal.shared.show($0) })
        netboot.layout = layout
        netboot.announce = { Output.note("note: the controller's disk needs at most \(ByteCount($0)) for this") }
        var trees: [TreeDocument] = []
        try netboot.run { result in
            for warning in result.manifest.warnings { Output.note("warning: \(result.slot): \(warning)") }
            // A shared root is one output of several slots.
            let isNew = !trees.contains { $0.tree == result.path }
            trees.append(
                TreeDocument(
                    tree: result.path, manifest: result.manifestPath, slot: result.slot.name,
                    entries: result.entryCount, details: result.manifest))
            if isNew, !settings.json {
                Terminal.shared.clear()
                Output.line("\(result.path)  \(result.manifest.output.sha256)")
            }
        }
        Terminal.shared.clear()
        if settings.json { try Output.json(NetbootDocument(trees: trees)) }
    }
}

extension NetbootTreesCommand {
    enum Layout: String, ExpressibleByArgument, CaseIterable {
        case full, shared
    }

    private func treeLayout() throws(ForgeError) -> TreeLayout {
        guard layout == .shared else {
            if upper != nil {
                throw ForgeError(
                    .usage, "could not use --upper: a node with a root of its own writes to that",
                    hint: "add --layout shared")
            }
            return .full
        }
        guard initramfs else {
            throw ForgeError(
                .usage, "could not share a root without an initramfs: it joins what is shared with a node's part",
                hint: "leave out --no-initramfs")
        }
        let text = upper ?? "memory"
        guard let upper = SharedLayout.Upper(text) else {
            throw ForgeError(
                .usage, "could not use --upper \(text): it is neither memory nor a size",
                hint: "write memory, or a size from 64M to 1024G")
        }
        return .shared(upper)
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
