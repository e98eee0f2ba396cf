import Payload
import Trees

/// What makes a machine of Raspberry Pi OS as published.
extension Planner {
    mutating func planStock() throws(PlanError) {
        guard case .node(let number) = slot else {
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
        let console = "serial-getty@ttyGS0.service"
        if !isTurnedOff(console) {
            try enable(console, in: "getty.target.wants", reason: "a node has a console on USB")
        }
    }

    /// A program of ours, owned by root.
    mutating func install(_ program: PiProgram, reason: String) throws(PlanError) {
        guard let path = VolumePath("/" + program.path) else { return }
        try put(path, text: program.text, mode: program.mode, reason: reason)
    }
}
