package import Bases
import Blocks
import Images
package import Initramfs
import Netboot
import Plans
package import Reports

extension InitramfsBuilder {
    /// The initramfs for the nodes of an image, packed or not.
    ///
    /// `controller`: an image whose rules say what a node may be; nil for `base` itself.
    package static func files(
        of base: String, controller: String?, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> [File] {
        var rules: String?
        if let controller { rules = try controllerRules(of: controller, cache: cache, observe: observe) }
        let image = try open(base, cache: cache, observe: observe)
        let facts = try PlanError.wrapping(ImageFacts.read(boot: image.boot, root: image.root))
        return try InitramfsBuilder(boot: image.boot, root: image.root, facts: facts, controllerRules: rules).files()
    }

    /// The text by which the controller of an image recognises its nodes.
    package static func controllerRules(
        of path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> String {
        let image = try open(path, cache: cache, observe: observe)
        guard let bytes = try bytes(image.root, rulesPath) else {
            throw ForgeError(
                .badInput, "could not use \(path) as the controller: it has no \(rulesPath)",
                hint: "give the image that the controller's card was made from")
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The text by which a running controller, or one whose card is mounted, recognises its nodes; nil when it has none.
    /// `root`: its root folder.
    package static func controllerRules(below root: String) throws(ForgeError) -> String? {
        guard let path = try ControllerRoot(root).realPlace(rulesPath) else { return nil }
        return String(decoding: try RegularFile.bytes(of: path, limit: 1 << 20), as: UTF8.self)
    }

    private static func open(
        _ path: String, cache: Cache, observe: @escaping Progress.Observer
    ) throws(ForgeError) -> SystemImage {
        let base = try BaseImage.open(ImageSource(path: path, sha256: nil), cache: cache, observe: observe)
        return try SystemImage(Overlay(over: base.reader), now: nil)
    }
}
