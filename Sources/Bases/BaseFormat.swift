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
        /// Something that is no disk image, in words for a message.
        case foreign(String)
        /// Nothing known, and no boot signature at the end of the first sector.
        case unknown
    }

    /// As many first bytes as `recognize` wants to see: the volume descriptor of ISO 9660 stands at 32769.
    package static let headByteCount = 32768 + 16

    /// Judges the first bytes of a file; the less it is given, the fewer formats it knows.
    package static func recognize(_ head: RawSpan) -> Recognition {
        let bytes = head.array(0..<min(head.byteCount, headByteCount))
        for (format, offset, magic) in packed where matches(bytes, offset, magic) { return .format(format) }
        for (name, offset, magic) in foreign where matches(bytes, offset, magic) { return .foreign(name) }
        if looksLikeMarkup(bytes) { return .foreign("a web page (was the download answered with an error?)") }
        return matches(bytes, 510, [0x55, 0xAA]) ? .format(.raw) : .unknown
    }

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

    private static let foreign: [Signature<String>] = [
        ("a 7-Zip archive", 0, [0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C]),
        ("a RAR archive", 0, Array("Rar!".utf8) + [0x1A, 0x07]),
        ("an lzip file", 0, Array("LZIP".utf8)),
        ("an LZ4 file", 0, [0x04, 0x22, 0x4D, 0x18]),
        ("an old .lzma file", 0, [0x5D, 0x00, 0x00]),
        ("an ISO 9660 image", 32769, Array("CD001".utf8)),
        ("a qcow2 disk", 0, Array("QFI".utf8) + [0xFB]),
        ("a VMDK disk", 0, Array("KDMV".utf8)),
        ("a VHDX disk", 0, Array("vhdxfile".utf8)),
        ("a VirtualBox disk", 64, [0x7F, 0x10, 0xDA, 0xBE]),
        ("an Android sparse image", 0, [0x3A, 0xFF, 0x26, 0xED]),
        ("a SquashFS file system", 0, Array("hsqs".utf8)),
        ("a Debian package", 0, Array("!<arch>".utf8)),
        ("a part of a multi-volume zip", 0, Array("PK".utf8) + [7, 8]),
        ("a PDF document", 0, Array("%PDF-".utf8)),
        ("an executable", 0, [0x7F] + Array("ELF".utf8)),
    ]

    private static func matches(_ bytes: [UInt8], _ offset: Int, _ magic: [UInt8]) -> Bool {
        bytes.count >= offset + magic.count && bytes[offset..<(offset + magic.count)].elementsEqual(magic)
    }

    private static func looksLikeMarkup(_ bytes: [UInt8]) -> Bool {
        let start = String(decoding: bytes.prefix(64), as: UTF8.self).lowercased()
        let text = start.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        return text.hasPrefix("<!doctype") || text.hasPrefix("<html") || text.hasPrefix("<?xml")
    }
}
