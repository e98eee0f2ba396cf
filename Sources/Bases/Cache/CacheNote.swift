import Blocks
import Glibc

/// A small text file of the cache that vouches for itself: its last line is the sha256 of all before it.
struct CacheNote {
    let lines: [Substring]

    enum Reading {
        case absent
        /// Something lies there that nobody can have written so.
        case damaged
        case note(CacheNote)
    }

    private static let ending = "sum "

    /// Reads the note at `path`, of at most `limit` bytes; one without the last line is of an older piforge and counts
    /// as absent.
    static func read(_ path: String, limit: Int) -> Reading {
        let file: OpenFile
        do throws(BlockError) {
            file = try Cache.open(path)
        } catch {
            if case .system(ENOENT, _, _) = error { return .absent }
            return .damaged
        }
        guard let status = try? file.status(), status.isRegular, status.byteCount <= Int64(limit),
            let bytes = try? file.prefix(Int(status.byteCount)), let text = String(validating: bytes, as: UTF8.self)
        else { return .damaged }
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)[...]
        guard lines.popLast()?.isEmpty == true, let last = lines.popLast() else { return .damaged }
        guard last.hasPrefix(ending) else { return .absent }
        guard last.dropFirst(ending.count) == sum(of: lines) else { return .damaged }
        return .note(CacheNote(lines: Array(lines)))
    }

    /// Writes a note so that a reader sees the old one or this one, and nothing between.
    static func write(_ lines: [String], to path: String, durably: Bool = true) throws(BlockError) {
        let all = lines + [ending + sum(of: lines[...])]
        try Cache.replace(path, with: all.joined(separator: "\n") + "\n", durably: durably)
    }

    private static func sum(of lines: some Collection<some StringProtocol>) -> String {
        var hasher = SHA256()
        for line in lines {
            let bytes = Array(line.utf8) + [0x0A]
            hasher.update(bytes.span.bytes)
        }
        return hasher.finalize().description
    }
}

extension Cache {
    /// Opens a file of the cache for reading, and no link; nothing that lies there instead is waited for.
    static func open(_ path: String) throws(BlockError) -> OpenFile {
        try OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK | O_NOFOLLOW)
    }

    /// Removes what lies at `path` unless it is a file, which a rename replaces; throws for a folder with something in it.
    static func makeWay(for path: String) throws(BlockError) {
        var found = stat()
        guard lstat(path, &found) == 0, found.st_mode & S_IFMT != S_IFREG else { return }
        let status = found.st_mode & S_IFMT == S_IFDIR ? rmdir(path) : unlink(path)
        guard status == 0 else { throw .system(errno: errno, operation: "replace", path: path) }
    }
}
