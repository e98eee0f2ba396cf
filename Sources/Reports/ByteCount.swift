/// A number of bytes as a person reads it, in powers of ten: `31.9 GB`.
package struct ByteCount: CustomStringConvertible, Sendable {
    private let bytes: Int64

    package init(_ bytes: Int64) { self.bytes = bytes }

    package var description: String {
        let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
        guard bytes.magnitude >= 1000 else { return "\(bytes) bytes" }
        var tenths = bytes.magnitude / 100  // tenths of a kB
        var unit = 0
        while tenths >= 10_000, unit < units.count - 1 {
            tenths /= 1000
            unit += 1
        }
        return "\(bytes < 0 ? "-" : "")\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
