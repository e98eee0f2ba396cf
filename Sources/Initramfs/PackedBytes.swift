import CArchive

/// Unpacks small files in memory: kernel modules, kernels, initramfs.
package enum PackedBytes {
    /// Calls `use` with piece after piece of what `bytes` unpack to, until it returns false.
    ///
    /// xz, gzip, zstd, bzip2, lz4 and lzma are recognised by content. Throws nothing when `bytes` are cut short after
    /// what was used, as rests follow the packed part of a kernel.
    static func unpack(_ bytes: ArraySlice<UInt8>, use: (UnsafeRawBufferPointer) -> Bool) throws(Failure) {
        guard let archive = archive_read_new() else { throw Failure(reason: "out of memory") }
        defer { archive_read_free(archive) }
        var failure: Failure?
        bytes.withUnsafeBytes { input in
            // Each by name: "all" would run programs for what is not built in.
            for filter in [
                archive_read_support_filter_xz, archive_read_support_filter_gzip, archive_read_support_filter_zstd,
                archive_read_support_filter_bzip2, archive_read_support_filter_lzma, archive_read_support_filter_lz4,
            ] {
                _ = filter(archive)
            }
            archive_read_support_format_raw(archive)
            var entry: OpaquePointer?
            guard archive_read_open_memory(archive, input.baseAddress, input.count) == ARCHIVE_OK,
                archive_read_next_header(archive, &entry) == ARCHIVE_OK
            else { return failure = Failure(archive) }
            while true {
                var block: UnsafeRawPointer?
                var count = 0
                var offset: Int64 = 0
                let status = archive_read_data_block(archive, &block, &count, &offset)
                if status == ARCHIVE_EOF { return }
                guard status == ARCHIVE_OK else { return failure = Failure(archive) }
                if !use(UnsafeRawBufferPointer(start: block, count: count)) { return }
            }
        }
        if let failure { throw failure }
    }

    /// All of it; throws when it is more than `limit` bytes.
    package static func unpacked(_ bytes: [UInt8], limit: Int) throws(Failure) -> [UInt8] {
        var result: [UInt8] = []
        var isTooLong = false
        try unpack(bytes[...]) { part in
            isTooLong = result.count + part.count > limit
            if !isTooLong { result.append(contentsOf: part) }
            return !isTooLong
        }
        if isTooLong { throw Failure(reason: "it unpacks to more than \(limit) bytes") }
        return result
    }

    package struct Failure: Error, Equatable {
        package var reason: String

        package init(reason: String) { self.reason = reason }

        package init(_ archive: OpaquePointer) {
            reason = archive_error_string(archive).map { String(cString: $0) } ?? "libarchive error"
        }
    }
}
