import Blocks
import CArchive
import Glibc

/// libarchive over a file or over what comes out of a packed one: the members of a zip or tar.
final class ArchiveReader {
    /// What an archive says about a member before its bytes.
    struct Member: Equatable, Sendable {
        var name: String
        var isRegular: Bool
        var isEncrypted: Bool
        /// Bytes when unpacked, where the archive says it.
        var byteCount: Int64?
        /// libarchive's word for how a zip's member is packed; nil in every other format.
        var method: String?
    }

    private let archive: OpaquePointer
    /// What the archive is, or what is around it: said in errors.
    private let format: BaseFormat
    private let path: String
    private let feed: ArchiveFeed?
    /// Whether a member's header was read, so that its bytes may have to be skipped.
    private var isAtMember = false
    /// Where the current member's headers begin in the tar.
    private var headerOffset: Int64 = 0

    /// Bytes of one member's headers at most: libarchive keeps lists of sparse parts of any length in memory.
    private static let headerLimit: Int64 = 8 << 20

    /// The members of a zip that lies in a file; libarchive looks for its directory.
    static func zip(_ file: OpenFile) throws(BaseImageError) -> ArchiveReader {
        let reader = try ArchiveReader(.zip, path: file.path)
        // The streaming reader would take a zip without its directory, that is, a truncated one.
        try reader.check(archive_read_support_format_zip_seekable(reader.archive))
        try reader.open(file)
        return reader
    }

    /// The members of a tar that comes out of a file, or of something packed as `format`.
    static func tar(
        in stream: any ByteStream, format: BaseFormat, path: String
    ) throws(BaseImageError) -> ArchiveReader {
        let feed = ArchiveFeed(stream)
        let reader = try ArchiveReader(format, path: path, feed: feed)
        try reader.check(archive_read_support_format_tar(reader.archive))
        // The reader owns the feed and outlives libarchive's use of it.
        let data = Unmanaged.passUnretained(feed).toOpaque()
        try reader.check(archive_read_open(reader.archive, data, nil, ArchiveFeed.read, nil))
        return reader
    }

    /// The one stream in a .bz2 file, as a member.
    static func bzip2(_ file: OpenFile) throws(BaseImageError) -> ArchiveReader {
        let reader = try ArchiveReader(.bzip2, path: file.path)
        try reader.check(archive_read_support_filter_bzip2(reader.archive))
        try reader.check(archive_read_support_format_raw(reader.archive))
        try reader.open(file)
        return reader
    }

    private init(_ format: BaseFormat, path: String, feed: ArchiveFeed? = nil) throws(BaseImageError) {
        guard let archive = archive_read_new() else {
            throw .block(.system(errno: ENOMEM, operation: "open", path: path))
        }
        self.archive = archive
        self.format = format
        self.path = path
        self.feed = feed
    }

    private func open(_ file: OpenFile) throws(BaseImageError) {
        guard lseek(file.descriptor, 0, SEEK_SET) == 0 else { throw .block(file.failure("seek")) }
        try check(archive_read_open_fd(archive, file.descriptor, UnpackContext.pieceSize))
    }

    deinit {
        archive_read_free(archive)
    }

    /// Bytes of the packed file that were used so far.
    var consumed: Int64 { feed?.stream.consumed ?? archive_filter_bytes(archive, -1) }

    /// The next member's header, or `nil` after the last; valid until the next call. With `isStrict` a header that
    /// libarchive keeps only in part is refused; else what it lacks is a name's letters or an attribute.
    func nextEntry(isStrict: Bool = false) throws(BaseImageError) -> OpaquePointer? {
        if isAtMember, feed != nil { try check(archive_read_data_skip(archive)) }
        isAtMember = true
        headerOffset = archive_filter_bytes(archive, 0)
        feed?.limit = Self.headerLimit
        var entry: OpaquePointer?
        let status = archive_read_next_header(archive, &entry)
        feed?.limit = nil
        if status == ARCHIVE_EOF { return nil }
        if status != ARCHIVE_WARN || isStrict { try check(status) }
        guard let entry else { throw .corrupt(format, reason: "a member without a header") }
        return entry
    }

