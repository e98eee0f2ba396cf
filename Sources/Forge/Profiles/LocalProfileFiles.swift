import Blocks
import Glibc
import Images
package import Plans
import Synchronization
package import Trees

/// The files of this machine, seen from a profile's folder.
package struct LocalProfileFiles: ProfileFiles {
    /// What relative paths begin at; empty for the current folder.
    private let folder: String
    /// What `~/` stands for; nil leaves it as it is.
    private let home: String?

    /// `folder` holds the profile (or is the current one, for flags), `home` is the user's.
    package init(folder: String, home: String?) {
        self.folder = folder
        self.home = home
    }

    /// The files beside a profile: relative paths begin in its folder.
    package init(besideProfile path: String, home: String?) {
        self.init(folder: Self.folder(ofProfile: path), home: home)
    }

    /// What relative paths in a profile begin at; empty for the current folder, where also those of a pipe begin.
    package static func folder(ofProfile path: String) -> String {
        guard !isDescriptor(path), let end = path.lastIndex(of: "/") else { return "" }
        return end == path.startIndex ? "/" : String(path[..<end])
    }

    /// Whether a path stands for something that the person has opened, such as `<(sops -d piforge.yaml)`.
    private static func isDescriptor(_ path: String) -> Bool {
        path == "/dev/stdin" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
    }

    package func resolve(_ path: String) -> String {
        if let home, path == "~" || path.hasPrefix("~/") { return home + path.dropFirst() }
        if path.hasPrefix("/") || folder.isEmpty { return path }
        return folder.hasSuffix("/") ? folder + path : folder + "/" + path
    }

    package func status(_ path: String, followingLink: Bool) throws(ProfileFileError) -> ProfileFileStatus {
        var status = stat()
        let flags = followingLink ? 0 : AT_SYMLINK_NOFOLLOW
        guard fstatat(AT_FDCWD, try checked(path), &status, flags) == 0 else { throw Self.error(errno) }
        let kind = Self.kind(status)
        return ProfileFileStatus(
            kind: kind, isExecutable: status.st_mode & S_IXUSR != 0,
            isPrivate: kind != .link && status.st_mode & (S_IRGRP | S_IROTH) == 0)
    }

    package func read(_ path: String, limit: Int) throws(ProfileFileError) -> [UInt8] {
        if let kept = Self.pipes.withLock({ $0[path] }), kept.count <= limit { return kept }
        // O_NONBLOCK: opening a fifo must not wait for someone to write.
        let descriptor = open(try checked(path), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)
        guard descriptor >= 0 else { throw Self.error(errno) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw Self.error(errno) }
        // A descriptor that the person opened, such as `3< <(age -d secret.age)`, may be a pipe with someone at its end.
        let isOpened = Self.isDescriptor(path) && status.st_mode & S_IFMT == S_IFIFO
        guard Self.kind(status) == .file || isOpened else { throw .notAFile }
        if isOpened { _ = fcntl(descriptor, F_SETFL, O_RDONLY) }
        guard let bytes = Transfer.rest(of: descriptor, limit: limit + 1) else { throw Self.error(errno) }
        guard bytes.count <= limit else { throw .tooLarge(limit: limit) }
        if isOpened { Self.pipes.withLock { $0[path] = bytes } } else { SourceFiles.add(resolve(path)) }
        return bytes
    }

    /// What came out of pipes, which give it only once, by their paths; some commands read a profile for each image.
    private static let pipes = Mutex<[String: [UInt8]]>([:])

    package func stored(_ path: String, limit: Int) throws(ProfileFileError) -> StoredFile? {
        var status = stat()
        let resolved = try checked(path)
        guard fstatat(AT_FDCWD, resolved, &status, 0) == 0 else { throw Self.error(errno) }
        guard Self.kind(status) == .file, Int64(status.st_size) >= StoredFile.leastByteCount else { return nil }
        guard Int64(status.st_size) <= Int64(limit) else { throw .tooLarge(limit: limit) }
        do throws(BlockError) {
            SourceFiles.add(resolved)
            return try StoredFile(UserFile(path: resolved))
        } catch {
            if case .system(let code, _, _) = error { throw Self.error(code) }
            throw .failed("\(error)")
        }
    }

    package func entries(in path: String) throws(ProfileFileError) -> [String] {
        guard let stored = FolderListing.storedNames(in: try checked(path)) else { throw Self.error(errno) }
        let names = stored.compactMap { String(validating: $0, as: UTF8.self) }
        guard names.count == stored.count else { throw .invalidName }
        return names
    }

    package func linkText(_ path: String) throws(ProfileFileError) -> String {
        let resolved = try checked(path)
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(resolved, &buffer, buffer.count)
        guard count >= 0 else { throw Self.error(errno) }
        guard let text = String(validating: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self) else {
            throw .invalidName
        }
        return text
    }

    /// The resolved path; C would cut it at a NUL.
    private func checked(_ path: String) throws(ProfileFileError) -> String {
        guard !path.isEmpty, !path.utf8.contains(0) else { throw .notFound }
        return resolve(path)
    }

    private static func kind(_ status: stat) -> ProfileFileStatus.Kind {
        switch status.st_mode & S_IFMT {
        case S_IFREG: .file
        case S_IFDIR: .folder
        case S_IFLNK: .link
        default: .other
        }
    }

    private static func error(_ code: Int32) -> ProfileFileError {
        switch code {
        case ENOENT: .notFound
        case EACCES, EPERM: .notPermitted
        case ENOTDIR: .notAFolder
        case EISDIR: .notAFile
        default: .failed(String(cString: strerror(code)).lowercased())
        }
    }
}
