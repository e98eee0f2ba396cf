/// What a node from Raspberry Pi OS as published is on its controller's USB bus. 8086's images bring a script that decides.
enum GadgetSetting: Setting {
    typealias Value = Settings.Gadget

    static let keys = [
        SchemaKey(
            "gadget", .text(.gadget),
            "USB network card that a node from plain Raspberry Pi OS is: `ncm`, or `rndis` for a controller from before "
                + "2026-03.",
            example: "ncm")
    ]

    static let template = """

        # Nodes from plain Raspberry Pi OS, for a controller from before 2026-03.
        # gadget: rndis
        """

    static let unset = Settings.Gadget()

    static func value(of entries: [SettingsLayer.Entry]) -> Value {
        Settings.Gadget(function: entries.last?.value.text.flatMap(Settings.Gadget.Function.init))
    }
}

extension Settings {
    package struct Gadget: Equatable, Sendable {
        /// Nil: the newest.
        package var function: Function?
        /// Whether the profile's controller joins its nodes to a LAN, whose DHCP server gives them all they need.
        package var isBridged = false

        package enum Function: String, CaseIterable, Sendable { case ncm, rndis }
    }

    package var gadget: Gadget {
        get { self[GadgetSetting.self] }
        set { self[GadgetSetting.self] = newValue }
    }
}

extension TextFormat {
    static let gadget = TextFormat("USB network card", pattern: "^(ncm|rndis)$") { text throws(Refusal) in
        guard Settings.Gadget.Function(rawValue: text) != nil else {
            throw Refusal("a node cannot be the USB network card \"\(text.shortened)\"", hint: "ncm or rndis")
        }
    }
}
