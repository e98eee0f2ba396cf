import ArgumentParser
import Fleet
import Forge
import Images
import Plans
import Reports

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Ask the machines of a running cluster who they are.",
        discussion: """
            Asks all of them over ssh at the same time and changes nothing, on them or here. The way there is the folder that \
            handoff has written, when it is there, else what it would write. Exits 0 when all answer under the expected host \
            key, 1 otherwise.

              piforge status
              piforge status --handoff ~/sg1-handoff --timeout 30
              piforge status --json | jq '.machines[] | select(.state != "answers")'
            """)

    @OptionGroup var cluster: ClusterOptions

    @Option(help: ArgumentHelp("The hand-off's folder. Without this option CLUSTER-handoff.", valueName: "dir"))
    var handoff: UserPath?

    @OptionGroup var places: AddressOptions

    @Option(help: ArgumentHelp("How long to wait for each machine, 1 to 600.", valueName: "seconds"))
    var timeout: Int = 15

    func run() throws {
        try cluster.answer.apply()
        guard (1...600).contains(timeout) else {
            throw ForgeError(.usage, "could not wait \(timeout) seconds: --timeout is from 1 to 600")
        }
        let environment = Environment.current
        let request = try cluster.request(in: environment)
        let roster: Roster
        let status: ClusterStatus
        let folder = HandoffFolder(path: handoff?.path ?? "\(request.profile?.cluster ?? "")-handoff")
        if folder.isThere, places.address.isEmpty {
            roster = try request.rosterWithoutKeys()
            status = try ClusterStatus.ask(
                roster, through: folder, seconds: timeout, environment: environment.variables)
        } else {
            guard handoff == nil || folder.isThere else {
                throw ForgeError(
                    .badInput, "could not use \(folder.path): there is no ssh_config in it", hint: "piforge handoff")
            }
            roster = try request.roster(addresses: places.address, environment: environment.variables)
            status = try ClusterStatus.ask(roster, seconds: timeout, environment: environment.variables)
        }
        let document = StatusDocument(
            status, of: roster, settings: try request.settingsDigests(of: roster.machines.map(\.slot)))
        if cluster.answer.json {
            try Output.json(document, as: .status)
        } else {
            for line in document.lines { Output.line(line) }
        }
        let missing = status.machines.count { $0.reachability != .answers }
        guard missing == 0 else {
            throw ForgeError(
                .difference, "\(missing) of \(status.machines.count) machines do not answer as they should")
        }
    }
}

/// What `status` prints.
private struct StatusDocument: Encodable {
    var cluster: String
    var machines: [Machine]

    struct Machine: Encodable {
        var slot: String
        var hostname: String
        var address: String
        /// `answers`, `unreachable`, `wrong_host_key`, `unknown_host_key`, `login_refused`, `failed`
        var state: String
        var detail: String?
        /// Whether the host key is the expected one; nil when nobody answered.
        var hostKeyMatches: Bool?
        var uptimeSeconds: Int?
        var power: Bool?
        /// How far the first boot has come with `debs` and `first_boot`; nil when it had nothing to do.
        var packages: String?
        var firstBoot: String?
        /// What the card's piforge.json says.
        var card: CardLabel?
        /// Whether the card is of this slot and cluster; nil without a card that says so.
        var isRightCard: Bool?
        /// Whether the profile has changed since the card was made; nil without a card that says what it was made from.
        var hasDrifted: Bool?

        enum CodingKeys: String, CodingKey {
            case slot, hostname, address, state, detail, power, packages, card
            case firstBoot = "first_boot"
            case hostKeyMatches = "host_key_matches"
            case uptimeSeconds = "uptime_seconds"
            case isRightCard = "card_matches"
            case hasDrifted = "drifted"
        }
    }

    /// `settings`: the digests of what the profile says now.
    init(_ status: ClusterStatus, of roster: Roster, settings: [Slot: String]) {
        cluster = roster.cluster
        machines = zip(roster.machines, status.machines).map { machine, found in
            let card = found.report?.label.flatMap { CardLabel($0) }
            return Machine(
                slot: machine.slot.name, hostname: machine.hostname, address: machine.address,
                state: found.reachability.name, detail: found.reachability.detail,
                hostKeyMatches: found.reachability.hostKeyMatches, uptimeSeconds: found.report?.uptime,
                power: found.hasPower, packages: found.report?.packages, firstBoot: found.report?.firstBoot, card: card,
                isRightCard: card.map { $0.slot == machine.slot.name && $0.cluster == roster.cluster },
                hasDrifted: card?.settings.map { $0 != settings[machine.slot] })
        }
    }

    var lines: [String] {
        let rows = machines.map { machine in
            [
                machine.slot, machine.hostname, machine.address,
                machine.state.split(separator: "_").joined(separator: " "),
                machine.uptimeSeconds.map(Self.duration) ?? "", machine.power.map { $0 ? "on" : "off" } ?? "",
                Self.remark(on: machine),
            ]
        }
        return Output.table([["slot", "host name", "address", "state", "up", "power", ""]] + rows)
    }

    private static func remark(on machine: Machine) -> String {
        if let detail = machine.detail { return detail }
        let firstBoot = [machine.packages, machine.firstBoot].compactMap { $0 }.map { "; " + $0 }.joined()
        guard let card = machine.card else {
            return machine.state == "answers" ? "no piforge.json on its card" + firstBoot : ""
        }
        if machine.isRightCard == false { return "another card: " + card.summary }
        return card.summary + (machine.hasDrifted == true ? "; the profile has changed since" : "") + firstBoot
    }

    private static func duration(_ seconds: Int) -> String {
        if seconds >= 2 * 86400 { return "\(seconds / 86400) d" }
        if seconds >= 2 * 3600 { return "\(seconds / 3600) h" }
        return seconds >= 120 ? "\(seconds / 60) min" : "\(seconds) s"
    }
}
