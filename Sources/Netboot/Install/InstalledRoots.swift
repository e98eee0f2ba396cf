import Blocks
import CLinux
import Glibc
import Images
package import Plans
package import Reports

/// The shared roots in the folder from which a controller serves its nodes.
///
/// Each lies there under a name such as `shared-5f2c01ab`, or as `shared` when it came with the controller's image, for
/// as long as a node's kernel line names it.
package struct InstalledRoots: Sendable {
    /// `/var/lib/clusterctrl/nfs` of the controller.
    private let folder: String
    /// Whether `shared` is a root: a folder of that name may be anybody's.
    private let hasUnnumbered: Bool

    package init(in folder: String) throws(ForgeError) {
        self.folder = folder
        hasUnnumbered = try Self.used(in: folder).contains(.only)
    }

    /// What a root is called with the parts of its nodes, before they are where they belong.
    package static func unfinishedName(of root: SharedRoot) -> String { root.name + unfinishedSuffix }

    private static let unfinishedSuffix = ".new"

    /// The root that a node's part asks for; nil when there is none, or the node has a root of its own.
    package func root(of slot: Slot) throws(ForgeError) -> SharedRoot? { try Self.root(of: slot, in: folder) }

    private static func root(of slot: Slot, in folder: String) throws(ForgeError) -> SharedRoot? {
        for place in [["boot", "firmware"], ["boot"]] {
            let path = ([folder, slot.name] + place + ["cmdline.txt"]).joined(separator: "/")
            guard let part = PlainFolder("\(folder)/\(slot.name)"), let boot = part.folder(place),
                let status = boot.status(of: "cmdline.txt")
            else {
                // A root that is taken for unused is removed. A link is a node's own doing, and names no root.
                guard [ENOENT, ENOTDIR, ELOOP].contains(errno) else { throw ForgeError.reading(path, errno: errno) }
                continue
            }
            guard status.st_mode & S_IFMT == S_IFREG else { continue }
            let bytes = try RegularFile.bytes(of: "cmdline.txt", in: boot, path: path, limit: 1 << 16)
            return SharedRoot(of: KernelCommandLine(String(decoding: bytes, as: UTF8.self)))
        }
        return nil
    }

    /// Those that some node asks for.
    package func used() throws(ForgeError) -> Set<SharedRoot> { try Self.used(in: folder) }

    private static func used(in folder: String) throws(ForgeError) -> Set<SharedRoot> {
        var roots: Set<SharedRoot> = []
        for slot in try names(in: folder).compactMap({ Slot($0) }) {
            if let root = try root(of: slot, in: folder) { roots.insert(root) }
        }
        return roots
    }

    /// Those of `roots` that no node asks for any more.
    package func unused(of roots: [SharedRoot]) throws(ForgeError) -> [SharedRoot] {
        let used = try used()
        return roots.filter { !used.contains($0) && ($0 != .only || hasUnnumbered) }
    }

    /// Whether a node has written to a file in its part (`SharedLayout.Upper.file`).
    package func hasWritten(_ slot: Slot) -> Bool {
        guard let upper = upperFolder(of: slot, below: folder) else { return false }
        return upper.status(of: Self.upper) != nil
    }

    private static let upper = "upper.ext4"

    private func upperFolder(of slot: Slot, below folder: String) -> PlainFolder? {
        guard let part = PlainFolder("\(folder)/\(slot.name)") else { return nil }
        return part.folder(["upper"])
    }

    /// Gives the file to which a node writes a second name in its new part below `output`, so that it outlives the old
    /// one whenever that goes.
    package func linkUpper(of slot: Slot, into output: String) throws(ForgeError) {
        let new = "\(output)/\(slot.name)/upper"
        guard mkdir(new, 0o755) == 0, let old = upperFolder(of: slot, below: folder),
            let target = upperFolder(of: slot, below: output),
            linkat(old.descriptor, Self.upper, target.descriptor, Self.upper, 0) == 0
        else { throw ForgeError.writing(new, errno: errno) }
    }

    private static func names(in folder: String) throws(ForgeError) -> [String] {
        guard let names = FolderListing.names(in: folder) else { throw ForgeError.reading(folder, errno: errno) }
        return names
    }

    /// Moves `names` out of a folder in this one to their places here, each in one step; what was there is removed
    /// together with that folder, or reported when it cannot be.
    package func place(
        _ names: [String], from output: String, observe: Progress.Observer
    ) throws(ForgeError) {
        for name in names { try FolderRemoval.checkMounts(in: "\(folder)/\(name)") }
        for name in names {
            let (new, old) = ("\(output)/\(name)", "\(folder)/\(name)")
            let isMoved = access(old, F_OK) == 0 ? clinux_exchange(new, old) == 0 : rename(new, old) == 0
            guard isMoved else { throw ForgeError.writing(old, errno: errno) }
        }
        FolderOutput.remove(output, isOwn: true, observe: observe)
    }

    /// Removes what runs have left that did not come to their end; throws when one of them lives.
    package func removeUnfinished(observe: Progress.Observer) throws(ForgeError) {
        for name in try Self.names(in: folder) {
            guard let suffix = name.firstRange(of: Self.unfinishedSuffix),
                SharedRoot(name: String(name[..<suffix.lowerBound])) != nil
            else { continue }
            let path = "\(folder)/\(name)"
            guard !FolderRemoval.isInUse(path) else { throw FolderRemoval.inUse(path) }
            FolderOutput.remove(path, observe: observe)
        }
    }

    /// Removes the roots that no node asks for any more.
    package func removeUnused(observe: Progress.Observer) throws(ForgeError) {
        let roots = try Self.names(in: folder).compactMap { SharedRoot(name: $0) }
        for root in try unused(of: roots) { FolderOutput.remove("\(folder)/\(root.name)", observe: observe) }
    }
}
