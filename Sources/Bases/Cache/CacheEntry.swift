import Blocks
import Glibc
import Reports

/// One kept file: its data, a note that vouches for it, and a lock for whoever makes it.
///
/// The data counts only with a note that is whole and whose identity (size, inode, times) is that of the file. A note
/// with another identity asks for the digest: equal, the note is renewed; different, the file is damaged and is made
/// anew. So it is when something lies there that is no file.
/// The order of making is: data on disk, its name, then the note; a process killed in between leaves data without a
/// note, which counts for nothing and is replaced. Whoever uses the data holds a shared flock(2) on it.
struct CacheEntry: Equatable, Sendable {
    /// Where the data lies.
    let dataPath: String
    /// What vouches for it; its modification time is when the entry was last used.
    let notePath: String
    /// Held with flock(2) by whoever makes it.
    let lockPath: String

    init(dataPath: String, notePath: String? = nil, lockPath: String? = nil) {
        self.dataPath = dataPath
        self.notePath = notePath ?? dataPath + ".note"
        self.lockPath = lockPath ?? dataPath + ".lock"
    }

    var partialPath: String { "\(dataPath).partial.\(getpid())" }

    /// Notes are small; one larger than this is none.
    private static let noteLimit = 32 << 20

    /// The data and the lines of its note, if it is there and unchanged; `onDamage` gets the path of what was there and
    /// is damaged. With `isVerifying` the digest is asked for in any case.
    func open(
        isVerifying: Bool = false, onDamage: (String) -> Void
    ) throws(BlockError) -> (file: OpenFile, lines: [Substring])? {
        var lines: ArraySlice<Substring>
        switch CacheNote.read(notePath, limit: Self.noteLimit) {
        case .absent: return nil
        case .damaged:
            onDamage(notePath)
            return nil
        case .note(let note): lines = note.lines[...]
        }
        guard let heading = lines.popFirst(), heading == Self.heading, let identity = lines.popFirst(),
            let digest = lines.popFirst()
        else {
            return nil
        }
        guard isDataRegular else {
            onDamage(dataPath)
            return nil
        }
        guard let file = try? share() else { return nil }
        let status = try file.status()
        if isVerifying || identity != Self.identity(of: status) {
            guard try Self.digest(of: file).description == String(digest) else {
                onDamage(dataPath)
                return nil
            }
            try write(digest: String(digest), lines: lines.map(String.init), status: status)
        }
        utimensat(AT_FDCWD, notePath, nil, 0)
        return (file, Array(lines))
    }

    /// Whether a file lies where the data should, or nothing.
    private var isDataRegular: Bool {
        var found = stat()
        return lstat(dataPath, &found) != 0 || found.st_mode & S_IFMT == S_IFREG
    }

    /// Makes the entry from a file that `fill` writes; returns it as `open` does. The caller holds `lock`.
    func make<Failure: Error>(
        wrap: (BlockError) -> Failure, fill: (OpenFile) throws(Failure) -> (digest: SHA256Digest, lines: [String])
    ) throws(Failure) -> OpenFile {
        let partial = partialPath
        do throws(Failure) {
            let file = try wrapping(as: wrap) { () throws(BlockError) in
                try Cache.makeWay(for: partial)
                return try OpenFile(path: partial, flags: O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW)
            }
            let (digest, lines) = try fill(file)
            return try wrapping(as: wrap) { () throws(BlockError) in
                try commit(file, digest: digest, lines: lines)
                // Opened anew so that nobody downstream holds a descriptor that can write.
                return try share()
            }
        } catch {
            unlink(partial)
            throw error
        }
    }

    /// Makes the partial file the entry's data and vouches for it; the caller holds `lock`.
    func commit(_ file: OpenFile, digest: SHA256Digest, lines: [String]) throws(BlockError) {
        try file.synchronize()
        try Cache.makeWay(for: dataPath)
        try Cache.rename(partialPath, to: dataPath)
        try write(digest: digest.description, lines: lines, status: file.status())
    }

    /// Waits until nobody else makes this entry; nil when `isCancelled` says so. Held while the result lives.
    func lock(isCancelled: () -> Bool, onWait: () -> Void = {}) throws(BlockError) -> OpenFile? {
        let file = try OpenFile(path: lockPath, flags: O_RDWR | O_CREAT)
        var didWait = false
        while flock(file.descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw file.failure("lock") }
            if isCancelled() { return nil }
            if !didWait { onWait() }
            didWait = true
            usleep(50_000)
        }
        return file
    }

    /// Opens the data for reading and marks it as in use for as long as it is open.
    private func share() throws(BlockError) -> OpenFile {
        let file = try Cache.open(dataPath)
        guard flock(file.descriptor, LOCK_SH | LOCK_NB) == 0 else { throw file.failure("lock") }
        return file
    }

    private func write(digest: String, lines: [String], status: OpenFile.Status) throws(BlockError) {
        try CacheNote.write([Self.heading, Self.identity(of: status), digest] + lines, to: notePath)
    }

    private static let heading = "piforge-note 2"

    private static func identity(of status: OpenFile.Status) -> String {
        "\(status.byteCount) \(status.inode) \(status.modified) \(status.changed)"
    }

    static func text(of path: String, limit: Int) -> String? {
        guard let file = try? Cache.open(path), let status = try? file.status(),
            status.isRegular, status.byteCount <= Int64(limit), let bytes = try? file.prefix(Int(status.byteCount))
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func digest(of file: OpenFile, isCancelled: () -> Bool) throws(BaseImageError) -> SHA256Digest {
        var wasCancelled = false
        let digest = try wrapping(
            Self.digest(
                of: file,
                goesOn: {
                    wasCancelled = isCancelled()
                    return !wasCancelled
                }), as: BaseImageError.block)
        if wasCancelled { throw .cancelled }
        return digest
    }

    /// The file's sha256; of its first bytes alone when `goesOn`, asked for each piece, says no.
    static func digest(of file: OpenFile, goesOn: () -> Bool = { true }) throws(BlockError) -> SHA256Digest {
        var hasher = SHA256()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        let end = try file.measuredByteCount()
        var offset: Int64 = 0
        while offset < end {
            // Holes are not read.
            let data = try file.nextData(from: offset, end: end) ?? end..<end
            hasher.updateZeros(count: data.lowerBound - offset)
            offset = data.lowerBound
            while offset < data.upperBound {
                guard goesOn() else { return hasher.finalize() }
                let part = UnsafeMutableRawBufferPointer(
                    rebasing: buffer[..<Int(min(Int64(buffer.count), data.upperBound - offset))])
                guard try file.read(upTo: part, at: offset) == part.count else {
                    throw .truncated(path: file.path, expected: end, found: try file.measuredByteCount())
                }
                hasher.update(UnsafeRawBufferPointer(part))
                offset += Int64(part.count)
            }
        }
        return hasher.finalize()
    }
}
