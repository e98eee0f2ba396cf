package import Plans
package import Reports
package import Trees

/// One root for all nodes and a part of its own for each: what is where, as a controller has it below
/// /var/lib/clusterctrl/nfs.
///
/// ```
/// shared/            the root, exported read-only
/// p1/boot/firmware/  what rpiboot hands out; one file for all nodes where they do not differ (hard links)
/// p1/files/          what only this node has, or has otherwise; lies over the shared root
/// p1/upper/          made by the node when its changes go to a file
/// ```
package struct SharedLayout: Sendable {
    /// Where a node's own changes go.
    package enum Upper: Equatable, Sendable {
        /// They are lost when it restarts.
        case memory
        /// To an ext4 file system of this size, in the words of truncate(1), in the node's part.
        case file(String)

        /// Nil unless the text is `memory` or a number with M or G after it.
        package init?(_ text: String) {
            if text == "memory" {
                self = .memory
                return
            }
            // A journal and inode tables leave nothing of less.
            guard let unit = text.last, unit == "M" || unit == "G", let number = Int(text.dropLast()),
                (unit == "M" ? 64...1_048_576 : 1...1024).contains(number), String(number) == text.dropLast()
            else { return nil }
            self = .file(text)
        }

        var word: String {
            switch self {
            case .memory: "memory"
            case .file(let size): size
            }
        }
    }

    /// The root that nodes share, as a controller has it.
    package let root: SharedRoot
    /// Edits of the root that hold for all nodes.
    package private(set) var shared = TreeEdits()
    /// What each node has for itself, by path in the root; nil where the shared root has something that it has not.
    private(set) var own: [(slot: Slot, edits: TreeEdits)] = []
    /// Each node's boot files, by path in the boot folder.
    private(set) var boot: [(slot: Slot, edits: TreeEdits)] = []

    /// Files by which one node differs from another, whichever node is asked for.
    private static let alwaysOwn: Set<VolumePath> = [
        "/etc/hostname", "/etc/hosts", "/etc/fstab", "/etc/machine-id", "/etc/default/clusterctrl",
        "/etc/dhcp/dhclient.conf", "/etc/dhcpcd.conf", MachineIdentity.privatePath, MachineIdentity.publicPath,
        "/etc/docker/daemon.json", "/etc/piforge/swarm/swarm.conf",
    ]

    /// Divides what was to be edited in a tree for each slot. `bootFolder`: where the boot files are in that tree.
    package init(
        _ edits: [(slot: Slot, edits: TreeEdits)], bootFolder: VolumePath, root: SharedRoot = .only, upper: Upper
    ) throws(ForgeError) {
        self.root = root
        var paths: Set<VolumePath> = []
        for one in edits {
            let inside = one.edits.nodes.filter { $0.key.isBelow(bootFolder) }
            var files = TreeEdits()
            for (path, node) in inside { files[path.relative(to: bootFolder)] = .some(node) }
            try Self.addKernelArguments(root.kernelArguments(upper), to: &files, one.slot)
            boot.append((one.slot, files))
            paths.formUnion(one.edits.nodes.keys.filter { !$0.isBelow(bootFolder) })
        }
        var own = edits.map { (slot: $0.slot, edits: TreeEdits()) }
        for path in paths {
            let wanted = edits.map { $0.edits[path] }
            if let first = wanted.first, let first, !Self.alwaysOwn.contains(path), wanted.allSatisfy({ $0 == first }) {
                shared[path] = .some(first)
                continue
            }
            for (index, node) in wanted.enumerated() {
                if let node { own[index].edits[path] = .some(node) }
            }
        }
        self.own = own
    }

    private static func addKernelArguments(
        _ arguments: [String], to boot: inout TreeEdits, _ slot: Slot
    ) throws(ForgeError) {
        let path: VolumePath = "/cmdline.txt"
        guard case .some(.some(var node)) = boot[path], case .file(let bytes) = node.content else {
            throw ForgeError(.bug, "could not share a root with \(slot): its kernel line is not known")
        }
        var line = KernelCommandLine(String(decoding: bytes, as: UTF8.self))
        for argument in arguments { line.set(argument) }
        node.content = .file(Array(line.text.utf8))
        boot[path] = .some(node)
    }

    /// Boot files that are the same for all nodes.
    func isSharedBootFile(_ path: VolumePath) -> Bool {
        guard let first = boot.first?.edits[path] else { return boot.allSatisfy { $0.edits[path] == nil } }
        return boot.allSatisfy { $0.edits[path] == first }
    }
}

extension VolumePath {
    /// The path as seen from a folder that it lies below.
    func relative(to folder: VolumePath) -> VolumePath {
        VolumePath(components: Array(components.dropFirst(folder.components.count))) ?? .root
    }
}
