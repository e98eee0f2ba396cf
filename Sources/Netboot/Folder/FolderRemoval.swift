import Glibc
import Images
package import Reports

/// Removes a folder with all that is in it, by descriptors: no link is followed, no mount entered.
package enum FolderRemoval {
    /// Nothing is no error. A folder that a living run fills is refused (flock), unless it is this run's own; so is one
    /// with something mounted in it, before anything is removed.
    ///
    /// What cannot be removed keeps nothing else from it; the first such thing is thrown.
    package static func remove(_ path: String, isOwn: Bool = false) throws(ForgeError) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return }
            throw removing(path, errno)
        }
        defer { close(descriptor) }
        guard isOwn || flock(descriptor, LOCK_EX | LOCK_NB) == 0 else { throw inUse(path) }
        try checkMounts(in: path)
        guard let mount = MountInfo.number(of: descriptor) else { throw removing(path, errno) }
        var work = Work(top: descriptor, mount: mount)
        var moved: Int
        repeat {
            moved = work.moved
            // A second descriptor begins at the beginning.
            let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
            guard copy >= 0 else { throw removing(path, errno) }
            work.empty(closing: copy, depth: 0, path: path)
        } while work.moved > moved
        if let failure = work.failure { throw failure }
        guard rmdir(path) == 0 || errno == ENOENT else { throw removing(path, errno) }
    }

    /// Throws when something is mounted on the folder or in it: what lies there is not the tree's.
    package static func checkMounts(in path: String) throws(ForgeError) {
        guard let points = MountInfo.points(in: path) else {
            throw ForgeError(
                .unavailable, "could not replace \(path): the kernel does not tell what is mounted in it",
                hint: "mount -t proc proc /proc")
        }
        guard let point = points.max(by: { $0.utf8.count < $1.utf8.count }) else { return }
        throw ForgeError(
            .cannotCreate,
            "could not replace \(path): something is mounted at \(point), whose files are not the tree's",
            hint: "umount \(ForgeError.quoted(point))")
    }

    /// Whether a living run fills the folder.
    static func isInUse(_ path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_EX | LOCK_NB) != 0
    }

    static func inUse(_ path: String) -> ForgeError {
        ForgeError(
            .cannotCreate, "could not create \(path): another piforge is writing it",
            hint: "wait for it, or choose another --output")
    }

    private static func removing(_ path: String, _ code: Int32) -> ForgeError {
        let remark = code == EPERM ? ", it may be immutable (chattr(1))" : ""
        return ForgeError(.inputOutput, "could not remove \(path): \(systemMessage(code))\(remark)")
    }

    private struct Work {
        let top: Int32
        /// The number of the mount that all of it lies on.
        let mount: Int
        /// Folders that were moved up.
        private(set) var moved = 0
        private(set) var failure: ForgeError?

        /// Each level takes a descriptor, of which a process has some hundreds. What lies deeper is moved to the top.
        private static let depthLimit = 60

        init(top: Int32, mount: Int) {
            self.top = top
            self.mount = mount
        }

        mutating func empty(closing folder: Int32, depth: Int, path: String) {
            guard let stream = fdopendir(folder) else {
                fail(path)
                close(folder)
                return
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
                if unlinkat(folder, name, 0) == 0 || errno == ENOENT { continue }
                // Of a folder, unlink(2) says EISDIR on Linux and EPERM by POSIX; immutable files are EPERM, too.
                guard errno == EISDIR || errno == EPERM else { fail("\(path)/\(text)"); continue }
                remove(name, in: folder, depth: depth, path: "\(path)/\(text)")
            }
        }

        private mutating func remove(_ name: [CChar], in folder: Int32, depth: Int, path: String) {
            let child = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            let own = child < 0 ? nil : MountInfo.number(of: child)
            // Nearer to the top fewer descriptors are open.
            let isTooDeep = depth >= Self.depthLimit || depth > 0 && own == nil && (errno == EMFILE || errno == ENFILE)
            guard let own, own == mount, !isTooDeep else {
                let code = own == nil ? errno : EBUSY
                if child >= 0 { close(child) }
                if isTooDeep, own == nil || own == mount,
                    renameat(folder, name, top, ".piforge-deep-\(moved)") == 0
                {
                    moved += 1
                    return
                }
                errno = code == ENOTDIR ? EPERM : code
                return fail(path)
            }
            empty(closing: child, depth: depth + 1, path: path)
            guard unlinkat(folder, name, Int32(AT_REMOVEDIR)) == 0 || errno == ENOENT else { return fail(path) }
        }

        /// Keeps what errno says, when it is the first failure. That a folder is not empty follows from another.
        private mutating func fail(_ path: String) {
            if failure == nil { failure = removing(path, errno) }
        }
    }
}
