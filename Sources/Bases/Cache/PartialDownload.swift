package import Blocks
import Glibc

/// The beginning of a file that is being downloaded; it outlives the process, so that the next one goes on from there.
package final class PartialDownload {
    /// Where the bytes came from, and what says whether more of the same file can be had.
    package struct Origin: Equatable, Sendable {
        package var url: String
        /// A strong ETag or the date of the last change, as If-Range takes it (RFC 9110, section 13.1.5).
        package var validator: String?
        /// Bytes of the whole file; nil when the server did not say.
        package var total: Int64?

        package init(url: String, validator: String?, total: Int64?) {
            self.url = url
            self.validator = validator
            self.total = total
        }
    }

    package let file: OpenFile
    /// Bytes that are there.
    package private(set) var byteCount: Int64
    /// Nil as long as nothing is there.
    package private(set) var origin: Origin?
    let notePath: String
    private let lock: OpenFile

    /// `lock` is the entry's.
    init(_ entry: CacheEntry, lock: OpenFile) throws(BlockError) {
        try Cache.makeWay(for: entry.dataPath)
        file = try OpenFile(path: entry.dataPath, flags: O_RDWR | O_CREAT | O_NOFOLLOW)
        notePath = entry.notePath
        self.lock = lock
        byteCount = try file.measuredByteCount()
        origin = Self.origin(in: entry.notePath)
        if origin == nil, byteCount > 0 {
            try file.resize(to: 0)
            byteCount = 0
        }
    }

    /// Begins anew with bytes of another origin.
    package func restart(_ origin: Origin, name: String) throws(BlockError) {
        try file.resize(to: 0)
        byteCount = 0
        self.origin = origin
        try CacheNote.write(
            ["source \(name)", origin.url, origin.validator ?? "", origin.total.map(String.init) ?? ""], to: notePath,
            durably: false)
    }

    /// Adds bytes at the end.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(BlockError) {
        try file.write(bytes, at: byteCount)
        byteCount += Int64(bytes.count)
    }

    /// Hashes what is there.
    package func hash(into hasher: inout SHA256, isCancelled: () -> Bool) throws(BlockError) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { buffer.deallocate() }
        var offset: Int64 = 0
        while offset < byteCount {
            if isCancelled() { throw .cancelled }
            let count = try file.read(
                upTo: UnsafeMutableRawBufferPointer(rebasing: buffer[..<Int(min(1 << 20, byteCount - offset))]),
                at: offset)
            guard count > 0 else {
                throw .truncated(path: file.path, expected: byteCount, found: offset)
            }
            hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            offset += Int64(count)
        }
    }

    /// Removes what is there.
    package func discard() {
        unlink(notePath)
        unlink(file.path)
    }

    private static func origin(in notePath: String) -> Origin? {
        guard case .note(let note) = CacheNote.read(notePath, limit: 1 << 14), note.lines.count == 4 else { return nil }
        let total = note.lines[3].isEmpty ? nil : Int64(note.lines[3])
        guard note.lines[3].isEmpty || total.map({ $0 >= 0 }) == true else { return nil }
        return Origin(
            url: String(note.lines[1]), validator: note.lines[2].isEmpty ? nil : String(note.lines[2]), total: total)
    }
}
