/// Which machine of the cluster an image is for.
package enum Slot: Hashable, Sendable {
    /// The controller, nodes behind NAT on 172.19.181.0/24.
    case cnat
    /// The controller, nodes bridged to the LAN.
    case cbridge
    /// A node, 1...252.
    case node(Int)
    /// A machine that is no part of a ClusterHAT, by its name.
    case plain(String)

    package static let nodeRange = 1...252
    /// The plain machine that needs no profile to be named.
    package static let anyPlain = Slot.plain("plain")

    /// The word that names the slot everywhere: `cnat`, `cbridge`, `p3`, `plain`. Nil for anything else, `p03` and `P3` included.
    package init?(_ name: String) {
        switch name {
        case "cnat": self = .cnat
        case "cbridge": self = .cbridge
        case "plain": self = .anyPlain
        default:
            guard name.hasPrefix("p"), let number = Int(name.dropFirst()), Self.nodeRange.contains(number),
                name == "p\(number)"
            else { return nil }
            self = .node(number)
        }
    }

    /// The same from what piforge wrote down itself, where a plain machine's name stands as well.
    package static func recorded(_ name: String) -> Slot? {
        Slot(name) ?? (try? plain(named: name))
    }

    /// A plain machine of that name.
    package static func plain(named name: String) throws(Refusal) -> Slot {
        try checkPlain(name)
        return .plain(name)
    }

    /// A host name that no other slot could be meant by.
    private static func checkPlain(_ name: String) throws(Refusal) {
        try Validation.hostname(name)
        let isOther = name == "all" || name == "p" || name.dropFirst().utf8.allSatisfy(Validation.isDigit)
        if ["cnat", "cbridge", "all"].contains(name) || isOther && name.hasPrefix("p") {
            throw Refusal("`\(name)` cannot be the name of a plain machine", hint: "nas: {role: plain}")
        }
    }

    package var name: String {
        switch self {
        case .cnat: "cnat"
        case .cbridge: "cbridge"
        case .node(let number): "p\(number)"
        case .plain(let name): name
        }
    }
}

// MARK: - Roles

extension Slot {
    /// What a machine is to the others.
    package enum Role: String, CaseIterable, Sendable { case controller, node, plain }

    package var role: Role {
        switch self {
        case .cnat, .cbridge: .controller
        case .node: .node
        case .plain: .plain
        }
    }

    package var isController: Bool { role == .controller }
    package var isNode: Bool { role == .node }
    package var isPlain: Bool { role == .plain }

    /// The boards that the machine can be.
    package var boards: [Board] {
        switch role {
        case .controller: Board.controllers
        case .node: Board.nodes
        case .plain: Board.allCases
        }
    }
}

extension Slot: CustomStringConvertible {
    package var description: String { name }
}

extension Slot: Comparable {
    /// Controllers first, then the nodes by number, then plain machines by name.
    package static func < (a: Slot, b: Slot) -> Bool { a.rank < b.rank }

    private var rank: (Int, String) {
        switch self {
        case .cnat: (-2, "")
        case .cbridge: (-1, "")
        case .node(let number): (number, "")
        case .plain(let name): (Int.max, name)
        }
    }
}
