import Trees

/// The header of a tar member in pax form (POSIX.1-2017, pax, "pax Interchange Format"), as bytes that follow from the
/// item alone: owners by number, no access and change times, records only where ustar's own fields are too small.
///
/// ```
/// 0 name 100   100 mode 8   108 uid 8   116 gid 8   124 size 12   136 mtime 12   148 checksum 8   156 type 1
/// 157 link name 100   257 "ustar" NUL "00"   265 owner's and group's names 64   329 major 8   337 minor 8
/// 345 prefix 155, not used: a long name is a record
/// ```
struct TarHeader {
    static let blockSize = 512

    private var fields = [UInt8](repeating: 0, count: blockSize)
    /// What stands before the header in a member of its own.
    private var records: [(key: String, value: [UInt8])] = []

    /// All the bytes before the item's own; none for a socket, which no archive holds.
    static func bytes(of item: OutputEntry) -> [UInt8] {
        guard let type = type(of: item.body) else { return [] }
        var header = TarHeader()
        header.fill(item, type: type)
        return header.extendedMember(of: item) + header.fields
    }

    /// What ends an archive of so many bytes: two blocks of zeros, and more to a whole record of 20, as GNU tar does.
    static func end(of byteCount: Int64) -> [UInt8] {
        let record = Int64(20 * blockSize)
        let whole = (byteCount + Int64(2 * blockSize) + record - 1) / record * record
        return [UInt8](repeating: 0, count: Int(whole - byteCount))
    }

    /// Zeros after a file's bytes, to a whole block.
    static func paddingCount(of byteCount: Int64) -> Int {
        (blockSize - Int(byteCount % Int64(blockSize))) % blockSize
    }

    /// `./etc/hosts`, folders with a slash at the end.
    static func name(of path: VolumePath, isFolder: Bool) -> [UInt8] {
        if path.isRoot { return Array("./".utf8) }
        return Array(".\(path)".utf8) + (isFolder ? [0x2F] : [])
    }

    /// What stands in front of a file's bytes when its holes are left out.
    static func sparseMap(of item: OutputEntry) -> TarSparseMap? {
        guard case .file(let byteCount) = item.body, let data = item.data else { return nil }
        return TarSparseMap(data, fileByteCount: byteCount)
    }

    /// What a program that knows no sparse files unpacks it as, beside its place.
    private static func name(ofSparse path: VolumePath) -> [UInt8] {
        Array(".\(path.parent.isRoot ? "" : path.parent.description)/GNUSparseFile.0/\(path.name ?? "")".utf8)
    }

    private static func type(of body: OutputEntry.Body) -> UInt8? {
        switch body {
        case .file: 0x30
        case .link: 0x31
        case .symlink: 0x32
        case .special(.characterDevice): 0x33
        case .special(.blockDevice): 0x34
        case .directory, .special(.directory): 0x35
        case .special(.fifo): 0x36
        case .special: nil
        }
    }

