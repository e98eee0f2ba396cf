/// Writes the data types of RFC 4251, section 5.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    mutating func writeRaw(_ raw: some Sequence<UInt8>) { bytes += raw }

    mutating func writeUInt32(_ value: UInt32) {
        bytes += [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    /// A length in four bytes, most significant first, and that many bytes.
    mutating func writeString(_ string: [UInt8]) {
        writeUInt32(UInt32(truncatingIfNeeded: string.count))
        bytes += string
    }
}

/// Reads the data types of RFC 4251, section 5, from bytes of anybody; `nil` where they end too early.
struct WireReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }
    var remaining: ArraySlice<UInt8> { rest }

    mutating func readRaw(_ count: Int) -> ArraySlice<UInt8>? {
        guard count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func readUInt32() -> UInt32? {
        readRaw(4).map { $0.reduce(0) { $0 << 8 | UInt32($1) } }
    }

    mutating func readString() -> ArraySlice<UInt8>? {
        guard let count = readUInt32() else { return nil }
        return readRaw(Int(count))
    }
}
