import Blocks
import Glibc
package import Reports

/// A file that is read as a whole, when it is one.
package enum RegularFile {
    /// The first `limit` bytes. A folder, a pipe, a socket or a device is refused, and never waited for.
    package static func bytes(of path: String, limit: Int = 16 << 20) throws(ForgeError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            // Of a socket (open(2)).
            throw errno == ENXIO ? notAFile(path, S_IFSOCK) : ForgeError.reading(path, errno: errno)
        }
        return try bytes(taking: descriptor, path: path, limit: limit)
    }

    /// The same of a name in an open folder; a link is refused, too.
    package static func bytes(
        of name: String, in folder: borrowing PlainFolder, path: String, limit: Int = 16 << 20
    ) throws(ForgeError) -> [UInt8] {
        let descriptor = openat(folder.descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw ForgeError.reading(path, errno: errno) }
        return try bytes(taking: descriptor, path: path, limit: limit)
    }

    private static func bytes(
        taking descriptor: Int32, path: String, limit: Int
    ) throws(ForgeError) -> [UInt8] {
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw ForgeError.reading(path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw notAFile(path, status.st_mode & S_IFMT) }
        guard let bytes = Transfer.prefix(of: descriptor, count: min(limit, Int(clamping: status.st_size))) else {
            throw ForgeError.reading(path, errno: errno)
        }
        return bytes
    }

    private static func notAFile(_ path: String, _ type: mode_t) -> ForgeError {
        let what =
            switch type {
            case S_IFDIR: "a folder"
            case S_IFIFO: "a named pipe"
            case S_IFSOCK: "a socket"
            case S_IFCHR, S_IFBLK: "a device"
            default: "no file"
            }
        return ForgeError(.badInput, "could not read \(path): it is \(what)", hint: "put a file there, or take it away")
    }
}
