package import Plans
package import Reports

/// What tells one machine of a cluster from the others; nothing of it is secret.
package struct IdentifiedMachine: Encodable, Equatable, Sendable {
    package var slot: String
    package var hostname: String
    /// As `ssh-keygen -l` prints it; nil when the key is made at the first boot.
    package var fingerprint: String?
    /// `ssh-ed25519 AAAA…`
    package var hostKey: String?
    /// Nil when it is made at the first boot.
    package var machineID: String?
    /// Of the node's end of its USB link; nil for a controller.
    package var nodeMAC: String?
    package var controllerMAC: String?

    enum CodingKeys: String, CodingKey {
        case slot, hostname, fingerprint
        case hostKey = "host_key"
        case machineID = "machine_id"
        case nodeMAC = "node_mac"
        case controllerMAC = "controller_mac"
    }
}

extension Request {
    /// The roster's machines with what follows from the cluster's secret.
    package func machines(of roster: Roster) throws(ForgeError) -> [IdentifiedMachine] {
        let settings = try ProfileErrors.wrapping(
            (profile ?? .none).settings(for: roster.machines.map(\.slot), flags: flags))
        return zip(roster.machines, settings).map { machine, of in
            IdentifiedMachine(
                slot: machine.slot.name, hostname: machine.hostname, fingerprint: machine.publicKey?.fingerprint,
                hostKey: machine.publicKey?.line, machineID: of.settings.identity?.machineID?.description,
                nodeMAC: machine.slot.linkAddresses?.node, controllerMAC: machine.slot.linkAddresses?.controller)
        }
    }
}
