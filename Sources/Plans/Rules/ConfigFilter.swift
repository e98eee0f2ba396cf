/// Which boards and circumstances the lines of config.txt hold for, as the `[…]` headers before them say.
///
/// Filters of one kind replace each other, filters of different kinds add up, `[all]` ends them (Raspberry Pi
/// documentation, config_txt/conditional.adoc).
package struct ConfigFilter: Hashable, Sendable {
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
