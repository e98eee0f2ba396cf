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
        for bootFolder in ["boot/firmware", "boot"] {
            let path = "\(folder)/\(slot.name)/\(bootFolder)/cmdline.txt"
            var status = stat()
            guard lstat(path, &status) == 0 else {
                // A root that is taken for unused is removed.
                guard errno == ENOENT || errno == ENOTDIR else { throw ForgeError.reading(path, errno: errno) }
                continue
            }
            guard status.st_mode & S_IFMT == S_IFREG else { continue }
            do throws(BlockError) {
                let reader = try FileReader(path: path)
                let bytes = try reader.bytes(at: 0, count: Int(min(reader.byteCount, 1 << 16)))
                return SharedRoot(of: KernelCommandLine(String(decoding: bytes, as: UTF8.self)))
            } catch {
                throw ForgeError(error)
            }
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
        access("\(folder)/\(slot.name)/\(Self.upper)/upper.ext4", F_OK) == 0
    }

    private static let upper = "upper"

    /// Gives the file to which a node writes a second name in its new part below `output`, so that it outlives the old
    /// one whenever that goes.
    package func linkUpper(of slot: Slot, into output: String) throws(ForgeError) {
        let (old, new) = ("\(folder)/\(slot.name)/\(Self.upper)", "\(output)/\(slot.name)/\(Self.upper)")
        guard mkdir(new, 0o755) == 0, link("\(old)/upper.ext4", "\(new)/upper.ext4") == 0 else {
            throw ForgeError.writing(new, errno: errno)
        }
    }

    private static func names(in folder: String) throws(ForgeError) -> [String] {
        guard let names = FolderListing.names(in: folder) else { throw ForgeError.reading(folder, errno: errno) }
        return names
    }

    /// Moves `names` out of a folder in this one to their places here, each in one step; what was there is removed
    /// together with that folder.
    package func place(_ names: [String], from output: String) throws(ForgeError) {
        for name in names {
            let (new, old) = ("\(output)/\(name)", "\(folder)/\(name)")
            let isMoved = access(old, F_OK) == 0 ? clinux_exchange(new, old) == 0 : rename(new, old) == 0
            guard isMoved else { throw ForgeError.writing(old, errno: errno) }
        }
        try FolderRemoval.remove(output, isOwn: true)
    }

    /// Removes what runs have left that did not come to their end.
    package func removeUnfinished() throws(ForgeError) {
        for name in try Self.names(in: folder) {
            for suffix in [Self.unfinishedSuffix, Self.unfinishedSuffix + ".partial"] where name.hasSuffix(suffix) {
                guard SharedRoot(name: String(name.dropLast(suffix.count))) != nil else { continue }
                try FolderRemoval.remove("\(folder)/\(name)")
            }
        }
    }

    /// Removes the roots that no node asks for any more.
    package func removeUnused() throws(ForgeError) {
        let roots = try Self.names(in: folder).compactMap { SharedRoot(name: $0) }
        for root in try unused(of: roots) {
            try FolderRemoval.remove("\(folder)/\(root.name)")
        }
    }
}
