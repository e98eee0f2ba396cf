/// A range of IPv4 addresses with one prefix.
package struct IPv4Network: Equatable, Sendable, CustomStringConvertible {
    /// The first address.
    private let number: UInt32
    /// 0...32
    package let prefix: Int

    /// Reads `10.181.0.0/16`; nil unless all bits behind the prefix are zero.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let number = Self.number(parts[0]), let prefix = Int(parts[1]),
            String(prefix) == parts[1], (0...32).contains(prefix), number & ~Self.mask(prefix) == 0
        else { return nil }
        (self.number, self.prefix) = (number, prefix)
    }

    /// The network that a host's address with its prefix is in: 192.168.1.0/24 of `192.168.1.20/24`.
    package init?(around text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, let number = Self.number(parts[0]), let prefix = Int(parts[1]),
            (0...32).contains(prefix)
        else { return nil }
        (self.number, self.prefix) = (number & Self.mask(prefix), prefix)
    }

    package func overlaps(_ other: IPv4Network) -> Bool {
        let mask = Self.mask(min(prefix, other.prefix))
        return number & mask == other.number & mask
    }

    package func contains(_ address: String) -> Bool {
        Self.number(address).map { $0 & Self.mask(prefix) == number } ?? false
    }

    private static func mask(_ prefix: Int) -> UInt32 { prefix == 0 ? 0 : UInt32.max << UInt32(32 - prefix) }

    private static func number(_ text: String) -> UInt32? {
        guard Validation.isIPv4(text) else { return nil }
        return text.split(separator: ".").compactMap { UInt32($0) }.reduce(0) { $0 << 8 | $1 }
    }

    package var description: String {
        let bytes = [24, 16, 8, 0].map { String(number >> UInt32($0) & 0xFF) }
        return bytes.joined(separator: ".") + "/\(prefix)"
    }
}
