import Blocks
import CArchive
import Glibc

/// libarchive over an open file: the members of a zip or tar, or the one stream inside a compressed file.
struct ArchiveReader: ~Copyable {
    /// What lies in the file besides its compression.
    enum Layer: Equatable, Sendable {
        /// Nothing: the decompressed bytes are the image.
        case raw
        case zip
        case tar
    }

    /// What an archive says about a member before its bytes.
    struct Member: Equatable, Sendable {
        var name: String
        var isRegular: Bool
        var isEncrypted: Bool
        /// Bytes when unpacked, where the archive says it.
        var byteCount: Int64?
    }

    private let archive: OpaquePointer
    private let format: BaseFormat
    private let path: String

    /// Opens `file` from its start; `format` is its outermost one.
    static func open(
        _ file: OpenFile, format: BaseFormat, layer: Layer
    ) throws(BaseImageError) -> ArchiveReader {
        let reader = ArchiveReader(archive: try allocate(for: file), format: format, path: file.path)
        try reader.start(file, layer: layer)
        return reader
    }

    private func start(_ file: OpenFile, layer: Layer) throws(BaseImageError) {
        switch format {
        case .xz: try check(archive_read_support_filter_xz(archive))
        case .zstd: try check(archive_read_support_filter_zstd(archive))
        case .bzip2: try check(archive_read_support_filter_bzip2(archive))
        case .gzip: try check(archive_read_support_filter_gzip(archive))
        case .raw, .zip, .tar: break
        }
        switch layer {
        case .raw: try check(archive_read_support_format_raw(archive))
        // The streaming reader would take a zip without its directory, that is, a truncated one.
        case .zip: try check(archive_read_support_format_zip_seekable(archive))
        case .tar: try check(archive_read_support_format_tar(archive))
        }
        guard lseek(file.descriptor, 0, SEEK_SET) == 0 else { throw .block(file.failure("seek")) }
        try check(archive_read_open_fd(archive, file.descriptor, UnpackContext.pieceSize))
    }

    private init(archive: OpaquePointer, format: BaseFormat, path: String) {
        self.archive = archive
        self.format = format
        self.path = path
    }

    private static func allocate(for file: OpenFile) throws(BaseImageError) -> OpaquePointer {
        guard let archive = archive_read_new() else {
            throw .block(.system(errno: ENOMEM, operation: "open", path: file.path))
        }
        return archive
    }

    deinit {
        archive_read_free(archive)
    }

    /// Bytes of the file that were used so far.
    var consumed: Int64 { archive_filter_bytes(archive, -1) }

    /// The next member's header, or `nil` after the last; valid until the next call.
    func nextEntry() throws(BaseImageError) -> OpaquePointer? {
        var entry: OpaquePointer?
        let status = archive_read_next_header(archive, &entry)
        if status == ARCHIVE_EOF { return nil }
        // A warning here is about a name or an attribute, never about the bytes.
        if status != ARCHIVE_WARN { try check(status) }
        guard let entry else { throw .corrupt(format, reason: "a member without a header") }
        return entry
    }

    /// The next member, or `nil` after the last.
    func next() throws(BaseImageError) -> Member? {
        guard let entry = try nextEntry() else { return nil }
        let name = archive_entry_pathname_utf8(entry) ?? archive_entry_pathname(entry)
        return Member(
            name: name.map { String(cString: $0) } ?? "(unnamed)",
            isRegular: archive_entry_filetype(entry) == S_IFREG,
            isEncrypted: archive_entry_is_encrypted(entry) != 0,
            byteCount: archive_entry_size_is_set(entry) != 0 ? archive_entry_size(entry) : nil)
    }

    /// Writes the current member's bytes; returns how many.
    func unpack(into writer: inout SparseWriter, job: UnpackContext) throws(BaseImageError) -> Int64 {
        var position: Int64 = 0
        try readBlocks { (bytes, offset) throws(BaseImageError) in
            try writer.appendZeros(offset - position)
            try writer.append(bytes)
            position = offset + Int64(bytes.count)
            try job.report(consumed: consumed, written: writer.byteCount)
        }
        return position
    }

    /// Hands out the current member's bytes with their offsets, which ascend; what is between them are zeros.
    func readBlocks(
        _ visit: (UnsafeRawBufferPointer, Int64) throws(BaseImageError) -> Void
    ) throws(BaseImageError) {
        var position: Int64 = 0
        while true {
            var block: UnsafeRawPointer?
            var count = 0
            var offset: Int64 = 0
            let status = archive_read_data_block(archive, &block, &count, &offset)
            if status == ARCHIVE_EOF { return }
            try check(status)
            guard offset >= position else { throw .corrupt(format, reason: "overlapping blocks") }
            try visit(UnsafeRawBufferPointer(start: block, count: count), offset)
            position = offset + Int64(count)
        }
    }

    private func check(_ status: CInt) throws(BaseImageError) {
        guard status != ARCHIVE_OK else { return }
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
