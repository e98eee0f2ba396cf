import Payload
import Trees

/// Commands that the Pi runs once, at its first boot.
enum FirstBootSetting: Setting {
    typealias Value = [String]

    static let keys = [
        SchemaKey(
            "first_boot", .list(.text(.command)),
            "Commands for `sh` that the Pi runs once as root, at its first boot, after the packages of `debs`.",
            example: "[systemctl enable --now docker]")
    ]

    static let template = """

        # Commands that the Pi runs once, at its first boot.
        # first_boot: [hostnamectl set-chassis server]
        """

    /// A command may be wanted twice.
    static func joining(_ entry: SettingsLayer.Entry) -> Joining { .always }

    // MARK: The image

    static let folder = VolumePath("/" + FirstBoot.commands) ?? .root

    /// More than anybody types.
    fileprivate static let limit = 999

    static func problems(in layer: SettingsLayer, for slot: Slot) -> [ProfileProblem] {
        let entries = layer.entries(of: name)
        guard entries.count > limit, let last = entries.last else { return [] }
        return [
            ProfileProblem(
                last.position, "`first_boot` has \(entries.count) commands, the limit is \(limit)",
                hint: "put them into a script with `files`, and run that")
        ]
    }

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        guard !reader.settings.firstBoot.isEmpty else { return }
        try reader.look(.root, folder)
        try reader.list(folder)
        try reader.look(at: FirstBoot.commandRunner(bootMount: "", isUserPending: false))
        let names = Set(reader.facts.listings[folder] ?? []).union(names(reader.settings.firstBoot)).union(["count"])
        for name in names.sorted() { try reader.look(.root, folder.appending(name) ?? folder) }
    }

    fileprivate static func names(_ commands: [String]) -> [String] {
        commands.indices.map { index in
            let digits = String(index + 1)
            return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
        }
    }

    static func plan(_ planner: inout Planner) throws(PlanError) { try planner.planCommands() }
}

extension Settings {
    /// Commands for sh(1) that the Pi runs at its first boot, in order.
    package var firstBoot: [String] {
        get { self[FirstBootSetting.self] }
        set { self[FirstBootSetting.self] = newValue }
    }
}

extension Planner {
    fileprivate mutating func planCommands() throws(PlanError) {
        let commands = settings.firstBoot
        let folder = FirstBootSetting.folder
        guard !commands.isEmpty, !hasRunFirstBoot(of: folder) else { return }
        let reason = "first_boot: run once, at the first boot"
        let names = FirstBootSetting.names(commands)
        try put(folder, .directory, .init(mode: 0o700), reason: reason)
        try put(folder.appending("count") ?? folder, text: "\(commands.count)\n", mode: 0o600, reason: reason)
        for (name, command) in zip(names, commands) {
            try put(folder.appending(name) ?? folder, text: command + "\n", mode: 0o600, reason: reason)
        }
        // What an earlier build put there for another slot.
        for name in facts.listings[folder] ?? [] where name != "count" && !names.contains(name) {
            try remove(folder.appending(name) ?? folder, reason: reason)
        }
        try install(
            FirstBoot.commandRunner(bootMount: facts.bootMount.description, isUserPending: isUserPending),
            reason: reason)
    }
}
