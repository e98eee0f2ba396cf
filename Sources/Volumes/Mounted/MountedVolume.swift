import CLinux
import Glibc
package import Trees

/// A partition of an image file, mounted by the kernel's own driver and edited through system calls.
///
/// It gives and takes what `Ext4Volume` and `FATVolume` do, folders' modification times included; what a node does not
/// hold (change times, the order of blocks, the superblock's counters) is as the kernel makes it, with its clock.
/// Nothing but this object leads to the mount, and it ends with it or with the process.
package final class MountedVolume: Volume {
    /// The file systems that images have.
    package enum FileSystem: String, Sendable, CaseIterable {
        case ext4
        case vfat
    }

    let type: FileSystem
    private var loop: LoopDevice?
    private var mount: DetachedMount?

    /// Attaches and mounts `range` of an image that is open for reading and writing.
    package init(_ type: FileSystem, of image: Int32, range: Range<Int64>, sectorSize: Int) throws(MountError) {
        self.type = type
        let device = try LoopDevice.attach(image, range: range, sectorSize: sectorSize)
        do throws(MountError) {
            mount = try DetachedMount(device.path, type: type.rawValue, options: type.options)
        } catch {
            try device.detach()
            throw error
        }
        loop = consume device
    }

    /// Throws what keeps this process from mounting that here.
    package static func check(_ type: FileSystem) throws(MountError) {
        _ = try LoopDevice.openControl()
        _ = try DetachedMount.open(type.rawValue)
    }

    package func close() throws(VolumeError) {
        let mounted = mount.take()
        let attached = loop.take()
        var failure: MountError?
        if let mounted {
            do throws(MountError) { try mounted.close() } catch { failure = error }
        }
        if let attached {
            do throws(MountError) { try attached.detach() } catch { failure = failure ?? error }
        }
        if let failure { throw .device("\(failure)") }
    }

    deinit { try? close() }

    /// Another mount of the same file system, which shows the same at every moment, for programs inside the image.
    func mountForPrograms() throws(MountError) -> DetachedMount {
        switch loop {
        case .some(let loop):
            return try DetachedMount(
                loop.path, type: type.rawValue, options: type.options, allowsPrograms: type == .ext4)
        case nil: throw .unavailable("the volume is closed")
        }
    }

    /// The mount's root for `openat`.
    func root() throws(VolumeError) -> Int32 {
        switch mount {
        case .some(let mount): return mount.root
        case nil: throw .device("the volume is closed")
        }
    }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        guard let place = try place(of: path), let found = try place.look() else { return nil }
        return try status(of: found, at: place)
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        guard let place = try place(of: path), let found = try place.look() else { return nil }
        let status = try status(of: found, at: place)
        let content: FileNode.Content
        switch status.kind {
        case .file: content = .file(try place.bytes(byteCount: status.byteCount))
        case .directory: content = .directory
        case .symlink: content = .symlink(try place.linkText())
        case .characterDevice, .blockDevice, .fifo, .socket: content = .special(status.kind)
        }
        return FileNode(content: content, metadata: status.metadata)
    }

    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        guard let place = try place(of: path), let found = try place.look(), found.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return try place.content(byteCount: Int64(found.st_size))
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        guard let place = try place(of: directory), let found = try place.look() else { throw .notFound(directory) }
        guard found.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(directory) }
        var names: [String] = []
        for bytes in try place.names() {
            guard let name = String(validating: bytes, as: UTF8.self) else {
                throw .invalidName(
                    String(decoding: bytes, as: UTF8.self), reason: "a name in \(directory) is not UTF-8")
            }
            names.append(name)
        }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// The status of what `look` has found.
    func status(of found: stat, at place: borrowing MountedPlace) throws(VolumeError) -> FileStatus {
        guard let kind = FileNode.Kind(mode: found.st_mode) else {
            throw .corrupt("\(place.path): an inode of no known type")
        }
        let byteCount: Int64 = kind == .file || kind == .symlink ? Int64(found.st_size) : 0
        let modified = Int64(found.st_mtim.tv_sec)
        switch type {
        case .ext4:
            let metadata = FileNode.Metadata(
                mode: UInt16(found.st_mode & 0o7777), owner: found.st_uid, group: found.st_gid, modified: modified,
                extendedAttributes: try place.attributes(), device: FileNode.DeviceNumber(of: found))
            return FileStatus(kind: kind, byteCount: byteCount, metadata: metadata)
        case .vfat:
            // As FATVolume has it: the file system stores no mode, and nothing at all of its root.
            let metadata = FileNode.Metadata(
                mode: kind == .directory ? 0o755 : 0o644, modified: place.path.isRoot ? 0 : modified)
            return FileStatus(kind: kind, byteCount: byteCount, metadata: metadata)
        }
    }
}

extension MountedVolume.FileSystem {
    /// For mount(8): see ext4(5), and vfat in mount(8).
    fileprivate var options: [DetachedMount.Option] {
        switch self {
        case .ext4:
            // Without noinit_itable the kernel begins to write zeros into holes of the image.
            [.init(name: "noinit_itable"), .init(name: "errors", value: "remount-ro")]
        case .vfat:
            [
                .init(name: "utf8"), .init(name: "flush"), .init(name: "shortname", value: "mixed"),
                .init(name: "tz", value: "UTC"), .init(name: "fmask", value: "0133"),
                .init(name: "dmask", value: "0022"),
            ]
        }
    }
}

extension FileNode.DeviceNumber {
    /// Nil for what is no device. The form is that of stat(2) (sys/sysmacros.h).
    init?(of found: stat) {
        guard [S_IFCHR, S_IFBLK].contains(found.st_mode & S_IFMT) else { return nil }
        let number = UInt64(found.st_rdev)
        self.init(
            major: UInt32(truncatingIfNeeded: number >> 8 & 0xFFF | number >> 32 & ~0xFFF),
            minor: UInt32(truncatingIfNeeded: number & 0xFF | number >> 12 & ~0xFF))
    }

    /// For mknod(2).
    var combined: dev_t {
        let (major, minor) = (UInt64(major), UInt64(minor))
        return dev_t(
            major << 8 & 0xFFF00 | major << 32 & ~0xFFF_FFFF_FFFF | minor & 0xFF | minor << 12 & 0xFFF_FFF0_0000)
    }
}

extension FileNode.Kind {
    /// Nil for a type that there is not.
    init?(mode: mode_t) {
        switch mode & S_IFMT {
        case S_IFREG: self = .file
        case S_IFDIR: self = .directory
        case S_IFLNK: self = .symlink
        case S_IFCHR: self = .characterDevice
        case S_IFBLK: self = .blockDevice
        case S_IFIFO: self = .fifo
        case S_IFSOCK: self = .socket
        default: return nil
        }
    }
}
