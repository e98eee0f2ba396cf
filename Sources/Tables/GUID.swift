import Blocks

/// A globally unique identifier as GPT stores it: three little-endian numbers, then eight bytes in order
/// (UEFI specification, appendix A).
package struct GUID: Hashable, Sendable, CustomStringConvertible {
    package static let byteCount = 16

    /// The bytes as they stand on disk; always 16.
    package let bytes: [UInt8]

    package static let zero = GUID(checked: [UInt8](repeating: 0, count: byteCount))

    /// `nil` unless there are exactly 16 bytes, in on-disk order.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// Reads `c12a7328-f81f-11d2-ba4b-00a0c93ec93b`, in either case.
    package init?(_ text: String) {
        let groups = text.split(separator: "-", omittingEmptySubsequences: false)
        guard groups.map(\.count) == [8, 4, 4, 4, 12] else { return nil }
        var bytes: [UInt8] = []
        for (index, group) in groups.enumerated() {
            guard group.utf8.allSatisfy({ $0 != UInt8(ascii: "+") }), let value = UInt64(group, radix: 16) else {
                return nil
            }
            let width = group.count / 2
            let ordered = (0..<width).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
            bytes += index < 3 ? ordered : ordered.reversed()
        }
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    init(checked bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Lower-case, as Linux writes a PARTUUID.
    package var description: String {
        let order = [[3, 2, 1, 0], [5, 4], [7, 6], [8, 9], [10, 11, 12, 13, 14, 15]]
        return order.map { group in group.map { hexDigits(bytes[$0], width: 2) }.joined() }.joined(separator: "-")
    }
}
