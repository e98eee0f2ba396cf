import Blocks
import CLinux
import Glibc
package import Trees

/// Putting and removing.
extension MountedVolume {
    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        try checkStorable(node, at: path)
        guard let place = try place(of: path) else { throw .notFound(path.parent) }
        guard let found = try place.look() else {
            if type == .vfat { try LongName.check(path.name ?? "") }
            try checkNumber(of: node, at: path)
            return try keepingFolderTime(of: place) { (place) throws(VolumeError) in try create(node, at: place) }
        }
        let old = try status(of: found, at: place)
        var node = node
        if old.kind == .directory, node.kind != .directory { throw .isADirectory(path) }
        if old.kind != .directory, node.kind == .directory { throw .notADirectory(path) }
        if old.kind == node.kind {
            if node.metadata.device == nil { node.metadata.device = old.metadata.device }
            let isInPlace = node.kind != .symlink && node.metadata.device == old.metadata.device
            if isInPlace, node.kind == .directory || found.st_nlink == 1 {
                return try update(old, to: node, at: place)
            }
        }
        if old.kind == node.kind, old.metadata == node.metadata, try holds(place, node, old) { return }
        try checkNumber(of: node, at: path)
        try keepingFolderTime(of: place) { (place) throws(VolumeError) in
            guard unlinkat(place.folder.number, place.name, 0) == 0 else { throw place.failure("remove") }
            try create(node, at: place)
        }
    }

    package func remove(_ path: VolumePath) throws(VolumeError) {
        guard let place = try place(of: path), let found = try place.look() else { throw .notFound(path) }
        let isFolder = found.st_mode & S_IFMT == S_IFDIR
        if isFolder, try !place.names().isEmpty { throw .directoryNotEmpty(path) }
        guard !path.isRoot else { throw .notStorable(path, what: "a volume without a root folder") }
        try keepingFolderTime(of: place) { (place) throws(VolumeError) in
            guard unlinkat(place.folder.number, place.name, isFolder ? AT_REMOVEDIR : 0) == 0 else {
                throw place.failure("remove")
            }
        }
    }

    /// A folder's modification time is what it was given, whatever comes and goes in it, as in the other engine.
    private func keepingFolderTime(
        of place: borrowing MountedPlace, _ body: (borrowing MountedPlace) throws(VolumeError) -> Void
    ) throws(VolumeError) {
        var before = stat()
        guard fstat(place.folder.number, &before) == 0 else { throw place.failure("stat the folder of") }
        try body(place)
        guard !(type == .vfat && place.path.parent.isRoot) else { return }
        let times = [timespec(tv_sec: 0, tv_nsec: Self.unchanged), before.st_mtim]
        guard utimensat(place.folder.number, ".", times, 0) == 0 else { throw place.failure("date the folder of") }
    }

    /// UTIME_OMIT of sys/stat.h, a macro that Swift does not see.
    private static let unchanged = 1 << 30 - 2

    // MARK: Nodes

    private func create(_ node: FileNode, at place: borrowing MountedPlace) throws(VolumeError) {
        let folder = place.folder.number
        switch node.content {
        case .file, .stored:
            let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
            guard let file = Descriptor(openat(folder, place.name, flags, 0o600)) else { throw place.failure("create") }
            try write(node.content, to: file, at: place)
        case .directory:
            guard mkdirat(folder, place.name, 0o700) == 0 else { throw place.failure("create") }
        case .symlink(let text):
            guard symlinkat(text, folder, place.name) == 0 else { throw place.failure("create") }
        case .special(let kind):
            let number = node.metadata.device?.combined ?? 0
            guard mknodat(folder, place.name, kind.typeBits | 0o600, number) == 0 else { throw place.failure("create") }
        }
        try set(node.metadata, of: node.kind, at: place)
    }

    private func update(
        _ old: FileStatus, to node: FileNode, at place: borrowing MountedPlace
    ) throws(VolumeError) {
        let isSame = try holds(place, node, old)
        if !isSame, node.kind == .file {
            guard let file = place.open(O_WRONLY | O_TRUNC) else { throw place.failure("open") }
            try write(node.content, to: file, at: place)
        }
        if isSame, stored(node.metadata) == old.metadata { return }
        try set(node.metadata, of: node.kind, at: place)
    }

    private func holds(_ place: borrowing MountedPlace, _ node: FileNode, _ old: FileStatus) throws(VolumeError) -> Bool
    {
        switch node.content {
        case .file(let bytes):
            guard old.byteCount == Int64(bytes.count) else { return false }
            return try place.bytes(byteCount: old.byteCount) == bytes
        case .stored(let file):
            guard old.byteCount == file.byteCount else { return false }
            return try file.holds(place.content(byteCount: old.byteCount))
        case .symlink(let text): return try place.linkText().utf8.elementsEqual(text.utf8)
        case .directory, .special: return true
        }
    }

    private func write(
        _ content: FileNode.Content, to file: borrowing Descriptor, at place: borrowing MountedPlace
    ) throws(VolumeError) {
        if case .file(let bytes) = content { return try write(bytes, to: file, at: place) }
        guard let content = content.fileContent else { return }
        var offset: Int64 = 0
        while offset < content.byteCount {
            let count = Int(min(StoredFile.pieceSize, content.byteCount - offset))
            try write(content.bytes(at: offset, count: count), to: file, from: offset, at: place)
            offset += Int64(count)
        }
    }

    private func write(
        _ bytes: [UInt8], to file: borrowing Descriptor, from start: Int64 = 0, at place: borrowing MountedPlace
    ) throws(VolumeError) {
        let isWritten = bytes.withUnsafeBytes { Transfer.write($0, to: file.number, at: start) }
        guard isWritten else { throw place.failure("write") }
    }

    // MARK: Metadata

    /// Metadata as the file system gives it back.
    private func stored(_ metadata: FileNode.Metadata) -> FileNode.Metadata {
        guard type == .vfat else { return metadata }
        var stored = metadata
        stored.modified = DirectoryTime(seconds: metadata.modified).seconds
        return stored
    }

    /// The owner first, as a change of it takes set-id bits and capabilities away; the time last.
    private func set(
        _ wanted: FileNode.Metadata, of kind: FileNode.Kind, at place: borrowing MountedPlace
    ) throws(VolumeError) {
        let folder = place.folder.number
        if type == .ext4 {
            guard fchownat(folder, place.name, wanted.owner, wanted.group, AT_SYMLINK_NOFOLLOW) == 0 else {
                throw place.failure("set the owner of")
            }
            if kind != .symlink {
                guard fchmodat(folder, place.name, mode_t(wanted.mode), 0) == 0 else {
                    throw place.failure("set the mode of")
                }
            }
            try setAttributes(wanted.extendedAttributes, at: place)
        } else if place.path.isRoot {
            return
        }
        let seconds = stored(wanted).modified
        let times = [
            timespec(tv_sec: 0, tv_nsec: Self.unchanged), timespec(tv_sec: Int(seconds), tv_nsec: 0),
        ]
        guard utimensat(folder, place.name, times, AT_SYMLINK_NOFOLLOW) == 0 else { throw place.failure("date") }
        guard let found = try place.look(), Int64(found.st_mtim.tv_sec) == seconds else {
            throw .notStorable(place.path, what: "the time \(wanted.modified) s since 1970")
        }
    }

    /// A new file may have inherited an access list from its folder, so what is there is looked at.
    private func setAttributes(
        _ wanted: [String: [UInt8]], at place: borrowing MountedPlace
    ) throws(VolumeError) {
        let old = try place.attributes()
        guard old != wanted else { return }
        for name in old.keys.sorted() where wanted[name] == nil {
            guard lremovexattr(place.procPath, name) == 0 else { throw place.failure("take \(name) from") }
        }
        for (name, bytes) in wanted.sorted(by: { $0.key < $1.key }) where old[name] != bytes {
            guard lsetxattr(place.procPath, name, bytes, bytes.count, 0) == 0 else {
                switch errno {
                case EOPNOTSUPP, EPERM, ERANGE, EINVAL, E2BIG:
                    throw .notStorable(place.path, what: "an extended attribute called \(name)")
                default: throw place.failure("set \(name) of")
                }
            }
        }
    }

    private func checkNumber(of node: FileNode, at path: VolumePath) throws(VolumeError) {
        guard case .special(let kind) = node.content, kind != .fifo, kind != .socket else { return }
        guard node.metadata.device != nil else {
            throw .notStorable(path, what: "a new device, whose number is not known")
        }
    }

    /// Refuses what the engine without the kernel refuses, in the same words.
    private func checkStorable(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        switch type {
        case .ext4:
            if let name = path.name, name.utf8.count > 255 {
                throw .invalidName(name, reason: "\(name.utf8.count) bytes are more than the 255 of a name")
            }
            try Ext4Volume.checkStorable(node, at: path)
        case .vfat:
            try FATVolume.checkStorable(node, at: path)
        }
    }
}

extension FileNode.Kind {
    /// For mknod(2); nothing for what that does not make.
    fileprivate var typeBits: mode_t {
        switch self {
        case .characterDevice: S_IFCHR
        case .blockDevice: S_IFBLK
        case .fifo: S_IFIFO
        case .socket: S_IFSOCK
        case .file, .directory, .symlink: 0
        }
    }
}
