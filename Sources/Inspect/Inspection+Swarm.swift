import Plans
import Trees

extension Inspection {
    /// The swarm that the machine belongs to, once it runs.
    package struct Swarm: Encodable, Equatable, Sendable {
        package var cluster: String
        /// `manager` or `worker`.
        package var role: Role
        /// Its own address in the swarm.
        package var address: String?
        /// Whom a worker asks.
        package var manager: String?
        /// What a manager makes and deploys; a secret is its name alone.
        package var networks: [String]
        package var secrets: [String]
        package var stacks: [String]

        package enum Role: String, Encodable, Sendable { case manager, worker }
    }
}

extension InspectionReader {
    /// Nil for a machine that no swarm was set up for.
    func swarm() throws(VolumeError) -> Inspection.Swarm? {
        let folder = Settings.swarmFolder
        guard hasRoot, let file = folder.appending("swarm.conf"), let lines = try source.settings(.root, file) else {
            return nil
        }
        func value(_ name: String) -> String? {
            lines.last { $0.hasPrefix(name + "=") }.map { String($0.dropFirst(name.utf8.count + 1)) }
        }
        func names(_ name: String) throws(VolumeError) -> [String] {
            guard let path = folder.appending(name) else { return [] }
            return try source.names(.root, path).sorted()
        }
        guard let cluster = value("CLUSTER") else { return nil }
        let networks = try folder.appending("networks").flatMap { (path) throws(VolumeError) in
            try source.settings(.root, path)
        }
        return Inspection.Swarm(
            cluster: cluster, role: value("MANAGER") == nil ? .manager : .worker, address: value("ADDRESS"),
            manager: value("MANAGER"), networks: networks ?? [], secrets: try names("secrets"),
            stacks: try names("stacks").filter { $0.hasSuffix(".yaml") }.map { String($0.dropLast(5)) })
    }

    /// The nodes that a controller powers on, by their slots.
    func poweredNodes() throws(VolumeError) -> [String] {
        guard hasRoot else { return [] }
        return (try source.settings(.root, Settings.nodesFile) ?? []).compactMap(\.blankSeparated.first)
    }
}

extension Inspection {
    /// Lines for a person.
    var swarmLines: [String] {
        var lines: [String] = []
        if let swarm {
            switch swarm.role {
            case .worker:
                lines.append("a node of \(swarm.cluster)'s swarm; asks \(swarm.manager ?? "nobody") for a ticket")
            case .manager: lines.append("makes the swarm of \(swarm.cluster), at \(swarm.address ?? "no address")")
            }
            for (what, names) in [("networks", swarm.networks), ("secrets", swarm.secrets), ("stacks", swarm.stacks)]
            where !names.isEmpty {
                lines.append("\(what): \(names.joined(separator: ", "))")
            }
        }
        if !poweredNodes.isEmpty {
            lines.append("powers on \(poweredNodes.joined(separator: ", ")), one after the other")
        }
        return lines
    }
}
