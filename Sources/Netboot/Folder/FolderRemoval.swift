import Glibc
package import Reports

/// Removes a folder with all that is in it, by descriptors: no link is followed, no other file system entered.
package enum FolderRemoval {
    /// Nothing is no error. A folder that a living run fills is refused (flock), unless it is this run's own.
    package static func remove(_ path: String, isOwn: Bool = false) throws(ForgeError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw ForgeError.writing(path, errno: errno)
        }
        guard isOwn || flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw inUse(path)
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            let code = errno
            close(descriptor)
            throw ForgeError.writing(path, errno: code)
        }
        try empty(descriptor, on: status.st_dev, path: path)
        guard rmdir(path) == 0 else { throw ForgeError.writing(path, errno: errno) }
    }

    static func inUse(_ path: String) -> ForgeError {
        ForgeError(
            .cannotCreate, "could not create \(path): another piforge is writing it",
            hint: "wait for it, or choose another --output")
    }

    /// Takes over the descriptor.
    private static func empty(_ folder: Int32, on device: dev_t, path: String) throws(ForgeError) {
        guard let stream = fdopendir(folder) else {
            let code = errno
            close(folder)
            throw ForgeError.writing(path, errno: code)
        }
        defer { closedir(stream) }
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                    Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
                }
            }
            let text = String(decoding: name.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if text == "." || text == ".." { continue }
            if unlinkat(folder, name, 0) == 0 { continue }
            guard errno == EISDIR || errno == EPERM else {
                throw ForgeError.writing("\(path)/\(text)", errno: errno)
            }
            let child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            var status = stat()
            guard child >= 0, fstat(child, &status) == 0 else {
                throw ForgeError.writing("\(path)/\(text)", errno: errno)
            }
            guard status.st_dev == device else {
                close(child)
                throw ForgeError.writing("\(path)/\(text)", errno: EBUSY)
            }
            try empty(child, on: device, path: "\(path)/\(text)")
            guard unlinkat(folder, name, Int32(AT_REMOVEDIR)) == 0 else {
                throw ForgeError.writing("\(path)/\(text)", errno: errno)
            }
        }
    }
}
