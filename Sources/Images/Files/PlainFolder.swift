package import Glibc

/// An open folder below which names are taken as they are: no link is followed on the way.
///
/// For trees that somebody else writes to, such as a node over NFS.
package struct PlainFolder: ~Copyable {
    package let descriptor: Int32

    /// The folder at a path of this machine's; nil and errno when it cannot be opened.
    package init?(_ path: String) {
        self.init(opened: open(path, Self.flags))
    }

    private init?(opened descriptor: Int32) {
        // Before anything is set: what fails after that is closed, which would change errno.
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
    }

    /// A folder below this one; nil and errno, ENOTDIR for a link, when there is none.
    package func folder(_ names: some Sequence<String>) -> PlainFolder? {
        var current = openat(descriptor, ".", Self.flags)
        for name in names where current >= 0 {
            let next = openat(current, name, Self.flags)
            let code = errno
            close(current)
            errno = code
            current = next
        }
        return PlainFolder(opened: current)
    }

    private static let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC

    /// What lies under a name; nil and errno when nothing does.
    package func status(of name: String) -> stat? {
        var found = stat()
        return fstatat(descriptor, name, &found, AT_SYMLINK_NOFOLLOW) == 0 ? found : nil
    }

    /// A path for calls that take no folder; only its last part can be a link.
    package func path(of name: String) -> String { "/proc/self/fd/\(descriptor)/\(name)" }

    deinit { close(descriptor) }
}
