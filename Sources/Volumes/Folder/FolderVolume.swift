import Blocks
import CLinux
import Glibc
package import Trees

/// A folder of this machine, to be looked at: nothing in it can be changed. No symbolic link leads out of it, as paths
/// are taken literally.
package final class FolderVolume: ReadableVolume {
    private let top: String
    /// Files above this many bytes are not read.
    private static let byteLimit: Int64 = 256 << 20

    package init(_ path: String) { top = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        for folder in path.ancestors {
            guard let above = try fileStatus(folder) else { return nil }
            guard above.st_mode & S_IFMT == S_IFDIR else { throw .notADirectory(folder) }
        }
        guard let found = try fileStatus(path) else { return nil }
        let kind = Self.kind(found.st_mode)
        var metadata = FileNode.Metadata(
            mode: UInt16(found.st_mode & 0o7777), owner: found.st_uid, group: found.st_gid,
            modified: Int64(found.st_mtim.tv_sec))
        if kind == .characterDevice || kind == .blockDevice {
            let device = UInt64(found.st_rdev)
            // major(3) and minor(3), which are macros that Swift does not see.
            metadata.device = FileNode.DeviceNumber(
                major: UInt32(truncatingIfNeeded: device >> 8 & 0xFFF),
                minor: UInt32(truncatingIfNeeded: device & 0xFF | device >> 12 & 0xFFF00))
        }
        if let value = try attribute("security.capability", path) {
            metadata.extendedAttributes["security.capability"] = value
        }
        let hasBytes = kind == .file || kind == .symlink
        return FileStatus(kind: kind, byteCount: hasBytes ? Int64(found.st_size) : 0, metadata: metadata)
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        guard let status = try status(at: path) else { return nil }
        let content: FileNode.Content
        switch status.kind {
        case .file: content = .file(try bytes(path, status.byteCount))
        case .directory: content = .directory
        case .symlink: content = .symlink(try linkText(path))
        case .characterDevice, .blockDevice, .fifo, .socket: content = .special(status.kind)
        }
        return FileNode(content: content, metadata: status.metadata)
    }

    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        guard let status = try status(at: path), status.kind == .file else { return nil }
        do throws(BlockError) {
            return ReaderContent(
                try FileReader(OpenFile(path: place(path), flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)))
        } catch {
            throw VolumeError(error)
        }
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        guard let status = try status(at: directory) else { throw .notFound(directory) }
        guard status.kind == .directory else { throw .notADirectory(directory) }
        guard let names = FolderListing.names(in: place(directory)) else { throw failure("list", directory) }
        return names
    }

    private func place(_ path: VolumePath) -> String { path.isRoot ? top : top + path.description }

    private func failure(_ verb: String, _ path: VolumePath) -> VolumeError {
        .device("cannot \(verb) \(place(path)): \(String(cString: strerror(errno)).lowercased())")
    }

    private func fileStatus(_ path: VolumePath) throws(VolumeError) -> stat? {
        var status = stat()
        // The top itself may be named by a link.
        guard (path.isRoot ? stat(place(path), &status) : lstat(place(path), &status)) == 0 else {
            if errno == ENOENT { return nil }
            throw failure("look at", path)
        }
        return status
    }

    private static func kind(_ mode: mode_t) -> FileNode.Kind {
        switch mode & S_IFMT {
        case S_IFDIR: .directory
        case S_IFLNK: .symlink
        case S_IFCHR: .characterDevice
        case S_IFBLK: .blockDevice
        case S_IFIFO: .fifo
        case S_IFSOCK: .socket
        default: .file
        }
    }

    private func attribute(_ name: String, _ path: VolumePath) throws(VolumeError) -> [UInt8]? {
        var value = [UInt8](repeating: 0, count: 64)
        let count = lgetxattr(place(path), name, &value, value.count)
        guard count >= 0 else {
            if errno == ENODATA || errno == ENOTSUP || errno == ERANGE { return nil }
            throw failure("read attributes of", path)
        }
        return Array(value.prefix(count))
    }

    private func linkText(_ path: VolumePath) throws(VolumeError) -> String {
        var text = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(place(path), &text, text.count)
        guard count >= 0 else { throw failure("read", path) }
        return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private func bytes(_ path: VolumePath, _ byteCount: Int64) throws(VolumeError) -> [UInt8] {
        guard byteCount <= Self.byteLimit else {
            throw .fileTooLarge(path, byteCount: byteCount, limit: Self.byteLimit)
        }
        let descriptor = open(place(path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure("open", path) }
        defer { Glibc.close(descriptor) }
        guard let bytes = Transfer.prefix(of: descriptor, count: Int(byteCount)) else { throw failure("read", path) }
        return bytes
    }
}
