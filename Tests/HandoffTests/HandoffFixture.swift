import Identity
import Plans
import Testing

@testable import Handoff

/// Clusters whose hand-off is known to the byte.
struct HandoffFixture: CustomTestStringConvertible, Sendable {
    var name: String
    var folder: String
    var roster: Roster
    var testDescription: String { name }

    static let all = [sg1, bridged, withoutDomain, withoutIdentity, blanks]

    /// The article's cluster; the keys are those of the research's prototype in Python.
    static let sg1 = HandoffFixture(
        name: "sg1", folder: "/srv/fleet/sg1-handoff",
        roster: Roster(
            cluster: "sg1",
            machines: [
                machine(.cnat, "hammond", "192.168.42.10", "ICGVdtsVbG2DJoLwGJ+5DxQDfO2YPsiskcKJX2EprrfT"),
                machine(.node(1), "oneil", nil, "IBsj0WP5jWf3XxDDCq2B8zBBFk8usZ3RmVysgnqmgeFb"),
                machine(.node(2), "carter", nil, "II5yJpiOw964FVRKwPn76O9+t/VGjHHhUc7mSkh+YKDR"),
                machine(.node(3), "tealc", nil, "IOEvmjWAVUMMEuGly9TMUBq9r2kkIZ916OAMS/l1LmyE"),
                machine(.node(4), "danieljackson", nil, "IF99DUw5j8QLsFXfIuFUOachEu1PhJ41gLlLwg4G7Cr4"),
            ]))

    /// Nodes on the LAN: one by a fixed address, one by its name, one by IPv6; the users differ.
    static let bridged = HandoffFixture(
        name: "bridged", folder: "/home/you/atlantis",
        roster: Roster(
            cluster: "atlantis",
            machines: [
                lanMachine(.cbridge, "weir", "weir.local", user: "pi", "ICGVdtsVbG2DJoLwGJ+5DxQDfO2YPsiskcKJX2EprrfT"),
                lanMachine(
                    .node(1), "sheppard", "192.168.42.21", user: "pi", "IBsj0WP5jWf3XxDDCq2B8zBBFk8usZ3RmVysgnqmgeFb"),
                lanMachine(
                    .node(2), "mckay", "mckay.local", user: "rodney", "II5yJpiOw964FVRKwPn76O9+t/VGjHHhUc7mSkh+YKDR"),
                lanMachine(
                    .node(252), "ronon", "fd00::252", user: "pi", "IOEvmjWAVUMMEuGly9TMUBq9r2kkIZ916OAMS/l1LmyE"),
            ]))

    static let withoutDomain = HandoffFixture(
        name: "without domain", folder: "/home/you/sg1",
        roster: Roster(cluster: "sg1", machines: sg1.roster.machines.prefix(3).map { edited($0) { $0.domain = nil } }))

    /// The host keys of one node alone are known, from `host_key_file`.
    static let withoutIdentity = HandoffFixture(
        name: "without identity", folder: "/home/you/sg1",
        roster: Roster(
            cluster: "sg1",
            machines: sg1.roster.machines.prefix(3).map { machine in
                edited(machine) { if $0.slot != .node(2) { $0.publicKey = nil } }
            }))

    static let blanks = HandoffFixture(
        name: "blanks", folder: "/home/you/my cluster's 100% files",
        roster: Roster(
            cluster: "sg1",
            machines: sg1.roster.machines.prefix(2).map { machine in
                edited(machine) { $0.identityFiles = ["/home/you/my keys/id_ed25519"] }
            }))

    private static func machine(_ slot: Slot, _ hostname: String, _ address: String?, _ key: String) -> Roster.Machine {
        Roster.Machine(
            slot: slot, hostname: hostname, domain: "chappa.ai", address: address ?? slot.fallbackAddress ?? "",
            gateway: slot.isController ? nil : .cnat, user: "pi", publicKey: publicKey(key),
            identityFiles: ["~/.ssh/id_ed25519"])
    }

    private static func lanMachine(
        _ slot: Slot, _ hostname: String, _ address: String, user: String, _ key: String
    ) -> Roster.Machine {
        Roster.Machine(slot: slot, hostname: hostname, address: address, user: user, publicKey: publicKey(key))
    }

    private static func edited(_ machine: Roster.Machine, _ edit: (inout Roster.Machine) -> Void) -> Roster.Machine {
        var machine = machine
        edit(&machine)
        return machine
    }

    private static func publicKey(_ end: String) -> PublicKey? {
        PublicKey(line: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA\(end)")
    }
}
