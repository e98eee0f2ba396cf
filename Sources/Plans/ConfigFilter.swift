/// Which boards and circumstances the lines of config.txt hold for, as the `[…]` headers before them say.
///
/// Filters of one kind replace each other, filters of different kinds add up, `[all]` ends them (Raspberry Pi
/// documentation, config_txt/conditional.adoc).
package struct ConfigFilter: Equatable, Sendable {
    enum Kind: Hashable, Sendable {
        case model, serial, edid, gpio, hdmi, boardType, tryboot, other
    }

    private(set) var parts: [Kind: String] = [:]

    package static let all = ConfigFilter()

    package var isAll: Bool { parts.isEmpty }

    /// The filter after a header with this name, such as `pi4`, `all`, `gpio4=1`.
    package func entering(_ name: String) -> ConfigFilter {
        if name == "all" { return .all }
        var result = self
        result.parts[Self.kind(of: name)] = name
        return result
    }

    /// Whether the lines count on a board. Filters that depend on what is plugged in, on the serial number or on a
    /// one-time boot are taken as not met.
    package func matches(_ board: Board) -> Bool {
        parts.allSatisfy { $0.key == .model && board.filters.contains($0.value) }
    }

    private static func kind(of name: String) -> Kind {
        let small = name.lowercased()
        if small.hasPrefix("pi") || small.hasPrefix("cm") || small == "none" { return .model }
        if small.hasPrefix("0x") { return .serial }
        if small.hasPrefix("edid=") { return .edid }
        if small.hasPrefix("gpio") { return .gpio }
        if small.hasPrefix("hdmi:") { return .hdmi }
        if small.hasPrefix("board-type=") { return .boardType }
        return small == "tryboot" ? .tryboot : .other
    }
}

/// A model of the Raspberry Pi, as far as config.txt can tell them apart.
package enum Board: String, CaseIterable, Sendable {
    case zero, zeroW, zero2W, pi1, pi2, pi3, pi3Plus, pi4, pi400, cm4, pi5, pi500, cm5

    /// The section names that hold for it.
    package var filters: Set<String> {
        switch self {
        case .zero: ["pi0"]
        case .zeroW: ["pi0", "pi0w"]
        case .zero2W: ["pi0", "pi02"]
        case .pi1: ["pi1"]
        case .pi2: ["pi2"]
        case .pi3: ["pi3"]
        case .pi3Plus: ["pi3", "pi3+"]
        case .pi4: ["pi4"]
        case .pi400: ["pi4", "pi400"]
        case .cm4: ["pi4", "cm4"]
        case .pi5: ["pi5"]
        case .pi500: ["pi5", "pi500"]
        case .cm5: ["pi5", "cm5"]
        }
    }

    /// The boards that a node of a cluster can be: they are USB devices.
    package static let nodes: [Board] = [.zero, .zeroW, .zero2W]
    package static let controllers: [Board] = allCases.filter { !nodes.contains($0) }
}
