package import Identity

/// The machines of one cluster as others reach them: the slots of a profile with their names, addresses and public keys.
package struct Roster: Equatable, Sendable {
    package var cluster: String
    /// Controllers first, then the nodes by number.
    package var machines: [Machine]

    package init(cluster: String, machines: [Machine]) {
        self.cluster = cluster
        self.machines = machines.sorted { $0.slot < $1.slot }
    }

    package struct Machine: Equatable, Sendable {
        package var slot: Slot
        package var hostname: String
        /// The cluster's DNS domain.
        package var domain: String?
        /// An IPv4 or IPv6 address, or a name that DNS or mDNS resolves.
        package var address: String
        /// Its address as the other machines of the cluster see it; nil when nothing says that it stays the same.
        package var addressInside: String?
        /// The controller through which the machine is reached; nil when it is reached directly.
        package var gateway: Slot?
        /// The login name.
        package var user: String
        /// Nil when the host keys are made on the Pi.
        package var publicKey: PublicKey?
        /// Private keys on this computer whose public halves the machine accepts, as ssh_config(5) takes their paths.
        package var identityFiles: [String]

        package init(
            slot: Slot, hostname: String, domain: String? = nil, address: String, addressInside: String? = nil,
            gateway: Slot? = nil, user: String,
            publicKey: PublicKey? = nil, identityFiles: [String] = []
        ) {
            self.slot = slot
            self.hostname = hostname
            self.domain = domain
            self.address = address
            self.addressInside = addressInside
            self.gateway = gateway
            self.user = user
            self.publicKey = publicKey
            self.identityFiles = identityFiles
        }
    }
}

extension Roster {
    /// The name that no other cluster has, such as `sg1-p3`; known_hosts lists the machine's key by it.
    package func alias(_ slot: Slot) -> String { "\(cluster)-\(slot.name)" }

    /// What a machine answers to: host name, full name, alias; each once.
    package func names(of machine: Machine) -> [String] {
        var names = [machine.hostname]
        if let domain = machine.domain { names.append("\(machine.hostname).\(domain)") }
        let alias = alias(machine.slot)
        return names.contains(alias) ? names : names + [alias]
    }

    /// By which the machines of the cluster call each other: full name, host name, slot; each once.
    package func namesInside(of machine: Machine) -> [String] {
        [machine.domain.map { "\(machine.hostname).\($0)" }, machine.hostname, machine.slot.name].compactMap { $0 }
            .unique
    }

    /// A name that two machines have, with both; nil when each name means one machine.
    package var sharedName: (name: String, slots: [Slot])? {
        var owners: [String: Slot] = [:]
        for machine in machines {
            for name in names(of: machine) {
                if let other = owners[name] { return (name, [other, machine.slot]) }
                owners[name] = machine.slot
            }
        }
        return nil
    }

    /// Whether all machines' host keys are known.
    package var knowsAllKeys: Bool { machines.allSatisfy { $0.publicKey != nil } }
}
