import CLinux
import Glibc
package import Reports
package import Trees

/// A controller's root folder: `/` on the controller itself, or that of its card, mounted anywhere. Links in it lead to
/// where they would lead the controller, and nowhere else.
package struct ControllerRoot: Sendable {
    package let path: String

    package init(_ path: String) { self.path = path }

    /// Where a path of the controller's lies when no link is on the way.
    package func place(_ path: VolumePath) -> String { (self.path == "/" ? "" : self.path) + path.description }

    /// Where a path of the controller's really lies; nil when nothing lies there.
    package func realPlace(_ path: VolumePath) throws(ForgeError) -> String? {
        let place = place(path)
        if self.path == "/" { return access(place, F_OK) == 0 ? place : nil }
        let root = open(self.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard root >= 0 else { throw ForgeError.reading(self.path, errno: errno) }
        defer { close(root) }
        let found = path.isRoot ? dup(root) : clinux_open_in_root(root, String(path.description.dropFirst()))
        guard found >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            guard errno == ENOSYS else { throw ForgeError.reading(place, errno: errno) }
            return try Self.checkWithoutLinks(path, below: root) ? place : nil
        }
        defer { close(found) }
        let real = try Self.name(of: found)
        return try real == Self.name(of: root) + path.description ? place : real
    }

    /// For Linux before 5.6: refuses links. False when nothing lies there.
    private static func checkWithoutLinks(_ path: VolumePath, below root: Int32) throws(ForgeError) -> Bool {
        var current = dup(root)
        defer { close(current) }
        for name in path.components {
            let next = openat(current, name, Int32(CLINUX_O_PATH) | O_NOFOLLOW | O_CLOEXEC)
            guard next >= 0 else {
                if errno == ENOENT || errno == ENOTDIR { return false }
                throw ForgeError.reading(path.description, errno: errno)
            }
            close(current)
            current = next
            var status = stat()
            guard fstat(current, &status) == 0, status.st_mode & S_IFMT != S_IFLNK else {
                throw ForgeError(
                    .unavailable, "could not use \(path) of the controller: a link is on the way",
                    hint: "this takes Linux 5.6; run it on the controller itself")
            }
        }
        return true
    }

    private static func name(of descriptor: Int32) throws(ForgeError) -> String {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/fd/\(descriptor)", &bytes, bytes.count)
        guard count > 0 else { throw ForgeError.reading("/proc/self/fd", errno: errno) }
        return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
