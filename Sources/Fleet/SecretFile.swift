import Blocks
import Glibc
package import Identity
package import Reports

/// The file that holds a cluster's secret.
package enum SecretFile {
    /// Writes a new secret that only the owner may read; throws when anything lies at `path`.
    package static func create(_ secret: IdentitySecret, at path: String) throws(ForgeError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            guard errno == EEXIST else { throw ForgeError.writing(path, errno: errno) }
            throw ForgeError(
                .cannotCreate, "could not create \(path): it exists, and all keys of its cluster follow from it",
                hint: "to renew one slot, count its identity_generation up; to renew all, move the file away first")
        }
        defer { close(descriptor) }
        // O_EXCL obeys the umask, which may take the owner's rights, too.
        let text = Array(secret.fileText.utf8)
        guard fchmod(descriptor, 0o600) == 0, text.withUnsafeBytes({ Transfer.write($0, to: descriptor) }),
            fsync(descriptor) == 0
        else {
            let code = errno
            unlink(path)
            throw ForgeError.writing(path, errno: code)
        }
    }

    /// Whether others than the owner may read the file at `path`; false when that cannot be told.
    package static func isReadableByOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_mode & 0o077 != 0
    }
}
