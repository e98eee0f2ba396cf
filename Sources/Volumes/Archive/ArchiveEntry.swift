import Trees

/// One name of an archived tree, in memory and in the cached form's index.
///
/// ```
/// kind u8   mode u16   owner u32   group u32   seconds i64   nanoseconds u32   major u32   minor u32
/// identity u64 (0: none)   size i64   offset of the bytes i64   path   link's text   attributes u16, each name, value
/// ```
///
/// Little-endian; a text is its length in u32 and its bytes.
struct ArchiveEntry: Equatable {
    var path: VolumePath
    var kind: FileNode.Kind
    var metadata: FileNode.Metadata
    var nanoseconds: UInt32 = 0
    var identity: UInt64 = 0
    /// Where a file's bytes lie in the cached form.
    var bytes: Range<Int64> = 0..<0
    /// A symbolic link's.
    var text = ""

    private static let kinds: [FileNode.Kind] = [
        .file, .directory, .symlink, .characterDevice, .blockDevice, .fifo, .socket,
    ]

    func encode(to output: inout [UInt8]) {
        func put<N: FixedWidthInteger>(_ number: N) {
            for shift in stride(from: 0, to: N.bitWidth, by: 8) {
                output.append(UInt8(truncatingIfNeeded: number >> shift))
            }
        }
        func put(_ bytes: some Collection<UInt8>) {
            put(UInt32(bytes.count))
            output += bytes
        }
        put(UInt8(Self.kinds.firstIndex(of: kind) ?? 0))
        put(metadata.mode)
        put(metadata.owner)
        put(metadata.group)
        put(metadata.modified)
        put(nanoseconds)
        put(metadata.device?.major ?? 0)
        put(metadata.device?.minor ?? 0)
        put(identity)
        put(bytes.upperBound - bytes.lowerBound)
        put(bytes.lowerBound)
        put(path.description.utf8)
        put(text.utf8)
        put(UInt16(metadata.extendedAttributes.count))
        for name in metadata.extendedAttributes.keys.sorted() {
            put(name.utf8)
            put(metadata.extendedAttributes[name] ?? [])
        }
    }

    /// Nil when the bytes are no such entry; `limit` is where files' bytes end.
    init?(from input: inout ByteCursor, limit: Int64) {
        guard let kind = input.number(UInt8.self), Int(kind) < Self.kinds.count, let mode = input.number(UInt16.self),
            let owner = input.number(UInt32.self), let group = input.number(UInt32.self),
            let modified = input.number(Int64.self), let nanoseconds = input.number(UInt32.self),
            let major = input.number(UInt32.self), let minor = input.number(UInt32.self),
            let identity = input.number(UInt64.self), let size = input.number(Int64.self),
            let offset = input.number(Int64.self), let path = input.text().flatMap({ VolumePath($0) }),
            let text = input.text(), let count = input.number(UInt16.self),
            size >= 0, offset >= 0, size <= limit, offset <= limit - size
        else { return nil }
        var attributes: [String: [UInt8]] = [:]
        for _ in 0..<count {
            guard let name = input.text(), let value = input.bytes() else { return nil }
            attributes[name] = value
        }
        self.path = path
        self.kind = Self.kinds[Int(kind)]
        let isDevice = self.kind == .characterDevice || self.kind == .blockDevice
        metadata = FileNode.Metadata(
            mode: mode, owner: owner, group: group, modified: modified, extendedAttributes: attributes,
            device: isDevice ? .init(major: major, minor: minor) : nil)
        self.nanoseconds = nanoseconds
        self.identity = identity
        bytes = offset..<(offset + size)
        self.text = text
    }

    init(path: VolumePath, kind: FileNode.Kind, metadata: FileNode.Metadata) {
        self.path = path
        self.kind = kind
        self.metadata = metadata
    }
}

/// Takes numbers and texts from bytes, and nil beyond their end.
struct ByteCursor {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func number<N: FixedWidthInteger>(_ type: N.Type) -> N? {
        let count = N.bitWidth / 8
        guard rest.count >= count else { return nil }
        var value: N = 0
        for (index, byte) in rest.prefix(count).enumerated() { value |= N(truncatingIfNeeded: byte) << (8 * index) }
        rest = rest.dropFirst(count)
        return value
    }

    mutating func bytes() -> [UInt8]? {
        guard let count = number(UInt32.self), rest.count >= Int(count) else { return nil }
        let bytes = Array(rest.prefix(Int(count)))
        rest = rest.dropFirst(Int(count))
        return bytes
    }

    mutating func text() -> String? { bytes().flatMap { String(validating: $0, as: UTF8.self) } }
}
