import CLinux
import Glibc
import Images
import Reports
import Trees

/// Files, folders, links and devices as they are made below one folder, by descriptors and single names only, so that
/// no link in the tree is ever followed. Items come in the order of paths.
struct FolderTree: ~Copyable {
    private let root: Int32
    /// The folders from the root down to the one that entries are made in now.
    private var folders: [Folder]
    private var file: File?

    private struct Folder {
        let path: VolumePath
        let descriptor: Int32
        /// What it shall get when nothing is made in it any more: its time is the last thing that may change.
        var item: OutputEntry?
    }

    private struct File {
        let item: OutputEntry
        let descriptor: Int32
        var end: Int64
    }

    /// Takes over the descriptor of an empty folder.
    init(root: Int32) {
        self.root = root
        folders = [Folder(path: .root, descriptor: root, item: nil)]
    }

    deinit {
        if let file { close(file.descriptor) }
        for folder in folders.reversed() { close(folder.descriptor) }
    }

    /// An operating system error and where it came from.
    struct Failure: Error {
        let path: VolumePath
        let errno: Int32
    }

    mutating func add(_ item: OutputEntry) throws(Failure) {
        try endFile()
        guard let name = item.path.name else {
            folders[0].item = item
            return
        }
        while let last = folders.last, last.path != item.path.parent {
            guard folders.count > 1 else { throw Failure(path: item.path, errno: ENOTDIR) }
            try leave(last)
        }
        guard let parent = folders.last?.descriptor else { throw Failure(path: item.path, errno: ENOENT) }
        switch item.body {
        case .file: try open(item, name, in: parent)
        case .directory: try enter(item, name, in: parent)
        case .symlink(let text):
            try check(symlinkat(text, parent, name), item)
            try finishLink(item, name, in: parent)
        case .link(let first): try check(linkat(root, String(first.description.dropFirst()), parent, name, 0), item)
        case .special(let kind): try make(kind, item, name, in: parent)
        }
    }

    /// Bytes of the file that was added last.
    mutating func write(_ bytes: [UInt8], at offset: Int64) throws(Failure) {
        guard let file else { return }
        do throws(ForgeError) {
            try OutputFile.write(bytes.span.bytes, at: offset, to: file.descriptor, path: "")
        } catch {
            throw Failure(path: file.item.path, errno: errno)
        }
        self.file?.end = offset + Int64(bytes.count)
    }

    /// Ends the last file and all folders.
    mutating func finish() throws(Failure) {
        try endFile()
        while folders.count > 1, let last = folders.last { try leave(last) }
        if let item = folders[0].item { try finish(root, item) }
        guard clinux_syncfs(root) == 0 else { throw Failure(path: .root, errno: errno) }
    }

    private mutating func open(_ item: OutputEntry, _ name: String, in parent: Int32) throws(Failure) {
        let descriptor = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        try check(descriptor, item)
        file = File(item: item, descriptor: descriptor, end: 0)
    }

    private mutating func endFile() throws(Failure) {
        guard let ended = file else { return }
        file = nil
        defer { close(ended.descriptor) }
        if case .file(let byteCount) = ended.item.body, byteCount > ended.end {
            try check(ftruncate(ended.descriptor, off_t(byteCount)), ended.item)
        }
        try finish(ended.descriptor, ended.item)
    }

    private mutating func enter(_ item: OutputEntry, _ name: String, in parent: Int32) throws(Failure) {
        try check(mkdirat(parent, name, 0o700), item)
        let descriptor = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        try check(descriptor, item)
        folders.append(Folder(path: item.path, descriptor: descriptor, item: item))
    }

    private mutating func leave(_ folder: Folder) throws(Failure) {
        folders.removeLast()
        defer { close(folder.descriptor) }
        if let item = folder.item { try finish(folder.descriptor, item) }
    }

    private func make(_ kind: FileNode.Kind, _ item: OutputEntry, _ name: String, in parent: Int32) throws(Failure) {
        let type: mode_t =
            switch kind {
            case .characterDevice: S_IFCHR
            case .blockDevice: S_IFBLK
            case .socket: S_IFSOCK
            default: S_IFIFO
            }
        let number = item.metadata.device.map { makedev($0.major, $0.minor) } ?? 0
        try check(mknodat(parent, name, type | 0o600, number), item)
        try check(fchownat(parent, name, item.metadata.owner, item.metadata.group, AT_SYMLINK_NOFOLLOW), item)
        try check(fchmodat(parent, name, mode_t(item.metadata.mode), 0), item)
        try setAttributes(item) { lsetxattr(Self.link(to: name, in: parent), $0, $1, $2, 0) }
        try setTimes(item, name, in: parent)
    }

    private func finishLink(_ item: OutputEntry, _ name: String, in parent: Int32) throws(Failure) {
        try check(fchownat(parent, name, item.metadata.owner, item.metadata.group, AT_SYMLINK_NOFOLLOW), item)
        try setAttributes(item) { lsetxattr(Self.link(to: name, in: parent), $0, $1, $2, 0) }
        try setTimes(item, name, in: parent)
    }

    /// Owner first: the kernel takes set-id bits and capabilities away when it changes (chown(2)).
    private func finish(_ descriptor: Int32, _ item: OutputEntry) throws(Failure) {
        try check(fchown(descriptor, item.metadata.owner, item.metadata.group), item)
        try check(fchmod(descriptor, mode_t(item.metadata.mode)), item)
        try setAttributes(item) { fsetxattr(descriptor, $0, $1, $2, 0) }
        try check(futimens(descriptor, Self.times(of: item)), item)
    }

    private func setAttributes(
        _ item: OutputEntry, _ set: (String, UnsafeRawPointer?, Int) -> Int32
    ) throws(Failure) {
        for (name, value) in item.metadata.extendedAttributes.sorted(by: { $0.key < $1.key }) {
            try check(value.withUnsafeBytes { set(name, $0.baseAddress, $0.count) }, item)
        }
    }

    private func setTimes(_ item: OutputEntry, _ name: String, in parent: Int32) throws(Failure) {
        try check(utimensat(parent, name, Self.times(of: item), AT_SYMLINK_NOFOLLOW), item)
    }

    private static func times(of item: OutputEntry) -> [timespec] {
        let time = timespec(tv_sec: Int(item.metadata.modified), tv_nsec: Int(item.nanoseconds))
        return [time, time]
    }

    /// A path for calls that take no descriptor; only its last part can be a link of the tree's.
    private static func link(to name: String, in parent: Int32) -> String { "/proc/self/fd/\(parent)/\(name)" }

    /// The kernel's `dev_t` (sys/sysmacros.h, macros that Swift does not see).
    private func makedev(_ major: UInt32, _ minor: UInt32) -> dev_t {
        let (major, minor) = (UInt64(major), UInt64(minor))
        return dev_t((major & 0xFFF) << 8 | (major >> 12) << 32 | minor & 0xFF | (minor & ~0xFF) << 12)
    }

    private func check(_ status: Int32, _ item: OutputEntry) throws(Failure) {
        guard status >= 0 else { throw Failure(path: item.path, errno: errno) }
    }
}