    /// The current member's name or link's text as it stands in the archive, from what libarchive made of it.
    func original(_ name: [UInt8]) -> [UInt8] {
        guard let feed, name.contains(where: { $0 >= 0x80 }) else { return name }
        return PaxNames(at: headerOffset, bytes: feed.recent).original(of: name)
    }

    /// The next member, or `nil` after the last.
    func next() throws(BaseImageError) -> Member? {
        guard let entry = try nextEntry() else { return nil }
        let name = archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry)
        return Member(
            name: name.map { String(cString: $0) } ?? "(unnamed)",
            isRegular: archive_entry_filetype(entry) == S_IFREG,
            isEncrypted: archive_entry_is_encrypted(entry) != 0,
            byteCount: archive_entry_size_is_set(entry) != 0 ? archive_entry_size(entry) : nil,
            method: format == .zip ? zipMethod : nil)
    }

    /// "ZIP 2.0 (deflation)" is what libarchive calls the format of the member that it just read.
    private var zipMethod: String? {
        guard let text = archive_format_name(archive).map({ String(cString: $0) }),
            let start = text.firstIndex(of: "("), let end = text.lastIndex(of: ")"), start < end
        else { return nil }
        return String(text[text.index(after: start)..<end])
    }

    /// The next block of the current member with its place in it, valid until the next call; nil after the last.
    func nextBlock() throws(BaseImageError) -> (bytes: UnsafeRawBufferPointer, offset: Int64)? {
        var block: UnsafeRawPointer?
        var count = 0
        var offset: Int64 = 0
        let status = archive_read_data_block(archive, &block, &count, &offset)
        if status == ARCHIVE_EOF { return nil }
        try check(status)
        return (UnsafeRawBufferPointer(start: block, count: count), offset)
    }

    /// Hands out the current member's bytes with their offsets, which ascend; what is between them are zeros.
    func readBlocks(
        _ visit: (UnsafeRawBufferPointer, Int64) throws(BaseImageError) -> Void
    ) throws(BaseImageError) {
        var position: Int64 = 0
        while let (bytes, offset) = try nextBlock() {
            guard offset >= position else { throw .corrupt(format, reason: "overlapping blocks") }
            try visit(bytes, offset)
            position = offset + Int64(bytes.count)
        }
    }

    /// Reads what follows the last member, so that the checks at the end of what is around the archive are made.
    func finish() throws(BaseImageError) {
        guard let feed else { return }
        while try feed.stream.next() != nil {}
    }

    private func check(_ status: CInt) throws(BaseImageError) {
        guard status != ARCHIVE_OK else { return }
        if let failure = feed?.failure { throw failure }
        let number = archive_errno(archive)
        let reason = archive_error_string(archive).map { String(cString: $0) } ?? "libarchive error \(status)"
        let lower = reason.lowercased()
        if number == ENOMEM { throw .block(.system(errno: ENOMEM, operation: "unpack", path: path)) }
        // The directory of a zip stands at its end: libarchive knows a truncated one only as no zip at all.
        if lower.contains("truncated") || (format == .zip && lower.contains("unrecognized archive format")) {
            throw .truncated(format)
        }
        throw .corrupt(format, reason: reason)
    }
}

/// One member's bytes.
final class ArchiveMemberStream: ByteStream {
    private let archive: ArchiveReader
    private let byteCount: Int64?
    private let format: BaseFormat
    /// Whether the member may end in a hole, for which there is no block.
    private let mayEndInHole: Bool
    private var position: Int64 = 0
    private var waiting: UnsafeRawBufferPointer?

    /// Of the member that `archive` has just read the header of; `byteCount` is what that says.
    init(_ archive: ArchiveReader, byteCount: Int64?, format: BaseFormat, mayEndInHole: Bool) {
        self.archive = archive
        self.byteCount = byteCount
        self.format = format
        self.mayEndInHole = mayEndInHole
    }

    var consumed: Int64 { archive.consumed }

