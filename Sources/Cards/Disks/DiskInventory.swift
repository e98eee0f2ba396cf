/// Every disk of a machine with everything that uses it, read at one moment.
package struct DiskInventory: Equatable, Sendable {
    /// In the order of their names.
    package var disks: [Disk]
    /// The disk of every device number, those of partitions included.
    private var owners: [DeviceNumber: Location]

    /// Whole disk or partition, by kernel's names.
    package struct Location: Equatable, Sendable {
        package var disk: String
        package var partition: String?
    }

    /// Reads sysfs and procfs; `root` is a folder that stands for `/` in tests.
    package static func read(root: String = "") -> DiskInventory {
        let tree = SystemTree(root: root)
        let nodes = KernelBlockDevice.all(in: tree)
        let users = DiskUsers(tree, nodes: nodes)
        var owners: [DeviceNumber: Location] = [:]
        for node in nodes {
            owners[node.number] = Location(
                disk: node.parent ?? node.name, partition: node.parent == nil ? nil : node.name)
        }
        let disks = nodes.filter { $0.parent == nil && !$0.isHidden }.map { node in
            node.disk(in: tree, partitions: nodes.filter { $0.parent == node.name }, uses: users.uses(of: node.name))
        }
        return DiskInventory(disks: disks.sorted { $0.name < $1.name }, owners: owners)
    }

    /// What a device number stands for.
    package func location(of number: DeviceNumber) -> Location? { owners[number] }

    package func disk(named name: String) -> Disk? { disks.first { $0.name == name } }

    package func disk(numbered number: DeviceNumber) -> Disk? { disks.first { $0.number == number } }
}
