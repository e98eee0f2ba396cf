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

              piforge netboot --slot p1-p4 --base CNAT.img.xz --format tar --output trees
              piforge netboot --slot p3 --base …-usbboot.tar.xz --format dir --output /var/lib/clusterctrl/nfs
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
        let workshop = try settings.request(in: environment).workshop(
            basePath: base, epoch: environment.sourceDateEpoch())
        let netboot = Netboot(
            workshop, into: output, format: format, replacing: force, cache: try environment.cache(),
            supplement: initramfs ? InitramfsSupplement(controllerRules: nil) : nil,
            observe: { Terminal.shared.show($0) })
        var trees: [TreeDocument] = []
        try netboot.run { result in
            for warning in result.manifest.warnings { Output.note("warning: \(result.slot): \(warning)") }
            if settings.json {
                trees.append(
                    TreeDocument(
                        tree: result.path, manifest: result.manifestPath, slot: result.slot.name,
                        entries: result.entryCount, details: result.manifest))
            } else {
                Terminal.shared.clear()
                Output.line("\(result.path)  \(result.manifest.output.sha256)")
            }
        }
        Terminal.shared.clear()
        if settings.json { try Output.json(NetbootDocument(trees: trees)) }
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
