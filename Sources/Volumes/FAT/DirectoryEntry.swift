/// One slot of a folder that names a file or folder; unread bytes stay as they are.
///
/// Source: fatgen103, "FAT Directory Structure"; byte 0x0C: Linux, fs/fat/dir.c, CASE_LOWER_BASE and CASE_LOWER_EXT.
///
///     0x00 11  name, padded with spaces      0x0E 2  creation time     0x16 2  write time
///     0x0B  1  attributes                    0x10 2  creation date     0x18 2  write date
///     0x0C  1  lower-case flags              0x12 2  access date       0x1A 2  cluster, low half
///     0x0D  1  creation time, 10 ms          0x14 2  cluster, high     0x1C 4  size in bytes
struct DirectoryEntry: Equatable, Sendable {
    static let byteCount = 32

    /// The first byte of a slot that was given up, and of the slot after the last one.
    static let deletedMark: UInt8 = 0xE5
    static let endMark: UInt8 = 0x00

    struct Attributes: OptionSet, Sendable {
        var rawValue: UInt8
        static let readOnly = Attributes(rawValue: 0x01)
        static let volumeLabel = Attributes(rawValue: 0x08)
        static let directory = Attributes(rawValue: 0x10)
        static let archive = Attributes(rawValue: 0x20)
        /// All of the low four, in a mask of six: a part of a long name.
        static let longName = Attributes(rawValue: 0x0F)
        static let longNameMask = Attributes(rawValue: 0x3F)
    }

    private(set) var bytes: [UInt8]

    /// A copy of one slot; nil unless there are 32 bytes.
    init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = Array(bytes)
    }

    /// A new entry, of which all three times are the same.
    init(
        name: ShortName, attributes: Attributes, cluster: Int, of kind: BootSector.Kind, size: UInt32,
        time: DirectoryTime
    ) {
        bytes = name.bytes + [UInt8](repeating: 0, count: Self.byteCount - ShortName.byteCount)
        bytes[0x0B] = attributes.rawValue
        bytes[0x0C] = name.caseFlags.rawValue
        bytes.set(time.time, at: 0x0E)
        bytes.set(time.date, at: 0x10)
        bytes.set(time.date, at: 0x12)
        setCluster(cluster, kind)
        self.size = size
        written = time
    }

    var name: ShortName { ShortName(bytes: Array(bytes[..<11]), caseFlags: .init(rawValue: bytes[0x0C] & 0x18)) }

    var attributes: Attributes { Attributes(rawValue: bytes[0x0B]) }

    var isDirectory: Bool { attributes.contains(.directory) }

    /// First cluster of the chain; 0 for an empty file, and for the root folder in `..`.
    ///
    /// The high half counts on FAT32 only; elsewhere it may hold something else (OS/2 attributes).
    func cluster(_ kind: BootSector.Kind) -> Int {
        let high = kind == .fat32 ? Int(bytes.span.u16(at: 0x14)) << 16 : 0
        return high | Int(bytes.span.u16(at: 0x1A))
    }

    mutating func setCluster(_ cluster: Int, _ kind: BootSector.Kind) {
        if kind == .fat32 { bytes.set(UInt16(truncatingIfNeeded: cluster >> 16), at: 0x14) }
        bytes.set(UInt16(truncatingIfNeeded: cluster), at: 0x1A)
    }

    /// Bytes of a file; 0 for a folder.
    var size: UInt32 {
        get { bytes.span.u32(at: 0x1C) }
        set { bytes.set(newValue, at: 0x1C) }
    }

    var written: DirectoryTime {
        get { DirectoryTime(date: bytes.span.u16(at: 0x18), time: bytes.span.u16(at: 0x16)) }
        set {
            bytes.set(newValue.time, at: 0x16)
            bytes.set(newValue.date, at: 0x18)
        }
    }
}
