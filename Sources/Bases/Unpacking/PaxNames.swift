/// The names in the extended headers of a tar's member, letter by letter (POSIX.1-2017, pax, "pax Interchange Format").
///
/// libarchive composes the letters of such names (archive_string.c, SCONV_NORMALIZATION_C): an é of two code points
/// comes as one of one, so that two files get one name and links lead nowhere.
struct PaxNames {
    private var names: [[UInt8]] = []

    private static let keys: Set<String> = ["path", "linkpath", "GNU.sparse.name"]
    private static let blockSize = 512

    /// Reads the headers of a member, which begin at `start`; `bytes` gives a part of the tar, nil for what is not at hand.
    init(at start: Int64, bytes: (Range<Int64>) -> [UInt8]?) {
        var start = start
        while let header = bytes(start..<start + Int64(Self.blockSize)), let size = Self.size(in: header) {
            start += Int64(Self.blockSize)
            switch header[156] {
            case UInt8(ascii: "x"), UInt8(ascii: "X"):
                guard let body = bytes(start..<start + size) else { return }
                addRecords(body)
            // Headers that hold for all members, and GNU's long names.
            case UInt8(ascii: "g"), UInt8(ascii: "L"), UInt8(ascii: "K"): break
            default: return
            }
            start += (size + Int64(Self.blockSize) - 1) / Int64(Self.blockSize) * Int64(Self.blockSize)
        }
    }

    /// The size of what follows a header, from its octal digits; nil for more than libarchive takes.
    private static func size(in header: [UInt8]) -> Int64? {
        let digits = header[124..<136].drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
        return Int64(String(decoding: digits, as: UTF8.self), radix: 8).flatMap { $0 <= 1 << 20 ? $0 : nil }
    }

    /// Records: a length in decimal digits that counts the whole record, a blank, a key, `=`, a value, a line feed.
    private mutating func addRecords(_ body: [UInt8]) {
        var rest = body[...]
        while let blank = rest.firstIndex(of: 0x20), let count = Int(String(decoding: rest[..<blank], as: UTF8.self)),
            count > blank - rest.startIndex + 1, count <= rest.count
        {
            let record = rest[(blank + 1)..<(rest.startIndex + count)].dropLast()
            if let equals = record.firstIndex(of: 0x3D),
                Self.keys.contains(String(decoding: record[..<equals], as: UTF8.self))
            {
                names.append(Array(record[(equals + 1)...]))
            }
            rest = rest.dropFirst(count)
        }
    }

    /// What the headers have for a name that libarchive gave, where that is the same by Unicode's rules; else the name.
    func original(of name: [UInt8]) -> [UInt8] {
        guard let text = String(validating: name, as: UTF8.self) else { return name }
        return names.last { String(validating: $0, as: UTF8.self) == text } ?? name
    }
}
