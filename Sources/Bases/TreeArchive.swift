package import Blocks
import CArchive
import Glibc
import Reports

/// What a tar says about a member of a file tree, unchecked: names may lead anywhere.
package struct TreeArchiveMember: Equatable, Sendable {
    package enum Kind: Equatable, Sendable {
        case file, directory, symlink, characterDevice, blockDevice, fifo
        /// Another name of an earlier member.
        case link
        /// Something that no tree holds, with its number in `st_mode`.
        case other(UInt32)
    }

    package var kind: Kind
    /// As stored, any bytes but NUL.
    package var name: [UInt8]
    /// Where a symbolic or hard link leads, as stored.
    package var target: [UInt8]
    package var mode: UInt16
    package var owner: Int64
    package var group: Int64
    /// Seconds since 1970-01-01 UTC, and what they lack.
    package var modified: Int64
    package var nanoseconds: UInt32
    package var major: UInt64
    package var minor: UInt64
    package var byteCount: Int64
    package var attributes: [String: [UInt8]]
    /// POSIX access lists, both kinds in one.
    package var accessList: [AccessEntry]

    /// An entry of an access list, with the kernel's numbers (include/uapi/linux/posix_acl.h).
    package struct AccessEntry: Equatable, Sendable {
        package var isDefault: Bool
        package var tag: UInt16
        package var permissions: UInt16
        /// Nil where the archive says only a name, or the tag needs none.
        package var id: Int64?
    }
}

/// The members of a tar with a file tree, in the order of the archive.
package struct TreeArchiveReader: ~Copyable {
    private let archive: ArchiveReader
    private let job: UnpackContext

    fileprivate init(_ archive: ArchiveReader, job: UnpackContext) {
        self.archive = archive
        self.job = job
    }

    /// The next member, nil after the last; libarchive refuses headers of more than 1 MiB, and here also what it keeps
    /// only in part.
    package func next() throws(BaseImageError) -> TreeArchiveMember? {
        try job.report(consumed: archive.consumed, written: 0)
        return try archive.nextOfTree()
    }

    /// Hands out the member's bytes with their offsets, which ascend; what is not handed out is a hole.
    package func read(
        _ visit: (UnsafeRawBufferPointer, Int64) throws(BaseImageError) -> Void
    ) throws(BaseImageError) {
        try archive.readBlocks { (bytes, offset) throws(BaseImageError) in
            try job.report(consumed: archive.consumed, written: 0)
            try visit(bytes, offset)
        }
    }
}

/// A tar of a file tree, rewritten once into a form with random access that lies in the cache.
package struct TreeArchive: Sendable {
    /// What `pack` wrote.
    package let file: OpenFile
    /// The sha256 of the archive as downloaded.
    package let sourceDigest: SHA256Digest
    package let format: BaseFormat

    /// So many first members decide what an archive is.
    private static let peekCount = 64

    /// Opens the tar at `path`, packed or not; nil when it is none, or one that holds an image.
    ///
    /// `pack` writes the cached form from the members; it runs only when that is not there. `version` names the form.
    package static func open(
        path: String, expectedSHA256: SHA256Digest? = nil, name: String? = nil, version: String, cache: Cache,
        progress: @escaping @Sendable (BaseImageProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false },
        pack: (borrowing TreeArchiveReader, OpenFile) throws(BaseImageError) -> Void
    ) throws(BaseImageError) -> TreeArchive? {
        let opening: BaseImageOpening
        do throws(BaseImageError) {
            opening = try BaseImageOpening(path: path, cache: cache, progress: progress, isCancelled: isCancelled)
        } catch {
            // Small or foreign files: their message comes from whoever wants an image.
            return nil
        }
        let locale = UTF8Locale()
        defer { withExtendedLifetime(locale) {} }
        guard try holdsTree(opening) else { return nil }
        let digest = try opening.digest()
        if let expectedSHA256, expectedSHA256 != digest {
            throw .digestMismatch(expected: expectedSHA256, found: digest)
        }
        let file = try cache.tree(
            for: digest, version: version, name: name ?? path.fileName,
            onDamage: { progress(.damaged(path: $0)) }, onWait: { progress(.waiting) }, isCancelled: isCancelled
        ) { (file) throws(BaseImageError) in
            guard let archive = try tar(in: opening) else { throw .block(.changed(path: path)) }
            try pack(TreeArchiveReader(archive, job: opening.job), file)
            try archive.finish()
            try wrapping(opening.file.check(), as: BaseImageError.block)
        }
        return TreeArchive(file: file, sourceDigest: digest, format: opening.format)
    }

    /// The tar that the file is or that is packed in it; nil when there is none.
    private static func tar(in opening: BaseImageOpening) throws(BaseImageError) -> ArchiveReader? {
        let (format, source) = (opening.format, opening.file.file)
        if format == .tar {
            return try ArchiveReader.tar(in: FileStream(opening.job), format: .tar, path: source.path)
        }
        guard let packed = try Unpacker.stream(opening.job, format: format) else { return nil }
        let stream = try PeekedStream(packed)
        guard stream.recognized == .format(.tar) else { return nil }
        return try ArchiveReader.tar(in: stream, format: format, path: source.path)
    }

    /// Whether the first members look like the top of a system and none is an image.
    private static func holdsTree(_ opening: BaseImageOpening) throws(BaseImageError) -> Bool {
        do throws(BaseImageError) {
            guard let archive = try tar(in: opening) else { return false }
            var isTree = false
            var count = 0
            while count < peekCount, let member = try archive.next() {
                let isInside = Unpacker.looksLikeRoot(member.name)
                // A tree has kernels called boot/kernel.img.
                if Unpacker.isImage(member), !isInside { return false }
                isTree = isTree || isInside
                count += 1
            }
            return isTree
        } catch {
            if case .block = error { throw error }
            if error == .cancelled { throw error }
            // A damaged tar is one nevertheless when it calls itself so.
            return opening.format == .tar
        }
    }
}

