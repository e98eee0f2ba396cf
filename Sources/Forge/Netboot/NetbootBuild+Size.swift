import Netboot
import Plans
import Reports
import Trees

extension NetbootBuild {
    /// The size of the trees of some slots, but for a few KiB of what the conversion writes.
    static func size(
        of base: NetbootBase, with supplement: [(target: Target, node: FileNode)], for jobs: [BuildSpec.Job]
    ) throws(ForgeError) -> TreeSize {
        var size = try size(of: base.tree)
        try wrapping(on: .root) { () throws(VolumeError) in
            for (target, node) in supplement { try size.add(TreeEntry(path: target.path, node)) }
            size = size * jobs.count
            for file in jobs.flatMap(\.settings.files) {
                let node = FileNode(content: file.content.node, metadata: .init(mode: file.mode))
                try size.add(TreeEntry(path: file.target.path, node))
            }
        }
        return size
    }

    static func size(of tree: any TreeSource) throws(ForgeError) -> TreeSize {
        do throws(VolumeError) {
            return try TreeSize(of: tree.treeReader(), blockSize: 4096) { () throws(VolumeError) in
                if Interruption.isRequested { throw .cancelled }
            }
        } catch {
            throw ForgeError(error, on: .root)
        }
    }
}
