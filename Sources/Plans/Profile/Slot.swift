/// Which machine of the cluster an image is for.
package enum Slot: Hashable, Sendable {
    /// The controller, nodes behind NAT on 172.19.181.0/24.
    case cnat
    /// The controller, nodes bridged to the LAN.
    case cbridge
    /// A node, 1...252.
    case node(Int)

    package static let nodeRange = 1...252

    /// The word that names the slot everywhere: `cnat`, `cbridge`, `p3`. Nil for anything else, `p03` and `P3` included.
    package init?(_ name: String) {
        switch name {
        case "cnat": self = .cnat
        case "cbridge": self = .cbridge
        default:
            guard name.hasPrefix("p"), let number = Int(name.dropFirst()), Self.nodeRange.contains(number),
                name == "p\(number)"
            else { return nil }
            self = .node(number)
        }
    }

    package var name: String {
        switch self {
        case .cnat: "cnat"
        case .cbridge: "cbridge"
        case .node(let number): "p\(number)"
        }
    }

    package var isController: Bool {
        if case .node = self { false } else { true }
    }
}

extension Slot: CustomStringConvertible {
    package var description: String { name }
}

extension Slot: Comparable {
    /// Controllers first, then the nodes by number.
    package static func < (a: Slot, b: Slot) -> Bool { a.rank < b.rank }

    private var rank: Int {
        switch self {
        case .cnat: -2
        case .cbridge: -1
        case .node(let number): number
        }
    }
}
