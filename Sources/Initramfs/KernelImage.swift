import Bases
import Reports

/// A kernel as the firmware loads it: an Image, a packed one, or a zImage that unpacks itself.
package enum KernelImage {
    /// The packings that a kernel's own unpacker may use and libarchive knows, by how they begin.
    private static let magics: [[UInt8]] = [
        [0x1F, 0x8B, 0x08], [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], [0x28, 0xB5, 0x2F, 0xFD], [0x02, 0x21, 0x4C, 0x18],
    ]

    /// So many places are tried, and so many bytes unpacked in all: a kernel has one packing and 30 MiB inside.
    private static let tryLimit = 256
    private static let unpackedLimit = 256 << 20

    /// What `uname -r` says under this kernel, from its banner (Linux, init/version.c); nil when it is not found.
    package static func version(of bytes: [UInt8]) -> String? {
        var search = BannerSearch()
        if bytes.withUnsafeBytes({ search.finds(in: $0) }) { return search.version }
        // The first bytes of a packing occur elsewhere too, so each place is tried, as long as there is work left.
        var tries = tryLimit
        var byteCount = unpackedLimit
        for magic in magics {
            var start = 0
            while tries > 0, byteCount > 0,
                let found = bytes.withUnsafeBytes({ $0.offset(of: magic, from: start) })
            {
                tries -= 1
                var search = BannerSearch()
                // A failure after the banner, such as a rest that is no packed data, is of no interest.
                try? PackedBytes.unpack(bytes[found...]) { piece in
                    byteCount -= piece.count
                    return byteCount > 0 && !search.finds(in: piece)
                }
                if let version = search.version { return version }
                start = found + 1
            }
        }
        return nil
    }

    /// Looks for "Linux version NAME (" in pieces of a file.
    private struct BannerSearch {
        private static let banner = Array("Linux version ".utf8)
        private(set) var version: String?
        /// The end of the piece before, in which the banner may begin.
        private var rest: [UInt8] = []

        mutating func finds(in piece: UnsafeRawBufferPointer) -> Bool {
            var bytes = rest
            bytes.append(contentsOf: piece)
            version = bytes.withUnsafeBytes { Self.version(in: $0) }
            rest = Array(bytes.suffix(128))
            return version != nil
        }

        private static func version(in bytes: UnsafeRawBufferPointer) -> String? {
            var start = 0
            while let found = bytes.offset(of: banner, from: start) {
                start = found + banner.count
                let name = bytes[start...].prefix(65).prefix { $0 > 0x20 && $0 < 0x7F }
                // A format string such as "Linux version %s" is no banner.
                guard let first = name.first, (0x30...0x39).contains(first), name.count < 65,
                    name.endIndex < bytes.count
                else { continue }
                return String(decoding: name, as: UTF8.self)
            }
            return nil
        }
    }
}
