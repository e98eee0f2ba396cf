package import Plans
package import Reports
package import Trees

/// The initramfs that an image's kernels need so that nodes boot from a tree of it.
///
/// It is made once for a base, not once for a slot: it suits every slot.
package struct NodeInitramfs: Sendable {
    private let controllerRules: String?

    /// `controllerRules`: the text of the controller's 90-clusterctrl.rules; nil for the base's own.
    package init(controllerRules: String?) { self.controllerRules = controllerRules }

    /// The files, each with its path on the boot partition; their times are set by the caller.
    ///
    /// `root` and `boot` are the base's volumes and are not changed; `facts` is what the planner knows of them.
    package func files(
        root: any ReadableVolume, boot: any ReadableVolume, facts: ImageFacts
    ) throws(ForgeError) -> [(target: Target, node: FileNode)] {
        let builder = try InitramfsBuilder(boot: boot, root: root, facts: facts, controllerRules: controllerRules)
        var result: [(target: Target, node: FileNode)] = []
        for file in try builder.files() {
            guard let path = VolumePath("/" + file.name), path.components.count == 1 else {
                throw ForgeError(.badInput, "could not make an initramfs: config.txt calls it \(file.name)")
            }
            result.append((Target(.boot, path), FileNode(content: .file(file.bytes), metadata: .init(mode: 0o755))))
        }
        return result
    }
}
