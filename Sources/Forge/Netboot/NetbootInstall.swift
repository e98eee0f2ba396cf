import Blocks
import Glibc
import Images
import Netboot
import Plans
package import Reports
package import Trees

/// Puts netboot trees where a running controller serves them, and can be run again.
///
/// ```
///   ROOT/var/lib/clusterctrl/nfs/p3.partial   is written beside
///   ROOT/var/lib/clusterctrl/nfs/p3           then both change places in one step; what was there is removed
/// ```
///
/// With a shared root all is written to one folder, such as `shared-5f2c01ab.new`, and moved from there; see
/// `InstalledRoots`.
///
/// A tree that its node is using is not touched, a full disk is noticed before anything is written, and a run that is
/// killed leaves the old tree as it was.
package struct NetbootInstall: Sendable {
    package var netboot: NetbootBuild
    let root: ControllerRoot
    /// Where the controller keeps its nodes' trees.
    let folder: String
    /// Whether trees of running nodes are replaced all the same.
    package var replacesRunning: Bool
    /// What is taken over from the old tree of a node.
    package var keep: [VolumePath]
    /// Whether what nodes have written over an old shared root lies over the new one.
    package var keepsUpper = false
    /// Called with a sentence about what will be written, before it is.
    package var announce: @Sendable (String) -> Void

    /// `keep`: paths from a tree's root, such as `/home/pi`.
    package init(
        _ netboot: NetbootBuild, root: String, replacesRunning: Bool, keep: [String],
        announce: @escaping @Sendable (String) -> Void
    ) throws(ForgeError) {
        self.netboot = netboot
        self.root = ControllerRoot(root)
        self.replacesRunning = replacesRunning
        self.keep = try Self.paths(keep)
        self.announce = announce
        guard let folder = try self.root.realPlace(NodeTreeFolder.all) else {
            throw Self.noController(self.root.place(NodeTreeFolder.all))
        }
        self.folder = folder
        self.netboot.folder = folder
        self.netboot.format = .folder
        self.netboot.replacing = true
    }

    /// What `--keep` names, paths from a tree's root.
    static func paths(_ texts: [String]) throws(ForgeError) -> [VolumePath] {
        var paths: [VolumePath] = []
        for text in texts {
            guard let path = VolumePath(text), !path.isRoot else {
                throw ForgeError(
                    .usage, "could not keep \(text): it is no path inside a tree",
                    hint: "name it from the tree's root, such as --keep /home/pi")
            }
            paths.append(path)
        }
        return paths
    }

    private static func noController(_ folder: String) -> ForgeError {
        ForgeError(
            .unavailable, "could not install netboot trees: \(folder) is no folder",
            hint: "run it on a CNAT or CBRIDGE controller, or name its root folder with --root")
    }

    package func run(report: (NetbootBuild.Result) -> Void) throws(ForgeError) {
        let slots = netboot.spec.jobs.map(\.slot)
        var status = stat()
        guard stat(folder, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw Self.noController(folder)
        }
        if !replacesRunning { try NodeActivity(root: root.path).check(slots) }
        let installed = try InstalledRoots(in: folder)
        // What could not be written at the end is better known now.
        _ = try exports()
        try checkUpper()
        for slot in slots where !keepsUpper && installed.hasWritten(slot) {
            announce("\(slot): what the node has written over its shared root goes with its old part")
        }
        var netboot = netboot
        if !keep.isEmpty { netboot.kept = try keptFiles(of: slots, installed) }
        let kept = netboot.kept.values.reduce(0) { $0 + $1.byteCount }
        var placement = Placement(install: self, installed: installed, slots: slots, keptByteCount: Int64(kept))
        // What a killed run left would count as used.
        for slot in slots {
            try FolderOutput.removeLeftovers(of: "\(folder)/\(slot.name)", observe: netboot.observe)
        }
        try installed.removeUnfinished(observe: netboot.observe)
        try installed.removeUnused(observe: netboot.observe)
        if netboot.layout == .full {
            try netboot.run(for: placement, report: report)
        } else {
            let shared = SharedRoot.fresh()
            placement.shared = shared
            try installShared(netboot, shared, placement, report: report)
        }
        try writeExports(for: slots, installed)
        try installed.removeUnused(observe: netboot.observe)
        try linkBootCode()
        announce(
            "tell the NFS server of the new folders: exportfs -ra && exportfs -f; a node that had no tree before is found "
                + "after clusterctrl init, which switches all nodes off, or when the controller starts again")
    }

    private func keptFiles(of slots: [Slot], _ installed: InstalledRoots) throws(ForgeError) -> [Slot: KeptFiles] {
        var all: [Slot: KeptFiles] = [:]
        for slot in slots {
            guard try installed.root(of: slot) == nil else {
                throw ForgeError(
                    .badInput,
                    "could not keep anything of \(slot): it shares its root, and what it wrote is not in a tree",
                    hint: "start it and copy what is wanted, or leave out --keep")
            }
            let kept = try KeptFiles(keep, in: "\(folder)/\(slot.name)")
            for path in kept.missing {
                announce("\(slot): \(path) is not in the old tree, so that nothing of it is kept")
            }
            all[slot] = kept
        }
        return all
    }

    private func checkUpper() throws(ForgeError) {
        if case .shared(.file) = netboot.layout { return }
        guard !keepsUpper else {
            throw ForgeError(
                .usage, "could not keep what nodes have written: the new trees have no file for it",
                hint: "add --layout shared --upper 2G")
        }
    }

    /// The new root comes to lie beside those that are there, under a name of its own; then the nodes' parts change
    /// places one by one. A node has the old part and the old root, or both new ones, wherever that ends.
    private func installShared(
        _ netboot: NetbootBuild, _ shared: SharedRoot, _ placement: Placement, report: (NetbootBuild.Result) -> Void
    ) throws(ForgeError) {
        var netboot = netboot
        netboot.sharedRoot = shared
        netboot.nameTogether = InstalledRoots.unfinishedName(of: shared)
        for slot in placement.slots {
            try FolderOutput.checkReplaceable("\(folder)/\(slot.name)", replacing: true)
        }
        try netboot.run(for: placement) { result in
            var result = result
            result.path = netboot.pathOfWholeTree(for: result.slot)
            report(result)
        }
    }

    private func writeExports(for slots: [Slot], _ installed: InstalledRoots) throws(ForgeError) {
        let (path, old, status) = try exports()
        let new = NetbootExports.bytes(
            old, with: slots, sharing: try installed.used().sorted { $0.name < $1.name },
            without: try installed.unused(of: NetbootExports.roots(in: old)))
        guard new != old else { return }
        let file = try OutputFile(path: path, mode: 0o644, replacing: true)
        if let status {
            guard fchown(file.descriptor, status.st_uid, status.st_gid) == 0,
                fchmod(file.descriptor, status.st_mode & 0o7777) == 0
            else { throw ForgeError.writing(path, errno: errno) }
        }
        try file.write(new.span.bytes, at: 0)
        try file.commit()
    }

    /// Where the exports are, with what the file holds and whose it is; the last is nil when there is none.
    private func exports() throws(ForgeError) -> (path: String, bytes: [UInt8], status: stat?) {
        guard let path = try root.realPlace(NetbootExports.file) else {
            let path = root.place(NetbootExports.file)
            guard let folder = try root.realPlace(NetbootExports.file.parent) else {
                throw ForgeError(
                    .unavailable, "could not write \(path): there is no such folder",
                    hint: "name the controller's root folder with --root")
            }
            let new = "\(folder)/\(NetbootExports.file.name ?? "")"
            try OutputFile.checkReplaceable(new, replacing: true)
            return (new, [], nil)
        }
        var status = stat()
        guard stat(path, &status) == 0 else { throw ForgeError.reading(path, errno: errno) }
        return (path, try RegularFile.bytes(of: path), status)
    }

    /// rpiboot hands out `bootcode.bin` from its own folder, before it knows which node asks.
    private func linkBootCode() throws(ForgeError) {
        let place: VolumePath = "/var/lib/clusterctrl/boot"
        var folder = try root.realPlace(place)
        if folder == nil, let parent = try root.realPlace(place.parent) {
            guard mkdir("\(parent)/boot", 0o755) == 0 else { throw ForgeError.writing("\(parent)/boot", errno: errno) }
            folder = "\(parent)/boot"
        }
        guard let folder else { throw Self.noController(root.place(place.parent)) }
        let link = "\(folder)/bootcode.bin"
        var status = stat()
        guard lstat(link, &status) != 0 else { return }
        let isNew = try root.realPlace("/boot/firmware/config.txt") != nil
        let target = isNew ? "/boot/firmware/bootcode.bin" : "/boot/bootcode.bin"
        guard symlink(target, link) == 0 else { throw ForgeError.writing(link, errno: errno) }
    }
}
