import Netboot
import Plans
import Reports
import Trees

extension NetbootBuild {
    /// The size of one slot's tree, as far as all slots' are alike; the rest is a few KiB.
    static func size(
        of base: NetbootBase, with supplement: [(target: Target, node: FileNode)]
    ) throws(ForgeError) -> TreeSize {
        var size = try size(of: base.tree)
        do throws(VolumeError) {
            for (target, node) in supplement { try size.add(TreeEntry(path: target.path, node)) }
        } catch {
            throw ForgeError(error, on: .root)
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
