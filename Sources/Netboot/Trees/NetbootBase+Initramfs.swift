package import Initramfs
package import Plans
package import Reports
package import Trees

extension NetbootBase {
    /// What `initramfs` makes for the base; nothing for an archive, which brings its own initramfs, unless that will
    /// not do.
    package func files(
        of initramfs: NodeInitramfs?, evenOfArchives: Bool = false
    ) throws(ForgeError) -> [(target: Target, node: FileNode)] {
        guard let initramfs, !isArchive || evenOfArchives else { return [] }
        let facts = try PlanError.wrapping(ImageFacts.read(boot: boot, root: root))
        return try initramfs.files(root: root, boot: boot, facts: facts)
    }
}
