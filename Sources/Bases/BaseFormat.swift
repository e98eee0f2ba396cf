/// How a base image is packed, recognised by its first bytes and never by its name.
package enum BaseFormat: String, Equatable, Sendable, CaseIterable {
    case raw
    case xz
    case gzip
    case zstd
    case bzip2
    case zip
    case tar

    /// What a file turned out to be.
    package enum Recognition: Equatable, Sendable {
        case format(BaseFormat)
        /// Something that is no disk image.
        case foreign(Foreign)
        /// Nothing known, and no boot signature at the end of the first sector.
        case unknown
    }

    /// As many first bytes as `recognize` wants to see: the volume descriptor of ISO 9660 stands at 32769.
    package static let headByteCount = 32768 + 16

    /// Judges the first bytes of a file; the less it is given, the fewer formats it knows.
    package static func recognize(_ head: RawSpan) -> Recognition {
        let bytes = head.array(0..<min(head.byteCount, headByteCount))
        for (format, offset, magic) in packed where matches(bytes, offset, magic) { return .format(format) }
        // A skippable frame of zstd (RFC 8878, section 3.1.2), as pzstd and seekable files begin with.
        if matches(bytes, 1, [0x2A, 0x4D, 0x18]), bytes[0] & 0xF0 == 0x50 { return .format(.zstd) }
        for (foreign, offset, magic) in Foreign.signatures where matches(bytes, offset, magic) {
            return .foreign(foreign)
        }
        if looksLikeMarkup(bytes) { return .foreign(.webPage) }
        if matches(bytes, 510, [0x55, 0xAA]) { return .format(.raw) }
        // The ext superblock begins at 1024, s_magic stands at 56 in it (fs/ext4/ext4.h).
        if matches(bytes, 1024 + 56, [0x53, 0xEF]) { return .foreign(.bareFileSystem) }
        return looksLikeText(bytes) ? .foreign(.text) : .unknown
    }

    /// What is said of something unknown.
    static let noTable = "no disk image: its first sector does not end in 0x55 0xAA"

    private typealias Signature<Meaning> = (Meaning, offset: Int, magic: [UInt8])

    private static let packed: [Signature<BaseFormat>] = [
        (.xz, 0, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00]),
        (.zstd, 0, [0x28, 0xB5, 0x2F, 0xFD]),
        (.gzip, 0, [0x1F, 0x8B, 0x08]),
        (.bzip2, 0, Array("BZh".utf8)),
        (.zip, 0, Array("PK".utf8) + [3, 4]),
        (.zip, 0, Array("PK".utf8) + [5, 6]),
        (.tar, 257, Array("ustar".utf8)),
    ]

    private static func matches(_ bytes: [UInt8], _ offset: Int, _ magic: [UInt8]) -> Bool {
        bytes.count >= offset + magic.count && bytes[offset..<(offset + magic.count)].elementsEqual(magic)
    }

    private static func looksLikeMarkup(_ bytes: [UInt8]) -> Bool {
        let start = String(decoding: bytes.prefix(64), as: UTF8.self).lowercased()
        let text = start.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        return text.hasPrefix("<!doctype") || text.hasPrefix("<html") || text.hasPrefix("<?xml")
    }

    private static func looksLikeText(_ bytes: [UInt8]) -> Bool {
        let start = bytes.prefix(512)
        return start.count == 512 && start.allSatisfy { (0x09...0x0D).contains($0) || (0x20..<0x7F).contains($0) }
    }
}
