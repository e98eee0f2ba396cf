/// Follows from a disk upwards: partitions, holders, loop devices, mounts, swap.
struct DiskUsers {
    private let nodes: [String: KernelBlockDevice]
    /// What stands directly on each device.
    private var above: [String: [String]] = [:]
    private var purposes: [String: [DiskUse.Purpose]] = [:]
    private var labels: [String: String] = [:]

    init(_ tree: SystemTree, nodes all: [KernelBlockDevice]) {
        nodes = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let table = MountTable(tree)
        for node in all {
            for holder in tree.names(node.sysfsPath + "/holders") { stack(holder, on: node.name) }
            for slave in tree.names(node.sysfsPath + "/slaves") { stack(node.name, on: slave) }
            if let parent = node.parent { stack(node.name, on: parent) }
            addBacking(of: node, tree, table)
            labels[node.name] = tree.text(node.sysfsPath + "/dm/name") ?? node.backingPath(in: tree)
        }
        addMounts(table, tree)
        for path in table.swaps {
            if let name = KernelBlockDevice.deviceName(path, in: tree) { purposes[name, default: []].append(.swap) }
        }
        // A file system of several devices is mounted by one of them, under a number that is none of theirs.
        for identifier in tree.names("/sys/fs/btrfs") {
            for name in tree.names("/sys/fs/btrfs/\(identifier)/devices") {
                purposes[name, default: []].append(.member(of: identifier))
            }
        }
    }

    /// Every use of a disk, its partitions' included, in the order of the names on the way.
    func uses(of disk: String) -> [DiskUse] {
        var found: [DiskUse] = []
        follow(disk, chain: [], visited: [], into: &found)
        return found
    }

    private func follow(_ name: String, chain: [String], visited: Set<String>, into found: inout [DiskUse]) {
        guard !visited.contains(name) else { return }
        let isPartOfLast = nodes[name]?.parent.map { $0 == chain.last } ?? false
        // `sda2` says all that `sda -> sda2` does.
        let chain = (isPartOfLast ? Array(chain.dropLast()) : chain) + [name]
        for purpose in purposes[name] ?? [] {
            let use = DiskUse(chain: chain, labels: labels, purpose: purpose)
            if !found.contains(use) { found.append(use) }
        }
        let count = found.count
        for next in above[name] ?? [] { follow(next, chain: chain, visited: visited.union([name]), into: &found) }
        // Something stands on it, though nothing is mounted: it is in use all the same.
        let isHolder = chain.count > 1 && purposes[name] == nil && found.count == count
        if isHolder { found.append(DiskUse(chain: chain, labels: labels, purpose: .held)) }
    }

    private mutating func stack(_ upper: String, on lower: String) {
        if above[lower, default: []].contains(upper) == false { above[lower, default: []].append(upper) }
        above[lower]?.sort()
    }

    /// What a loop device or a compressed memory disk keeps its bytes in.
    private mutating func addBacking(of node: KernelBlockDevice, _ tree: SystemTree, _ table: MountTable) {
        for path in [node.backingPath(in: tree), tree.text(node.sysfsPath + "/backing_dev")].compactMap({ $0 }) {
            if let name = KernelBlockDevice.deviceName(path, in: tree) {
                stack(node.name, on: name)
            } else if let mount = table.mount(holding: path) {
                for name in Self.devices(of: mount, in: tree, nodes: nodes) { stack(node.name, on: name) }
            }
        }
    }

    private mutating func addMounts(_ table: MountTable, _ tree: SystemTree) {
        for mount in table.mounts {
            for name in Self.devices(of: mount, in: tree, nodes: nodes) {
                let purpose = DiskUse.Purpose.mounted(at: mount.point)
                if purposes[name]?.contains(purpose) != true { purposes[name, default: []].append(purpose) }
            }
        }
    }

    /// By number, or where that is none of a disk's, by what the mounter named: bcachefs names all, with colons.
    private static func devices(of mount: MountTable.Mount, in tree: SystemTree, nodes: [String: KernelBlockDevice])
        -> [String]
    {
        let byNumber = nodes.values.filter { $0.number == mount.number }.map(\.name)
        guard byNumber.isEmpty else { return byNumber }
        return mount.source.split(separator: ":").compactMap { KernelBlockDevice.deviceName(String($0), in: tree) }
    }
}
