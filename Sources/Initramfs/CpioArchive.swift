import CArchive
import Glibc
import Reports
import Trees

/// A cpio archive in memory, of the form that the kernel unpacks at its start ("newc", Linux,
/// Documentation/driver-api/early-userspace/buffer-format.rst).
struct CpioArchive {
    /// By path: sorted, so that each folder comes before what is in it.
    private(set) var nodes: [VolumePath: FileNode] = [:]

    init() {}

    /// Adds a file, folder, link or character device, and the folders above it that are missing. A second one at a path replaces the first.
    mutating func put(
        _ content: FileNode.Content, mode: UInt16, device: FileNode.DeviceNumber? = nil, at path: VolumePath
    ) {
        for folder in path.ancestors where nodes[folder] == nil {
            nodes[folder] = FileNode(content: .directory, metadata: .init(mode: 0o755))
        }
        nodes[path] = FileNode(content: content, metadata: .init(mode: mode, device: device))
    }

    /// The archive's bytes: the same for the same nodes. Owner is root; times are 0, inode numbers count from 1.
    func encoded() throws(ForgeError) -> [UInt8] {
        let output = ByteSink()
        guard let archive = archive_write_new() else { throw Self.outOfMemory }
        defer { archive_write_free(archive) }
        let context = Unmanaged.passUnretained(output).toOpaque()
        try Self.check(archive, archive_write_set_format_cpio_newc(archive))
        try Self.check(archive, archive_write_add_filter_none(archive))
        try Self.check(archive, archive_write_set_bytes_per_block(archive, 512))
        try Self.check(
            archive,
            archive_write_open(
                archive, context, nil,
                { _, context, bytes, count in
                    guard let context, let bytes else { return -1 }
                    Unmanaged<ByteSink>.fromOpaque(context).takeUnretainedValue()
                        .append(UnsafeRawBufferPointer(start: bytes, count: count))
                    return count
                }, nil))
        var number: Int64 = 0
        for (path, node) in nodes.sorted(by: { $0.key < $1.key }) {
            number += 1
            try write(path, node, number: number, to: archive)
        }
        try Self.check(archive, archive_write_close(archive))
        return output.bytes
    }

    private func write(
        _ path: VolumePath, _ node: FileNode, number: Int64, to archive: OpaquePointer
    ) throws(ForgeError) {
        guard let entry = archive_entry_new() else { throw Self.outOfMemory }
        defer { archive_entry_free(entry) }
        archive_entry_set_pathname(entry, path.components.joined(separator: "/"))
        archive_entry_set_ino64(entry, number)
        archive_entry_set_nlink(entry, node.kind == .directory ? 2 : 1)
        archive_entry_set_uid(entry, 0)
        archive_entry_set_gid(entry, 0)
        archive_entry_set_mtime(entry, 0, 0)
        archive_entry_set_perm(entry, mode_t(node.metadata.mode))
        var content: [UInt8] = []
        switch node.content {
        case .file(let bytes):
            archive_entry_set_filetype(entry, S_IFREG)
            content = bytes
        case .stored: throw ForgeError(.bug, "could not pack \(path): its bytes are not in memory")
        case .directory: archive_entry_set_filetype(entry, S_IFDIR)
        case .symlink(let text):
            archive_entry_set_filetype(entry, S_IFLNK)
            archive_entry_set_symlink(entry, text)
        case .special:
            archive_entry_set_filetype(entry, S_IFCHR)
            archive_entry_set_rdevmajor(entry, dev_t(node.metadata.device?.major ?? 0))
            archive_entry_set_rdevminor(entry, dev_t(node.metadata.device?.minor ?? 0))
        }
        archive_entry_set_size(entry, Int64(content.count))
        try Self.check(archive, archive_write_header(archive, entry))
        let count = content.withUnsafeBytes { archive_write_data(archive, $0.baseAddress, $0.count) }
        guard count == content.count else { try Self.check(archive, ARCHIVE_FATAL); return }
    }

    /// Collects what libarchive writes.
    private final class ByteSink {
        var bytes: [UInt8] = []
        func append(_ part: UnsafeRawBufferPointer) { bytes.append(contentsOf: part) }
    }

    private static let outOfMemory = ForgeError(.unavailable, "could not make an initramfs: out of memory")

    private static func check(_ archive: OpaquePointer, _ status: CInt) throws(ForgeError) {
        guard status != ARCHIVE_OK else { return }
        let reason = archive_error_string(archive).map { String(cString: $0) } ?? "libarchive error \(status)"
        throw ForgeError(.bug, "could not make an initramfs: \(reason)")
    }
}
