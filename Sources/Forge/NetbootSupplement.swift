package import Plans
package import Trees

/// Makes files that a node's netboot tree needs and its base does not have, such as an initramfs for an image's kernels.
///
/// It is asked once for a base, not once for a slot: what it makes must suit every slot. It is not asked for a usbboot
/// archive, which brings its own.
package protocol NetbootSupplement: Sendable {
    /// The files, each with its path on the boot or the root partition; their times are set by the caller.
    ///
    /// `root` and `boot` are the base's volumes, unchanged and not to be changed; `facts` is what the planner knows of
    /// them.
    func files(
        root: any Volume, boot: any Volume, facts: ImageFacts
    ) throws(ForgeError) -> [(target: Target, node: Node)]
}
