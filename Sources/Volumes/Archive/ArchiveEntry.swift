import Trees

/// One name of an archived tree, as it lies in the index of the cached form.
///
/// ```
/// parent u32   kind u8   mode u16   owner u32   group u32   seconds i64   nanoseconds u32   major u32   minor u32
/// identity u64 (0: none)   size i64   offset of the bytes i64   name   link's text   attributes u16, each name, value
/// ```
///
/// Little-endian; a text is its length in u32 and its bytes. `parent` is the place in the index of the folder that the
/// name is in; the root is its own.
struct ArchiveEntry: Equatable {
    var parent: UInt32 = 0
    /// Empty for the root.
    var name = ""
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

    /// Where the kind stands in an encoded entry, and where the name does.
    private static let kindOffset = 4
    private static let nameOffset = 4 + 1 + 2 + 4 + 4 + 8 + 4 + 4 + 4 + 8 + 8 + 8

    init(kind: FileNode.Kind, metadata: FileNode.Metadata) {
        self.kind = kind
        self.metadata = metadata
    }

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
        put(parent)
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
        put(name.utf8)
        put(text.utf8)
        put(UInt16(metadata.extendedAttributes.count))
        for name in metadata.extendedAttributes.keys.sorted() {
            put(name.utf8)
            put(metadata.extendedAttributes[name] ?? [])
        }
    }

    /// Nil when the bytes are no such entry; `limit` is where files' bytes end.
    init?(from input: inout ByteCursor, limit: Int64) {
        guard let parent = input.number(UInt32.self), let kind = input.number(UInt8.self), Int(kind) < Self.kinds.count,
            let mode = input.number(UInt16.self), let owner = input.number(UInt32.self),
            let group = input.number(UInt32.self), let modified = input.number(Int64.self),
            let nanoseconds = input.number(UInt32.self), let major = input.number(UInt32.self),
            let minor = input.number(UInt32.self), let identity = input.number(UInt64.self),
            let size = input.number(Int64.self), let offset = input.number(Int64.self), let name = input.text(),
            let text = input.text(), let count = input.number(UInt16.self),
            size >= 0, offset >= 0, size <= limit, offset <= limit - size
        else { return nil }
        var attributes: [String: [UInt8]] = [:]
        for _ in 0..<count {
            guard let name = input.text(), let value = input.bytes() else { return nil }
            attributes[name] = value
        }
        self.parent = parent
        self.name = name
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

    /// Where the name's bytes lie in an entry that begins at `start` of `encoded`; nil when they leave it.
    static func nameRange(at start: Int, in encoded: [UInt8]) -> Range<Int>? {
        var input = ByteCursor(encoded, from: start + nameOffset)
        guard let count = input.number(UInt32.self), input.position <= encoded.count - Int(count) else { return nil }
        return input.position..<(input.position + Int(count))
    }

    /// Whether the entry that begins at `start` of `encoded` is a folder's.
    static func isFolder(at start: Int, in encoded: [UInt8]) -> Bool {
        let place = start + kindOffset
        return place < encoded.count && Int(encoded[place]) == kinds.firstIndex(of: .directory)
    }
}

/// Takes numbers and texts from bytes, and nil beyond their end.
struct ByteCursor {
    private let source: [UInt8]
    private(set) var position: Int

    init(_ bytes: [UInt8], from position: Int = 0) {
        source = bytes
        self.position = position
    }

    var isAtEnd: Bool { position >= source.count }

    mutating func number<N: FixedWidthInteger>(_ type: N.Type) -> N? {
        let count = N.bitWidth / 8
        guard position <= source.count - count else { return nil }
        var value: N = 0
        for index in 0..<count { value |= N(truncatingIfNeeded: source[position + index]) << (8 * index) }
        position += count
        return value
    }

    mutating func bytes() -> [UInt8]? {
        guard let count = number(UInt32.self), position <= source.count - Int(count) else { return nil }
        defer { position += Int(count) }
        return Array(source[position..<(position + Int(count))])
    }

    mutating func text() -> String? { bytes().flatMap { String(validating: $0, as: UTF8.self) } }
}