    private mutating func fill(_ item: OutputEntry, type: UInt8) {
        let metadata = item.metadata
        let sparseMap = Self.sparseMap(of: item)
        let name = Self.name(of: item.path, isFolder: item.body == .directory)
        putText(sparseMap == nil ? name : Self.name(ofSparse: item.path), key: "path", at: 0)
        putOctal(Int64(metadata.mode), at: 100, width: 8)
        putNumber(Int64(metadata.owner), key: "uid", at: 108, width: 8)
        putNumber(Int64(metadata.group), key: "gid", at: 116, width: 8)
        var byteCount: Int64 = 0
        if case .file(let count) = item.body { byteCount = count }
        if let sparseMap {
            records += [
                ("GNU.sparse.major", [0x31]), ("GNU.sparse.minor", [0x30]), ("GNU.sparse.name", name),
                ("GNU.sparse.realsize", Array(String(byteCount).utf8)),
            ]
            byteCount = Int64(sparseMap.bytes.count) + sparseMap.dataByteCount
        }
        putNumber(byteCount, key: "size", at: 124, width: 12)
        putTime(metadata.modified, item.nanoseconds)
        fields[156] = type
        switch item.body {
        case .symlink(let text): putText(Array(text.utf8), key: "linkpath", at: 157)
        case .link(let first): putText(Self.name(of: first, isFolder: false), key: "linkpath", at: 157)
        case .file, .directory, .special: break
        }
        put(Array("ustar".utf8) + [0, 0x30, 0x30], at: 257)
        if type == 0x33 || type == 0x34 {
            putOctal(Int64(metadata.device?.major ?? 0), at: 329, width: 8)
            putOctal(Int64(metadata.device?.minor ?? 0), at: 337, width: 8)
        }
        // A further name has the attributes of the first.
        if type != 0x31 {
            let attributes = metadata.extendedAttributes
            for name in attributes.keys.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
                records.append(("SCHILY.xattr." + name, attributes[name] ?? []))
            }
        }
        putChecksum()
    }

    private mutating func put(_ bytes: [UInt8], at offset: Int) {
        fields.replaceSubrange(offset..<(offset + bytes.count), with: bytes)
    }

    /// Octal digits and a NUL; false, and nothing written, when they do not fit.
    @discardableResult
    private mutating func putOctal(_ value: Int64, at offset: Int, width: Int) -> Bool {
        let digits = Array(String(max(0, value), radix: 8).utf8)
        guard value >= 0, digits.count < width else { return false }
        put([UInt8](repeating: 0x30, count: width - 1 - digits.count) + digits, at: offset)
        return true
    }

    private mutating func putNumber(_ value: Int64, key: String, at offset: Int, width: Int) {
        if putOctal(value, at: offset, width: width) { return }
        putOctal(0, at: offset, width: width)
        records.append((key, Array(String(value).utf8)))
    }

    /// Seconds with a fraction, or before 1970, are a record.
    private mutating func putTime(_ seconds: Int64, _ nanoseconds: UInt32) {
        if nanoseconds == 0, putOctal(seconds, at: 136, width: 12) { return }
        putOctal(max(0, seconds), at: 136, width: 12)
        records.append(("mtime", Array(Self.decimal(seconds, nanoseconds).utf8)))
    }

    /// The fraction counts upwards from the seconds, which may be negative.
    private static func decimal(_ seconds: Int64, _ nanoseconds: UInt32) -> String {
        guard nanoseconds > 0 else { return String(seconds) }
        let isNegative = seconds < 0
        let whole = isNegative ? -(seconds + 1) : seconds
        var fraction = String(isNegative ? 1_000_000_000 - nanoseconds : nanoseconds)
        fraction = String(repeating: "0", count: 9 - fraction.utf8.count) + fraction
        while fraction.hasSuffix("0") { fraction.removeLast() }
        return (isNegative ? "-" : "") + "\(whole).\(fraction)"
    }

    /// In the field when it is ASCII and fits, else a record, with a stand-in for programs that know none.
    private mutating func putText(_ text: [UInt8], key: String, at offset: Int) {
        let isPlain = text.count <= 100 && text.allSatisfy { $0 < 0x80 }
        put(isPlain ? text : text.prefix(100).map { $0 < 0x80 ? $0 : 0x5F }, at: offset)
        if !isPlain { records.append((key, text)) }
    }

    /// The sum of all bytes with the checksum's own as blanks, as six octal digits, NUL and blank.
    private mutating func putChecksum() {
        put([UInt8](repeating: 0x20, count: 8), at: 148)
        let sum = fields.reduce(0) { $0 + Int64($1) }
        putOctal(sum, at: 148, width: 7)
    }

    /// The member with the records; nothing when there are none.
    private func extendedMember(of item: OutputEntry) -> [UInt8] {
        guard !records.isEmpty else { return [] }
        let body = records.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.flatMap(Self.line)
        var header = TarHeader()
        let name = Array("./PaxHeaders/\(item.path.name ?? "")".utf8.prefix(100)).map { $0 < 0x80 ? $0 : 0x5F }
        header.put(name, at: 0)
        header.putOctal(0o644, at: 100, width: 8)
        for (offset, width) in [(108, 8), (116, 8), (136, 12)] { header.putOctal(0, at: offset, width: width) }
        header.putOctal(Int64(body.count), at: 124, width: 12)
        header.fields[156] = 0x78
        header.put(Array("ustar".utf8) + [0, 0x30, 0x30], at: 257)
        header.putChecksum()
        return header.fields + body + [UInt8](repeating: 0, count: Self.paddingCount(of: Int64(body.count)))
    }

    /// `LENGTH KEY=VALUE\n`, the length counting itself.
    private static func line(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [0x0A]
        var digits = 1
        while String(rest.count + digits).utf8.count != digits { digits += 1 }
        return Array(String(rest.count + digits).utf8) + rest
    }
}
