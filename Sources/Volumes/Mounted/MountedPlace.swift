import Blocks
import CLinux
import Glibc
import Reports
import Trees

/// A name in an open folder of a mounted volume, whether something lies there or not. No link is followed.
struct MountedPlace: ~Copyable {
    let folder: Descriptor
    /// As the file system has it, which may differ in case from what was asked for; "." for the volume's root.
    let name: String
    let path: VolumePath

    /// A file of more bytes is not read, as in `Ext4Volume`.
    private static let contentLimit: Int64 = 1 << 30

    /// For the calls that know no folder; only the last part is untrusted, and those do not follow it.
    var procPath: String { "/proc/self/fd/\(folder.number)/\(name)" }

    /// What lies there; nil when nothing does.
    func look() throws(VolumeError) -> stat? {
        var found = stat()
        if fstatat(folder.number, name, &found, AT_SYMLINK_NOFOLLOW) == 0 { return found }
        guard errno == ENOENT || errno == ENAMETOOLONG else { throw failure("stat") }
        return nil
    }

    func bytes(byteCount: Int64) throws(VolumeError) -> [UInt8] {
        guard byteCount <= Self.contentLimit else {
            throw .fileTooLarge(path, byteCount: byteCount, limit: Self.contentLimit)
        }
        guard let file = open(O_RDONLY | Int32(CLINUX_O_NOATIME)) else { throw failure("open") }
        guard let bytes = Transfer.prefix(of: file.number, count: Int(byteCount)) else { throw failure("read") }
        return bytes
    }

    /// The bytes of the file, which stays open as long as this is kept.
    func content(byteCount: Int64) throws(VolumeError) -> any FileContent {
        guard let file = open(O_RDONLY | Int32(CLINUX_O_NOATIME)) else { throw failure("open") }
        return try OpenedContent(duplicating: file.number, byteCount: byteCount, path: path)
    }

    /// The file, nil and errno when it cannot be opened.
    func open(_ flags: Int32) -> Descriptor? {
        Descriptor(openat(folder.number, name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))
    }

    func linkText() throws(VolumeError) -> String {
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX) + 1)
        let capacity = buffer.count
        let count = buffer.withUnsafeMutableBytes { bytes -> Int in
            guard let start = bytes.baseAddress else { return 0 }
            return readlinkat(folder.number, name, start.assumingMemoryBound(to: CChar.self), capacity)
        }
        guard count >= 0 else { throw failure("read the link") }
        let bytes = buffer.prefix(count)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .invalidName(
                String(decoding: bytes, as: UTF8.self), reason: "the text of the link \(path) is not UTF-8")
        }
        return text
    }

    /// The names in the folder that lies here, as they are stored, without "." and "..".
    func names() throws(VolumeError) -> [[UInt8]] {
        let descriptor = openat(folder.number, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("open") }
        guard let names = FolderListing.names(closing: descriptor) else { throw failure("list") }
        return names
    }

    /// All extended attributes by full name.
    func attributes() throws(VolumeError) -> [String: [UInt8]] {
        let list = try value(of: "the list of attributes") { llistxattr(procPath, $0, $1) }
        var attributes: [String: [UInt8]] = [:]
        for bytes in list.split(separator: 0) {
            let attribute = String(decoding: bytes, as: UTF8.self)
            attributes[attribute] = try value(of: attribute) { lgetxattr(procPath, attribute, $0, $1) }
        }
        return attributes
    }

    /// Asks for a size and then for so many bytes, as the calls for attributes want it.
    private func value(
        of what: String, _ read: (UnsafeMutablePointer<CChar>?, Int) -> Int
    ) throws(VolumeError) -> [UInt8] {
        let count = read(nil, 0)
        guard count > 0 else {
            if count == 0 || errno == ENOTSUP { return [] }
            throw failure("read \(what) of")
        }
        var bytes = [UInt8](repeating: 0, count: count)
        let found = bytes.withUnsafeMutableBytes { read($0.baseAddress?.assumingMemoryBound(to: CChar.self), $0.count) }
        guard found >= 0 else { throw failure("read \(what) of") }
        return Array(bytes.prefix(found))
    }

    /// What errno means for this path.
    func failure(_ operation: String) -> VolumeError {
        switch errno {
        case ENOSPC, EDQUOT: .noSpace(path)
        case EUCLEAN, EBADMSG: .corrupt("\(path): the kernel finds it damaged")
        case ENAMETOOLONG: .invalidName(name, reason: "\(name.utf8.count) bytes are more than a name may have")
        case EPERM:
            .unsupported(
                feature: "the kernel does not let root \(operation) \(path), which may be immutable (chattr(1))",
                remedy: "leave out --engine loop")
        default: .device("could not \(operation) \(path): \(systemMessage(errno))")
        }
    }
}

