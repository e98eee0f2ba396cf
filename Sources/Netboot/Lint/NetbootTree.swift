package import Plans
import Reports
package import Trees

/// A node's tree as its boot files and its root, wherever it lies.
package struct NetbootTree {
    /// What the person calls it: `p3`, or nothing for the only one.
    var name: String
    /// The slot that the folder's name says; nil when it says none.
    package var slot: Slot?
    package var boot: any ReadableVolume
    package var root: any ReadableVolume
    /// Where the boot files lie for the running node.
    var bootMount: VolumePath

    /// All trees in a volume: one that it is itself, those in folders of slots' names, or those that a controller's
    /// image has in its place.
    package static func all(in volume: any ReadableVolume) throws(VolumeError) -> [NetbootTree] {
        if let tree = try tree(in: volume, at: .root, name: "") { return [tree] }
        for folder: VolumePath in [.root, NodeTreeFolder.all] {
            guard try volume.status(at: folder)?.kind == .directory else { continue }
            var trees: [NetbootTree] = []
            for name in try volume.entries(in: folder) where Slot(name)?.isNode == true {
                guard let location = folder.appending(name) else { continue }
                if let tree = try tree(in: volume, at: location, name: name) { trees.append(tree) }
            }
            if !trees.isEmpty { return trees.sorted { ($0.slot ?? .cnat) < ($1.slot ?? .cnat) } }
        }
        return []
    }

    /// Nil when no kernel line for a root over NFS lies there.
    private static func tree(
        in volume: any ReadableVolume, at folder: VolumePath, name: String
    ) throws(VolumeError) -> NetbootTree? {
        for mount: VolumePath in ["/boot/firmware", "/boot"] {
            let location = mount.below(folder)
            guard let path = location.appending("cmdline.txt"), try volume.status(at: location)?.kind == .directory,
                case .file(let bytes)? = try volume.node(at: path)?.content
            else { continue }
            let line = KernelCommandLine(String(decoding: bytes, as: UTF8.self))
            guard line.values(of: "root").last == "/dev/nfs" else { continue }
            var root: any ReadableVolume = ReadableSubtree(of: volume, at: folder)
            if let shared = line.values(of: "netboot.lower").last {
                let lower = folder.parent.appending(shared.fileName) ?? folder
                root = OverlaidVolume(
                    ReadableSubtree(of: volume, at: folder.appending("files") ?? folder),
                    over: ReadableSubtree(of: volume, at: lower))
            }
            return NetbootTree(
                name: name, slot: Slot(name), boot: ReadableSubtree(of: volume, at: location), root: root,
                bootMount: mount)
        }
        return nil
    }
}
