import ArgumentParser
import Bases
import Fleet
import Forge
import Initramfs
import Netboot
import Reports

struct NetbootInstallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "install",
        abstract: "Put the trees of nodes where this controller serves them.",
        discussion: """
            Run as root on a CNAT or CBRIDGE controller. Each tree is written beside the old one and then takes its \
            place; an old tree stays as it is when the disk is too small, when something fails and when the run is \
            killed. A tree whose node is running is left alone. Exports and the boot folder are completed.

            With --layout shared the nodes named have one root; nodes that share another one keep that, until the last \
            of them leaves it.

              piforge netboot install --slot p1-p4 --base CNAT.img.xz
              piforge netboot install --slot p3 --base usbboot.tar.xz --keep /home/pi
              piforge netboot install --slot p1-p4 --layout shared --upper 2G

            With --host another machine makes the trees, and they go over ssh to a controller without piforge, whose user is \
            root or may use sudo without a password. A tree is swapped when all of it is there.

              piforge netboot install --host pi@hammond --slot p1-p4
            """)

    @OptionGroup var settings: SettingsOptions

    @OptionGroup var source: NetbootBaseOptions

    @Option(
        help: ArgumentHelp(
            "The controller, reached over ssh, instead of this machine.", valueName: "user@host"), completion: .list([])
    )
    var host: String?

    @Option(help: ArgumentHelp("The controller's root folder.", valueName: "dir"))
    var root = UserPath("/")

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Files and folders of the old tree that go into the new one, such as /home/pi.", valueName: "paths"))
    var keep: [String] = []

    @Flag(help: "Let what nodes have written over an old shared root lie over the new one.")
    var keepUpper = false

    @OptionGroup var lying: NetbootLayoutOptions

    @Flag(help: "Replace the trees of running nodes as well.")
    var running = false

    @OptionGroup var progress: ProgressOptions

    func run() throws {
        try settings.apply()
        progress.apply()
        let environment = Environment.current
        let layout = try lying.chosen()
        let cache = try environment.cache()
        let spec = try settings.request(in: environment, allMeans: .nodes).spec(
            basePath: source.base?.path, epoch: environment.sourceDateEpoch(),
            fetch: settings.fetch(in: environment, cache: cache))
        if let host { return try install(spec, on: host, in: environment, cache: cache, layout: layout) }
        var netboot = NetbootBuild(
            spec, into: root.path, format: .folder, replacing: true, cache: cache,
            initramfs: NodeInitramfs(controllerRules: try InitramfsBuilder.controllerRules(below: root.path)),
            observe: { Terminal.shared.show($0) })
        netboot.layout = layout
        var install = try NetbootInstall(netboot, root: root.path, replacesRunning: running, keep: keep) {
            Output.note("note: \($0)")
        }
        install.keepsUpper = keepUpper
        try finish { (report) throws(ForgeError) in try install.run(report: report) }
    }

    /// Installs on another machine, which has no piforge.
    private func install(
        _ spec: BuildSpec, on host: String, in environment: Environment, cache: Cache, layout: TreeLayout
    ) throws {
        guard !keepUpper else {
            throw ForgeError(
                .usage, "could not use --keep-upper with --host: only whole trees go over ssh",
                hint: "leave it out, or run piforge on the controller")
        }
        var netboot = NetbootBuild(
            spec, into: "", format: .tar, replacing: true, cache: cache,
            initramfs: NodeInitramfs(controllerRules: nil), observe: { Terminal.shared.show($0) })
        netboot.layout = layout
        let install = try RemoteInstall(
            netboot, on: RemoteShell(host: host, environment: environment.variables), root: root.path,
            replacesRunning: running, keep: keep
        ) { Output.note("note: \($0)") }
        try finish { (report) throws(ForgeError) in try install.run(report: report) }
    }

    /// Runs the work, and says which trees it has installed.
    private func finish(_ work: ((NetbootBuild.Result) -> Void) throws(ForgeError) -> Void) throws {
        var trees: [InstalledTree] = []
        try work { result in
            for warning in result.manifest.warnings { Output.warning(warning, of: result.slot) }
            trees.append(InstalledTree(tree: result.path, slot: result.slot.name))
            guard !settings.answer.json else { return }
            Terminal.shared.clear()
            Output.line(result.path)
        }
        Terminal.shared.clear()
        if settings.answer.json { try Output.json(InstallDocument(trees: trees), as: .netbootInstall) }
    }
}

private struct InstallDocument: Encodable {
    var trees: [InstalledTree]
}

private struct InstalledTree: Encodable {
    var tree: String
    var slot: String
}