    func next() throws(BaseImageError) -> StreamPiece? {
        if let bytes = waiting {
            waiting = nil
            return try give(bytes)
        }
        guard let (bytes, offset) = try archive.nextBlock() else { return try end() }
        guard offset >= position else { throw .corrupt(format, reason: "overlapping blocks") }
        guard offset > position else { return try give(bytes) }
        defer { position = offset }
        waiting = bytes
        return .zeros(offset - position)
    }

    private func give(_ bytes: UnsafeRawBufferPointer) throws(BaseImageError) -> StreamPiece {
        let (end, overflow) = position.addingReportingOverflow(Int64(bytes.count))
        guard !overflow, end <= byteCount ?? .max else { throw .corrupt(format, reason: "a member is too long") }
        position = end
        return .bytes(bytes)
    }

    private func end() throws(BaseImageError) -> StreamPiece? {
        guard let byteCount, byteCount > position else { return nil }
        guard mayEndInHole else { throw .truncated(format) }
        defer { position = byteCount }
        return .zeros(byteCount - position)
    }
}

/// Hands a stream's bytes to libarchive.
private final class ArchiveFeed {
    let stream: any ByteStream
    /// Why the stream broke off.
    private(set) var failure: BaseImageError?
    /// So many bytes may still be handed out while a header is read; nil for any number, while a member's bytes are.
    var limit: Int64?
    /// The last pieces that were handed out, with their places in the stream.
    private var pieces: [(offset: Int64, bytes: [UInt8])] = []
    private var byteCount: Int64 = 0
    private var zeroCount: Int64 = 0
    private let zeros: UnsafeMutableRawBufferPointer

    init(_ stream: any ByteStream) {
        self.stream = stream
        zeros = .allocate(byteCount: 64 << 10, alignment: 64)
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { zeros.deallocate() }

    /// `archive_read_callback`: the number of bytes, 0 at the end, a negative one for failure.
    static let read:
        @convention(c) (
            OpaquePointer?, UnsafeMutableRawPointer?, UnsafeMutablePointer<UnsafeRawPointer?>?
        ) -> la_ssize_t = { _, data, buffer in
            guard let data else { return -1 }
            let piece = Unmanaged<ArchiveFeed>.fromOpaque(data).takeUnretainedValue().next()
            buffer?.pointee = piece?.baseAddress
            return piece?.count ?? -1
        }

    private func next() -> UnsafeRawBufferPointer? {
        do throws(BaseImageError) {
            if let limit, limit < 0 { throw .unsupported(found: "a tar archive with a header of many MiB") }
            while zeroCount == 0 {
                switch try stream.next() {
                case .bytes(let bytes)? where bytes.isEmpty: continue
                case .bytes(let bytes)?: return counted(bytes)
                case .zeros(let count)?: zeroCount = count
                case nil: return UnsafeRawBufferPointer(rebasing: zeros[..<0])
                }
            }
            let count = Int(min(zeroCount, Int64(zeros.count)))
            zeroCount -= Int64(count)
            return counted(UnsafeRawBufferPointer(rebasing: zeros[..<count]))
        } catch {
            failure = error
            return nil
        }
    }

    private func counted(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        limit = limit.map { $0 - Int64(bytes.count) }
        // A header may begin in the last piece, or end in the one after it.
        if limit == nil, pieces.count > 1 { pieces.removeFirst(pieces.count - 1) }
        pieces.append((byteCount, Array(bytes)))
        byteCount += Int64(bytes.count)
        return bytes
    }

    /// A part of the stream that was handed out a moment ago; nil when it was not, or is forgotten.
    func recent(_ range: Range<Int64>) -> [UInt8]? {
        var found: [UInt8] = []
        for piece in pieces {
            let part = range.clamped(to: piece.offset..<piece.offset + Int64(piece.bytes.count))
            guard !part.isEmpty, part.lowerBound == range.lowerBound + Int64(found.count) else { continue }
            found += piece.bytes[Int(part.lowerBound - piece.offset)..<Int(part.upperBound - piece.offset)]
        }
        return found.count == range.count ? found : nil
    }
}
