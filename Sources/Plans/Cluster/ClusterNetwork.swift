package import Trees

/// A network with 256 addresses, of which 8086's scripts give each machine the one with its number.
package struct ClusterNetwork: Sendable {
    /// Between the machines of a cluster, where no DHCP server gives other addresses.
    package static let data = ClusterNetwork(prefix: "172.19.181.")
    /// Between a controller and nodes without cards, which boot over it: VLAN 10 of their USB links.
    package static let boot = ClusterNetwork(prefix: "172.19.180.")

    /// The first three numbers of every address, with their dots.
    package let prefix: String

    package func address(of number: Int) -> String { prefix + String(number) }

    /// The controller's own.
    package var controller: String { address(of: 254) }

    /// All addresses, as `/etc/exports` has them.
    package var all: String { prefix + "0/24" }
}

/// Where a controller keeps the trees of nodes without cards.
package enum NodeTreeFolder {
    package static let all: VolumePath = "/var/lib/clusterctrl/nfs"

    /// `/var/lib/clusterctrl/nfs/pN`.
    package static func of(_ slot: Slot) -> VolumePath { all.appending(slot.name) ?? all }

    /// The same as a node names it: the NFS server's address, a colon and the folder.
    package static func export(of slot: Slot) -> String { "\(ClusterNetwork.boot.controller):\(of(slot))" }
}
