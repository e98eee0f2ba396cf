import Trees

/// Swap space, through the program that the image has for it: rpi-swap (trixie), or dphys-swapfile (before).
enum SwapSetting: Setting {
    typealias Value = Int?

    static let keys = [
        SchemaKey("swap", .integer(0...4096), "Swap space in MiB; 0 turns it off.", example: "256")
    ]

    static let template = """

        # MiB of swap; 0 turns it off.
        # swap: 256
        """

    /// Of rpi-swap (swap.conf(5)).
    private static let mainFile: VolumePath = "/etc/rpi/swap.conf"
    private static let dropIn: VolumePath = "/etc/rpi/swap.conf.d/80-piforge.conf"
    /// Of dphys-swapfile(8), which reads it as a shell does.
    private static let variables: VolumePath = "/etc/dphys-swapfile"
    private static let unit = "dphys-swapfile.service"
    /// MiB that dphys-swapfile makes without a `CONF_MAXSWAP`.
    private static let usualLimit = 2048

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard reader.settings.swap != nil else { return }
        try reader.look(.root, [mainFile, dropIn, variables])
        try reader.look(atUnits: [unit])
    }

    static func plan(_ planner: inout Planner) throws(PlanError) {
        guard let size = planner.settings.swap else { return }
        if planner.facts.exists(.root, mainFile) {
            try planDropIn(size, &planner)
        } else if let text = planner.facts.text(.root, variables) {
            try planVariables(size, text, &planner)
        } else {
            throw .missingInImage("\(variables) or \(mainFile)", purpose: "set up swap")
        }
    }

    /// A root over the network holds no swap file; there the space is compressed memory.
    private static func planDropIn(_ size: Int, _ planner: inout Planner) throws(PlanError) {
        let text =
            switch planner.medium {
            case _ where size == 0: "[Main]\nMechanism=none\n"
            case .card: "[Main]\nMechanism=swapfile\n\n[File]\nFixedSizeMiB=\(size)\n"
            case .netboot: "[Main]\nMechanism=zram\n\n[Zram]\nFixedSizeMiB=\(size)\n"
            }
        try planner.put(dropIn, text: text, reason: reason(size))
    }

    private static func planVariables(_ size: Int, _ text: String, _ planner: inout Planner) throws(PlanError) {
        guard size == 0 || planner.medium == .card else {
            throw .contradiction("the root over the network", "swap: \(size)")
        }
        var rules = [TextRule.setVariable("CONF_SWAPSIZE", String(size))]
        let limit = TextLines(text).lines.compactMap { TextRule.variable($0.text) }.last { $0.name == "CONF_MAXSWAP" }
        // An empty limit is none.
        if let number = limit.map({ Int($0.value) }) ?? usualLimit, size > number {
            rules.append(.setVariable("CONF_MAXSWAP", String(size)))
        }
        try planner.rewrite(variables, rules, reason: reason(size))
        guard planner.facts.unitFile(unit) != nil else { return }
        if size == 0 { try planner.disable(unit) } else { try planner.enable([unit]) }
    }

    private static func reason(_ size: Int) -> String { size == 0 ? "swap off" : "swap of \(size) MiB" }
}

extension Settings {
    /// Swap space in MiB, 0...4096; 0 turns it off.
    package var swap: Int? {
        get { self[SwapSetting.self] }
        set { self[SwapSetting.self] = newValue }
    }
}
