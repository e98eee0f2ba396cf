import ArgumentParser
import Forge
import Initramfs
import Plans
import Reports

/// Which controller nodes from plain Raspberry Pi OS are for.
struct ControllerOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The image of the nodes' controller: nodes from plain Raspberry Pi OS become a USB network card that it knows.",
            valueName: "image"))
    var controller: UserPath?

    /// Settles the setting `gadget` by the rules in that image.
    func apply(to settings: inout SettingsOptions) throws(ForgeError) {
        guard let controller else { return }
        let rules = try InitramfsBuilder.controllerRules(
            of: controller.path, cache: Environment.current.cache(), observe: { Terminal.shared.show($0) })
        settings.values.set.append("gadget=\(try CardGadget.choose(knownTo: rules).rawValue)")
    }
}
