import Blocks
import Glibc

/// The folder that keeps unpacked base images, so that only the first build unpacks.
///
/// ```
///   images/<sha256>.img                 the unpacked image, sparse, mode 0600
///   images/<sha256>.info                vouches for it (CacheEntry); without it the image counts for nothing
///   images/<sha256>.lock                held with flock(2) while one process unpacks
///   images/<sha256>.img.partial.<pid>   an image on its way; removed when its process is gone
///   packed/<sha256>.<parameters>.<range>.xz   a part of the image in blocks, with .note, .lock and .partial.<pid>
///   maps/<sha256>.map                   digests of runs of blocks, for block maps, with .note, .lock and .partial.<pid>
///   trees/<sha256>.<form>.tree          a tree archive with random access, with .note, .lock, .partial.<pid>
///   downloads/<sha256>.download         a file that came from a URL, with .note, .lock and .partial.<pid>
///   downloads/<key>.part                the beginning of one, with .note and .lock; the next run goes on from there
///   downloads/<key>.url                 what a URL gave when it was last asked
///   digests/<device>-<inode>            the sha256 of a file, and the size and times it had then
/// ```
package struct Cache: Equatable, Sendable {
    /// The folder; it is made, with mode 0700, when it is first needed.
    package let path: String

    package init(path: String) {
        self.path = path
    }

    /// `$XDG_CACHE_HOME/piforge`, else `$HOME/.cache/piforge`; `nil` when neither is an absolute path.
    ///
    /// A relative `XDG_CACHE_HOME` is passed over as the XDG Base Directory Specification demands.
    package static func standard(environment: [String: String]) -> Cache? {
        if let folder = environment["XDG_CACHE_HOME"], folder.hasPrefix("/") {
            return Cache(path: folder + "/piforge")
        }
        if let home = environment["HOME"], home.hasPrefix("/") {
            return Cache(path: home + "/.cache/piforge")
        }
        return nil
    }

    var imagesPath: String { path + "/images" }
    var digestsPath: String { path + "/digests" }
    var packedPath: String { path + "/packed" }
    var mapsPath: String { path + "/maps" }
    var treesPath: String { path + "/trees" }

    var downloadsPath: String { path + "/downloads" }

    /// Makes the folder and what leads to it.
    func prepare() throws(BlockError) {
        for folder in [imagesPath, digestsPath, packedPath, mapsPath, treesPath, downloadsPath] {
            try Self.makeFolder(folder)
        }
    }

    private static func makeFolder(_ path: String) throws(BlockError) {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
            throw .system(errno: errno, operation: "create", path: path)
        }
        try makeFolder(String(path[..<slash]))
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw .system(errno: errno, operation: "create", path: path)
        }
    }

    /// Writes a small file so that a reader sees the old or the new content and nothing between;
    /// after a power failure that holds only when written `durably`.
    static func replace(_ path: String, with text: String, durably: Bool = true) throws(BlockError) {
        let temporary = "\(path).new.\(getpid()).\(UInt32.random(in: 0...(.max)))"
        let file = try OpenFile(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL)
        do {
            let bytes = Array(text.utf8)
            try bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: 0) }
            if durably { try file.synchronize() }
            try makeWay(for: path)
            try rename(temporary, to: path)
        } catch {
            unlink(temporary)
            throw error
        }
    }

    static func rename(_ path: String, to target: String) throws(BlockError) {
        guard Glibc.rename(path, target) == 0 else {
            throw .system(errno: errno, operation: "rename", path: path)
        }
    }
}
