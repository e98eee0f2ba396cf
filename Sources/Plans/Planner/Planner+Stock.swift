import Payload
import Trees

/// What makes a machine of Raspberry Pi OS as published.
extension Planner {
    mutating func planStock() throws(PlanError) {
        guard case .node(let number) = slot else {
            if slot.isController { return try planStockController() }
            let rules = configFormRules()
            if !rules.isEmpty { try rewrite(on: .boot, "/config.txt", rules, reason: "the firmware reads plain text") }
            return
        }
        try planNodeIdentity(number)
        let reason = "a node is a USB device"
        try install(GadgetPrograms.script, reason: reason)
        try install(GadgetPrograms.unit, reason: reason)
        try put(
            StockLayer.unitLink, .symlink(StockLayer.unit.description), .init(mode: 0o777), reason: reason)
        try planNodeLink()
        try rewrite(on: .boot, "/config.txt", configFormRules() + [.setUSBMode(.peripheral)], reason: reason)
    }

    /// A bridge for the nodes, and the way out for them: by NetworkManager and nftables, which the image has.
    private mutating func planStockController() throws(PlanError) {
        let reason = "network of \(slot)"
        for program in ["NetworkManager", "nft"] where !facts.existsInSbin(program) {
            throw .missingInImage("/usr/sbin/\(program)", purpose: "set up the network of \(slot)")
        }
        try rewrite(
            ImageFacts.defaultsPath, [.setVariable("TYPE", "cnat")], missing: 0o644, reason: "this is \(slot)")
        for program in StockController.programs { try install(program, reason: reason) }
        try put(StockController.bridge, text: StockController.bridgeText, mode: 0o600, reason: reason)
        try put(StockController.links, text: StockController.linksText, mode: 0o600, reason: reason)
        try put(
            StockController.unitLink, .symlink("/" + ControllerPrograms.unit.path), .init(mode: 0o777), reason: reason)
        try put(Self.forwardingFile, text: Self.forwardingText, reason: "cnat forwards for its nodes")
        try rewrite(
            on: .boot, "/config.txt", configFormRules() + [.setUSBMode(.host)], reason: "a controller is a USB host")
        warn(StockController.powerWarning)
    }

    /// A node without a card: the initramfs makes the gadget.
    mutating func planStockNetboot() throws(PlanError) {
        guard case .node(let number) = slot else { throw .netbootController(slot) }
        try planNodeIdentity(number)
        try planNodeLink()
        try planNetbootBoot(number)
        if facts.found(.root, StockLayer.unitLink)?.own != nil {
            try remove(StockLayer.unitLink, reason: "the initramfs makes the USB device")
        }
    }

    private mutating func planNodeIdentity(_ number: Int) throws(PlanError) {
        let rules: [TextRule] = [
            .setVariable("TYPE", medium == .card ? "node" : "usbboot"), .setVariable("ID", String(number)),
            .setVariable("GADGET", (settings.gadget.function ?? .ncm).rawValue),
        ]
        try rewrite(ImageFacts.defaultsPath, rules, missing: 0o644, reason: "this is \(slot)")
        try put(StockLayer.issue, text: StockLayer.issueText(slot), reason: "greeting of a node")
    }

    /// The network card of the link and its console, and nothing else that would take the port.
    private mutating func planNodeLink() throws(PlanError) {
        guard facts.existsInSbin("NetworkManager") else {
            throw .missingInImage("/usr/sbin/NetworkManager", purpose: "set up the network of \(slot)")
        }
        let reason = "network of \(slot)"
        try put(
            StockLayer.keyfile,
            text: StockLayer.keyfileText(slot, settings.addressing, isBridged: settings.gadget.isBridged), mode: 0o600,
            reason: reason)
        try put(StockLayer.managed, text: StockLayer.managedText(for: medium), reason: reason)
        try put(StockLayer.modules, text: StockLayer.modulesText, reason: "the port is one device")
        for path in StockLayer.otherGadgetFiles where facts.found(.root, path)?.own != nil {
            try remove(path, reason: "rpi-usb-gadget is off")
        }
        if facts.unitFile(StockLayer.otherGadget) != nil || facts.isMasked(StockLayer.otherGadget) {
            try mask(StockLayer.otherGadget)
        }
        let console = StockLayer.console
        guard !isTurnedOff(console) else { return }
        try enable(console, in: "getty.target.wants", reason: "a node has a console on USB")
        // getty.target waits 90 s for the port. The first start of a slow card takes longer: then the port starts it.
        try enable(console, in: StockLayer.consoleFolder, reason: "a node has a console on USB, however late that is")
    }

    /// A program of ours, owned by root.
    mutating func install(_ program: PiProgram, reason: String) throws(PlanError) {
        guard let path = VolumePath("/" + program.path) else { return }
        try put(path, text: program.text, mode: program.mode, reason: reason)
    }
}