extension MountedVolume {
    /// Walks down to the folder above `path`: nil when that is missing, `notADirectory` when something else is on the
    /// way.
    func place(of path: VolumePath) throws(VolumeError) -> MountedPlace? {
        guard let last = path.name else { return try place("/", ".", in: root(), at: path) }
        guard var folder = Descriptor(openat(try root(), ".", Self.folderFlags)) else {
            throw .device("could not open the volume's root: \(systemMessage(errno))")
        }
        var above = VolumePath.root
        for name in path.parent.components {
            above = above.appending(name) ?? above
            let stored = try storedName(of: name, in: folder.number, at: above)
            guard let next = Descriptor(openat(folder.number, stored, Self.folderFlags)) else {
                switch errno {
                case ENOENT, ENAMETOOLONG: return nil
                case ENOTDIR, ELOOP: throw .notADirectory(above)
                default: throw .device("could not open \(above): \(systemMessage(errno))")
                }
            }
            folder = next
        }
        let stored = try storedName(of: last, in: folder.number, at: path)
        return MountedPlace(folder: folder, name: stored, path: path)
    }

    /// O_NOFOLLOW makes a link `ENOTDIR`.
    private static let folderFlags = Int32(CLINUX_O_PATH) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC

    private func place(
        _ what: String, _ name: String, in folder: Int32, at path: VolumePath
    ) throws(VolumeError) -> MountedPlace {
        guard let copy = Descriptor(openat(folder, ".", Self.folderFlags)) else {
            throw .device("could not open \(what): \(systemMessage(errno))")
        }
        return MountedPlace(folder: copy, name: name, path: path)
    }

    /// On FAT the name that an entry has which this one means; the kernel compares letters beyond ASCII by their bytes
    /// (fs/nls/nls_utf8.c), Windows, firmware and `FATVolume` do not.
    private func storedName(of name: String, in folder: Int32, at path: VolumePath) throws(VolumeError) -> String {
        guard type == .vfat, !name.utf8.allSatisfy({ $0 < 0x80 }) else { return name }
        let all = try place(path.parent.description, ".", in: folder, at: path).names()
        let wanted = LongName.folded(name)
        let names = all.map { String(decoding: $0, as: UTF8.self) }.filter { LongName.folded($0) == wanted }
        return names.first { $0.unicodeScalars.elementsEqual(name.unicodeScalars) } ?? names.first ?? name
    }
}

/// A file of a mounted volume, open for reading.
private struct OpenedContent: FileContent {
    let file: OpenFile
    let byteCount: Int64

    init(duplicating descriptor: Int32, byteCount: Int64, path: VolumePath) throws(VolumeError) {
        self.byteCount = byteCount
        do throws(BlockError) { file = try OpenFile(duplicating: descriptor, path: path.description) } catch {
            throw VolumeError(error)
        }
    }

    func read(into buffer: inout MutableRawSpan, at offset: Int64) throws(VolumeError) {
        do throws(BlockError) { try file.fill(&buffer, at: offset, size: byteCount) } catch { throw VolumeError(error) }
    }
}
