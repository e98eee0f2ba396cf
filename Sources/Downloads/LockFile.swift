package import Blocks
import FoundationEssentials
import Glibc
package import Reports

/// `piforge.lock` beside a profile: what each address gave when it was first used, so that it gives the same later.
package struct LockFile: Equatable, Sendable {
    package static let name = "piforge.lock"
    private static let version = 1
    private static let byteLimit = 1 << 20

    /// One base.
    package struct Entry: Equatable, Sendable, Codable {
        /// The first address that the profile names, or the one that its list does.
        package var url: String
        /// The list and the name in it, for a base of a list.
        package var list: String?
        package var name: String?
        /// Bytes of the file as downloaded.
        package var bytes: Int64
        /// The server's name for this version.
        package var etag: String?
        /// SHA-256 of the file as downloaded, and of the image in it once that was unpacked.
        package var sha256: String
        package var imageSHA256: String?
        /// SHA-256 of the file of keys by which its signature was good.
        package var keySHA256: String?

        package init(url: String, list: String? = nil, name: String? = nil, bytes: Int64, sha256: SHA256Digest) {
            self.url = url
            self.list = list
            self.name = name
            self.bytes = bytes
            self.sha256 = sha256.description
        }

        package var digest: SHA256Digest? { SHA256Digest(hex: sha256) }

        private enum CodingKeys: String, CodingKey {
            case url, list, name, bytes, etag, sha256
            case imageSHA256 = "image_sha256"
            case keySHA256 = "key_sha256"
        }
    }

    /// Which base an entry is about.
    package enum Key: Equatable, Sendable {
        case url(String)
        case listed(list: String, name: String)
    }

    package private(set) var entries: [Entry] = []
    package internal(set) var packageSets: [PackageSet] = []

    package init() {}

    package subscript(key: Key) -> Entry? { entries.first { $0.key == key } }

    /// Puts an entry in the place of the one with its key; sorted, so that a version control sees one change as one.
    package mutating func set(_ entry: Entry) {
        entries.removeAll { $0.key == entry.key }
        entries.append(entry)
        entries.sort { ($0.url, $0.list ?? "", $0.name ?? "") < ($1.url, $1.list ?? "", $1.name ?? "") }
    }

    // MARK: The file

    /// Nothing when there is no such file.
    package static func read(_ path: String) throws(ForgeError) -> LockFile {
        let bytes: [UInt8]
        do throws(BlockError) {
            let file = try OpenFile(path: path, flags: O_RDONLY | O_NONBLOCK)
            let status = try file.status()
            guard status.isRegular, status.byteCount <= Int64(byteLimit) else { throw .changed(path: path) }
            bytes = try file.prefix(Int(status.byteCount))
        } catch {
            switch error {
            case .system(ENOENT, _, _): return LockFile()
            case .changed: throw unusable(path, "it is no file of at most \(ByteCount(Int64(byteLimit)))")
            default: throw ForgeError(error, reading: path)
            }
        }
        guard let document = try? JSONDecoder().decode(Document.self, from: Data(bytes)) else {
            throw unusable(path, "it is not what piforge wrote")
        }
        guard document.version == version else {
            throw unusable(path, "it has version \(document.version), and this piforge knows version \(version)")
        }
        var lock = LockFile()
        for entry in document.bases {
            let digests = [entry.sha256, entry.imageSHA256, entry.keySHA256].compactMap { $0 }
            guard digests.allSatisfy({ SHA256Digest(hex: $0) != nil }), entry.bytes >= 0 else {
                throw unusable(path, "what it says of \(entry.url) is no digest or size")
            }
            lock.set(entry)
        }
        for set in document.packages ?? [] {
            guard set.isWell else {
                throw unusable(path, "what it says of \(set.wanted.joined(separator: ", ")) is no digest or size")
            }
            lock.set(set)
        }
        return lock
    }

    /// Sets an entry in the file at `path`, which other piforges may do at the same time; the file appears whole or stays
    /// as it was.
    package static func set(_ entry: Entry, in path: String) throws(ForgeError) {
        try change(path) { lock in
            if lock[entry.key] != entry { lock.set(entry) }
        }
    }

    /// The same for the packages of a system.
    package static func set(_ packages: PackageSet, in path: String) throws(ForgeError) {
        try change(path) { $0.set(packages) }
    }

    private static func change(_ path: String, _ body: (inout LockFile) -> Void) throws(ForgeError) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let guarding = try wrapping(
            OpenFile(path: folder, flags: O_RDONLY | O_DIRECTORY), as: { ForgeError($0, writing: path) })
        while flock(guarding.descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { break }
            try Interruption.check()
        }
        defer { withExtendedLifetime(guarding) {} }
        let old = try read(path)
        var lock = old
        body(&lock)
        guard lock != old else { return }
        let sets = lock.packageSets.isEmpty ? nil : lock.packageSets
        let bytes = try JSON.encode(Document(bases: lock.entries, packages: sets, version: version))
        let temporary = "\(path).new.\(getpid())"
        UnfinishedOutputs.begin(temporary)
        defer { UnfinishedOutputs.end(temporary) }
        do throws(BlockError) {
            unlink(temporary)
            let file = try OpenFile(path: temporary, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o666)
            try bytes.span.withUnsafeBytes { (bytes) throws(BlockError) in try file.write(bytes, at: 0) }
            try file.synchronize()
            guard rename(temporary, path) == 0 else {
                throw .system(errno: errno, operation: "rename", path: temporary)
            }
        } catch {
            unlink(temporary)
            throw ForgeError(error, writing: path)
        }
    }

    private static func unusable(_ path: String, _ why: String) -> ForgeError {
        ForgeError(
            .badInput, "could not use \(path): \(why)",
            hint: "piforge fetch writes a new one when it is gone: rm \(ForgeError.quoted(path))")
    }

    private struct Document: Codable {
        var bases: [Entry]
        var packages: [PackageSet]?
        var version: Int
    }
}

extension LockFile.Entry {
    package var key: LockFile.Key {
        if let list, let name { .listed(list: list, name: name) } else { .url(url) }
    }
}
