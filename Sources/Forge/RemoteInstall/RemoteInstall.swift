import Blocks
package import Fleet
import Images
import Initramfs
import Netboot
import Plans
package import Reports
import Synchronization
import Trees

/// `NetbootInstall` for a controller that is reached over ssh and has no piforge.
///
/// A tree goes as a tar into a folder beside the old one. When all of it came, as its SHA-256 says, a second connection
/// lets both change places; a connection that breaks before leaves the old tree as it was, and removes the new one.
package struct RemoteInstall: Sendable {
    private let netboot: NetbootBuild
    private let shell: RemoteShell
    private let root: String
    /// Whether trees of running nodes are replaced all the same.
    private let replacesRunning: Bool
    private let keep: [VolumePath]
    private let announce: @Sendable (String) -> Void

    /// `root`: the controller's root folder, there; `keep`: paths from a tree's root.
    package init(
        _ netboot: NetbootBuild, on shell: RemoteShell, root: String, replacesRunning: Bool, keep: [String],
        announce: @escaping @Sendable (String) -> Void
    ) throws(ForgeError) {
        guard netboot.layout == .full else {
            throw ForgeError(
                .usage, "could not install a shared root on \(shell.host): only whole trees go over ssh",
                hint: "leave out --layout, or run piforge on the controller")
        }
        guard root.hasPrefix("/") else {
            throw ForgeError(.usage, "could not use --root \(root): it is no absolute path of \(shell.host)")
        }
        self.netboot = netboot
        self.shell = shell
        self.root = root
        self.replacesRunning = replacesRunning
        self.keep = try NetbootInstall.paths(keep)
        self.announce = announce
    }

    package func run(report: (NetbootBuild.Result) -> Void) throws(ForgeError) {
        let slots = netboot.spec.jobs.map(\.slot)
        let controller = RemoteController(shell, root: root)
        let state = try controller.look(slots, keeping: keep)
        if !replacesRunning { try state.activity.check(slots) }
        // For the manifests, before they are sent.
        let folder = try ScratchFolder(named: "piforge-install", for: shell.environment)
        defer { folder.removeAll() }
        var netboot = netboot
        netboot.folder = folder.path
        netboot.format = .tar
        netboot.replacing = true
        netboot.initramfs = NodeInitramfs(controllerRules: state.rules)
        let reception = Reception(self, controller, state, count: slots.count)
        defer {
            // Those that came whole and were not wanted any more.
            for (slot, tree) in reception.trees { try? controller.drop(tree, of: slot, in: state) }
        }
        var failure: ForgeError?
        try netboot.run(for: reception) { result in
            guard let tree = reception.trees[result.slot] else { return }
            do throws(ForgeError) {
                try place(tree, result, on: controller, in: state)
                reception.remove(result.slot)
                var result = result
                result.path = "\(shell.host):\(state.folder)/\(result.slot.name)"
                report(result)
            } catch {
                failure = failure ?? error.about(slot: result.slot)
            }
        }
        if let failure { throw failure }
        let now = try controller.look(slots, keeping: [])
        try controller.complete(exports: NetbootExports.bytes(now.exports, with: slots), old: now.exports)
        announce(
            "tell the NFS server of the new folders: exportfs -ra && exportfs -f; a node that had no tree before is found "
                + "after clusterctrl init, which switches all nodes off, or when the controller starts again")
    }

    private func place(
        _ tree: RemoteTree.Received, _ result: NetbootBuild.Result, on controller: RemoteController,
        in state: RemoteController.State
    ) throws(ForgeError) {
        for path in tree.missing {
            announce("\(result.slot): \(path) is not in the old tree, so that nothing of it is kept")
        }
        // A node may have been started while its tree was on its way.
        if !replacesRunning { try controller.look([], keeping: []).activity.check([result.slot]) }
        try Interruption.check()
        var manifest = result.manifest
        manifest.output.file = result.slot.name
        try controller.commit(tree, of: result.slot, in: state, manifest: manifest.document())
    }

    /// Trees on their way to the controller, and those that came whole.
    private final class Reception: NetbootDestination, Sendable {
        private let install: RemoteInstall
        private let controller: RemoteController
        private let state: RemoteController.State
        private let count: Int
        private let received = Mutex<[Slot: RemoteTree.Received]>([:])

        init(_ install: RemoteInstall, _ controller: RemoteController, _ state: RemoteController.State, count: Int) {
            self.install = install
            self.controller = controller
            self.state = state
            self.count = count
        }

        /// Those that came whole and are in nobody's place yet.
        var trees: [Slot: RemoteTree.Received] { received.withLock { $0 } }

        func remove(_ slot: Slot) { received.withLock { $0[slot] = nil } }

        func willWrite(_ size: TreeSize) throws(ForgeError) {
            try NetbootInstall.checkSpace(
                state.space, for: size, state.keptByteCount, count: count, announce: install.announce)
        }

        func output(for slot: Slot, _ compressor: ChunkCompressor) throws(ForgeError) -> (any TreeOutput)? {
            RemoteTree(try controller.receive(slot, in: state, keeping: install.keep), compressor) { [self] tree in
                received.withLock { $0[slot] = tree }
            }
        }
    }
}