extension ArchiveReader {
    func nextOfTree() throws(BaseImageError) -> TreeArchiveMember? {
        guard let entry = try nextEntry(isStrict: true) else { return nil }
        var member = TreeArchiveMember(
            kind: Self.kind(of: entry), name: original(Self.bytes(archive_entry_pathname(entry))), target: [],
            mode: UInt16(truncatingIfNeeded: archive_entry_perm(entry)), owner: archive_entry_uid(entry),
            group: archive_entry_gid(entry), modified: Int64(archive_entry_mtime(entry)),
            nanoseconds: UInt32(clamping: archive_entry_mtime_nsec(entry)),
            major: UInt64(archive_entry_rdevmajor(entry)), minor: UInt64(archive_entry_rdevminor(entry)),
            byteCount: archive_entry_size(entry), attributes: [:], accessList: try Self.accessList(of: entry))
        if let target = archive_entry_hardlink(entry) {
            member.kind = .link
            member.target = original(Self.bytes(target))
        } else if member.kind == .symlink {
            member.target = original(Self.bytes(archive_entry_symlink(entry)))
        }
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        archive_entry_xattr_reset(entry)
        while archive_entry_xattr_next(entry, &name, &value, &count) == ARCHIVE_OK, let text = name {
            member.attributes[String(cString: text)] = Array(UnsafeRawBufferPointer(start: value, count: count))
        }
        return member
    }

    /// The kernel's tags for libarchive's (archive_entry.h, ARCHIVE_ENTRY_ACL_USER and those after it).
    private static let tags: [CInt: UInt16] = [
        10002: 0x01, 10001: 0x02, 10004: 0x04, 10003: 0x08, 10005: 0x10, 10006: 0x20,
    ]

    private static func accessList(
        of entry: OpaquePointer
    ) throws(BaseImageError) -> [TreeArchiveMember.AccessEntry] {
        // ARCHIVE_ENTRY_ACL_TYPE_ACCESS and …_DEFAULT; the other bits are those of NFS version 4.
        let (access, byDefault) = (CInt(0x100), CInt(0x200))
        let kinds = archive_entry_acl_types(entry)
        guard kinds & ~(access | byDefault) == 0 else {
            throw .unsupported(
                found: "a tar archive with access lists of NFS version 4, which no Linux file system stores")
        }
        var list: [TreeArchiveMember.AccessEntry] = []
        for kind in [access, byDefault] where kinds & kind != 0 {
            archive_entry_acl_reset(entry, kind)
            var (type, permissions, tag, id) = (CInt(0), CInt(0), CInt(0), CInt(-1))
            var name: UnsafePointer<CChar>?
            while archive_entry_acl_next(entry, kind, &type, &permissions, &tag, &id, &name) == ARCHIVE_OK {
                guard let known = tags[tag] else { continue }
                list.append(
                    .init(
                        isDefault: kind == byDefault, tag: known,
                        permissions: UInt16(truncatingIfNeeded: permissions & 7),
                        id: id < 0 ? nil : Int64(id)))
            }
        }
        return list
    }

    private static func kind(of entry: OpaquePointer) -> TreeArchiveMember.Kind {
        switch archive_entry_filetype(entry) {
        case S_IFREG: .file
        case S_IFDIR: .directory
        case S_IFLNK: .symlink
        case S_IFCHR: .characterDevice
        case S_IFBLK: .blockDevice
        case S_IFIFO: .fifo
        case let other: .other(other)
        }
    }

    private static func bytes(_ text: UnsafePointer<CChar>?) -> [UInt8] {
        text.map { Array(UnsafeRawBufferPointer(start: $0, count: strlen($0))) } ?? []
    }
}

/// The thread's character set, as long as this lives: in the C locale libarchive loses the letters of pax names that
/// are not ASCII.
private struct UTF8Locale: ~Copyable {
    private let own: locale_t?
    private let before: locale_t?

    init() {
        // LC_CTYPE_MASK of locale.h, a macro that Swift does not see.
        own = newlocale(1 << LC_CTYPE, "C.UTF-8", nil)
        before = own.map { uselocale($0) } ?? nil
    }

    deinit {
        guard let own else { return }
        uselocale(before)
        freelocale(own)
    }
}
