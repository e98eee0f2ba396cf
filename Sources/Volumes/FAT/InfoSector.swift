/// FSInfo of a FAT32 volume: two hints that a driver may trust or ignore (fatgen103, "FAT32 FSInfo Sector Structure").
///
///     0x000  4  "RRaA"     0x1E8  4  free clusters, FFFFFFFF unknown     0x1FC  4  00 00 55 AA
///     0x1E4  4  "rrAa"     0x1EC  4  where to look for a free cluster
struct InfoSector: Equatable, Sendable {
    static let byteCount = 512

    /// All bytes, the unknown ones too.
    private(set) var bytes: [UInt8]

    /// Nil when a signature is missing: then Linux ignores the sector, and so do we.
    init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        let span = bytes.span
        guard span.u32(at: 0) == 0x4161_5252, span.u32(at: 0x1E4) == 0x6141_7272, span.u32(at: 0x1FC) == 0xAA55_0000
        else { return nil }
        self.bytes = bytes
    }

    /// Free clusters as recorded; nil is "unknown".
    var freeCount: Int? {
        get {
            let value = bytes.span.u32(at: 0x1E8)
            return value == .max ? nil : Int(value)
        }
        set { bytes.set(newValue.flatMap { UInt32(exactly: $0) } ?? .max, at: 0x1E8) }
    }

    /// The cluster after which to look for a free one; nil is "unknown".
    var nextFree: Int? {
        get {
            let value = bytes.span.u32(at: 0x1EC)
            return value == .max ? nil : Int(value)
        }
        set { bytes.set(newValue.flatMap { UInt32(exactly: $0) } ?? .max, at: 0x1EC) }
    }
}
