package import Blocks
package import Reports
package import Trees

/// A tree's entry as it goes to outputs: a value without the file's bytes, with hard links resolved.
package struct OutputEntry: Equatable, Sendable {
    package var path: VolumePath
    package var body: Body
    package var metadata: FileNode.Metadata
    /// What `metadata.modified` lacks, 0..<1_000_000_000.
    package var nanoseconds: UInt32
    /// Where a file with large holes has data, ascending and disjoint; nil for one that is written as a whole.
    package var data: [Range<Int64>]?

    /// From so many bytes of holes on, a tar leaves them out.
    static let sparseThreshold: Int64 = 64 << 20

    package enum Body: Equatable, Sendable {
        /// So many bytes follow.
        case file(byteCount: Int64)
        case directory
        case symlink(String)
        case special(FileNode.Kind)
        /// Another name of something that came before.
        case link(to: VolumePath)
    }
}

extension OutputEntry {
    /// `time`: seconds since 1970-01-01 UTC; what is dated later gets it.
    init(_ entry: TreeEntry, linkedTo first: VolumePath?, clampingTo time: Int64) throws(VolumeError) {
        path = entry.path
        metadata = entry.metadata
        nanoseconds = entry.nanoseconds
        if metadata.modified >= time { (metadata.modified, nanoseconds) = (time, 0) }
        switch entry.content {
        case _ where first != nil: body = .link(to: first ?? entry.path)
        case .file(let content):
            body = .file(byteCount: content.byteCount)
            guard content.byteCount >= Self.sparseThreshold else { return }
            let ranges = try content.dataRanges()
            let dataByteCount = ranges.reduce(0) { $0 + ($1.upperBound - $1.lowerBound) }
            if content.byteCount - dataByteCount >= Self.sparseThreshold { data = ranges }
        case .directory: body = .directory
        case .symlink(let text): body = .symlink(text)
        case .special(let kind): body = .special(kind)
        }
    }
}

/// Where one slot's tree goes: a tar or a folder. All calls come from one thread, in the order of paths.
///
/// Nothing throws on the way: the first thing that goes wrong is kept for `finish`, and the calls after it do nothing.
package protocol TreeOutput: AnyObject {
    /// The next entry; the bytes of a file follow.
    func begin(_ item: OutputEntry)

    /// Bytes of the file that was begun; what no call covers is a hole. Offsets ascend.
    func write(_ bytes: [UInt8], at offset: Int64)

    /// Makes the tree durable under its name.
    func finish() throws(ForgeError) -> WrittenTree

    /// Whether something went wrong, so that nothing more need be read for it.
    var hasFailed: Bool { get }
}

/// What is known of a finished tree.
package struct WrittenTree: Equatable, Sendable {
    /// Size in bytes of the archive; of a folder that of the tar it would be.
    package var byteCount: Int64
    /// SHA-256 of the archive; of a folder that of the tar it would be.
    package var digest: SHA256Digest
    /// Files, folders, links and all else.
    package var entryCount: Int
}
