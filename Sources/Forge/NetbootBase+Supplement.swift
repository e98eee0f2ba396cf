import Plans
import Trees

extension NetbootBase {
    /// What `supplement` makes for the base; nothing for an archive, which brings its own initramfs, unless that will
    /// not do.
    func files(
        of supplement: (any NetbootSupplement)?, evenOfArchives: Bool = false
    ) throws(ForgeError) -> [(target: Target, node: Node)] {
        guard let supplement, !isArchive || evenOfArchives else { return [] }
        let facts: ImageFacts
        do throws(PlanError) { facts = try ImageFacts.read(boot: boot, root: root) } catch { throw ForgeError(error) }
        return try supplement.files(root: root, boot: boot, facts: facts)
    }
}
