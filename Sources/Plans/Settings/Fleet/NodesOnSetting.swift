import Identity
package import Payload
import Trees

/// Whether a controller powers its nodes on when it starts, and has them shut down when it goes off.
enum NodesOnSetting: Setting {
    /// What `Profile` finds out of the whole cluster; a layer alone knows no other slots.
    typealias Value = Settings.Power?

    static let keys = [
        SchemaKey(
            "nodes_on", .boolean,
            "A controller powers its nodes on one after the other when it starts; with `identity` it has them shut down before it goes off.",
            example: "true")
    ]

    static let template = """

        # The controller turns its nodes on when it starts, and has them shut down before it goes off.
        # nodes_on: true
        """

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value { nil }

    static let listFile = VolumePath("/" + NodePower.listPath) ?? .root

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        switch reader.settings.power {
        case .controller?:
            try reader.look(at: NodePower.controllerPrograms)
            try reader.look(.root, listFile)
        case .node?: try reader.look(at: NodePower.nodePrograms)
        case nil: break
        }
    }

    static func plan(_ planner: inout Planner) throws(PlanError) {
        switch planner.settings.power {
        case .controller(let nodes, _)?:
            guard planner.facts.existsInSbin("clusterctrl") else {
                throw .missingInImage("/usr/sbin/clusterctrl", purpose: "turn the nodes on (`nodes_on`)")
            }
            let reason = "nodes_on: the nodes' power"
            try planner.put(listFile, text: NodePower.list(nodes), reason: reason)
            try planner.install(NodePower.controllerPrograms, reason: reason)
        case .node?: try planner.install(NodePower.nodePrograms, reason: "nodes_on: the controller turns this node off")
        case nil: break
        }
    }
}

extension Settings {
    /// A machine's part in what `nodes_on` says.
    package enum Power: Equatable, Sendable {
        /// The nodes, and the keys by which it knows them.
        case controller([NodePower.Node], [KnownHost])
        /// Its controller may shut it down.
        case node(ClusterGuest)
    }

    package var power: Power? {
        get { self[NodesOnSetting.self] }
        set { self[NodesOnSetting.self] = newValue }
    }
}
