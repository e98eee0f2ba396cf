import Dispatch
import Glibc
package import Reports
import Synchronization
import Trees

/// One slot's tree as a tar, raw or packed: members are put together on the caller's thread, in chunks that are packed,
/// hashed and written on others.
///
/// Chunks end where the tree says so, not where the writing happens to be, so that trees which share files share chunks:
/// each is packed once for all slots.
package final class TarOutput: TreeOutput {
    private let writer: TarWriter
    private let chunking: Chunking
    private var chunk: [UInt8] = []
    private var byteCount: Int64 = 0
    private var entryCount = 0
    /// What the file that was begun still lacks, and where its next byte lies.
    private var fileByteCount: Int64 = 0
    private var filePosition: Int64 = 0
    /// Of the file that was begun, when its holes are left out.
    private var sparseMap: TarSparseMap?

    package init(_ writer: TarWriter, chunking: Chunking) {
        self.writer = writer
        self.chunking = chunking
    }

    deinit { writer.discard() }

    package var hasFailed: Bool { writer.hasFailed }

    package func begin(_ item: OutputEntry) {
        endFile()
        let header = TarHeader.bytes(of: item)
        guard !header.isEmpty else { return }
        entryCount += 1
        sparseMap = TarHeader.sparseMap(of: item)
        if case .file(let count) = item.body { fileByteCount = sparseMap?.dataByteCount ?? count }
        if chunking.ends(chunk.count, before: item.path, byteCount: fileByteCount) { flush() }
        append(header[...])
        if let sparseMap { append(sparseMap.bytes[...]) }
    }

    package func write(_ bytes: [UInt8], at offset: Int64) {
        fill(to: sparseMap?.place(of: offset) ?? offset)
        append(bytes[...])
        filePosition += Int64(bytes.count)
    }

    private func endFile() {
        guard fileByteCount > 0 else { return }
        fill(to: fileByteCount)
        append([UInt8](repeating: 0, count: TarHeader.paddingCount(of: fileByteCount))[...])
        (fileByteCount, filePosition) = (0, 0)
    }

    private static let zeros = [UInt8](repeating: 0, count: 1 << 16)

    private func fill(to offset: Int64) {
        while filePosition < offset {
            let count = min(offset - filePosition, Int64(Self.zeros.count))
            append(Self.zeros[..<Int(count)])
            filePosition += count
        }
    }

    private func append(_ bytes: ArraySlice<UInt8>) {
        byteCount += Int64(bytes.count)
        var rest = bytes
        while !rest.isEmpty {
            let room = chunking.maximum - chunk.count
            chunk += rest.prefix(room)
            rest = rest.dropFirst(room)
            if chunk.count == chunking.maximum { flush() }
        }
    }

    private func flush() {
        guard !chunk.isEmpty else { return }
        writer.append(chunk)
        chunk = []
        chunk.reserveCapacity(chunking.maximum)
    }

    package func finish() throws(ForgeError) -> WrittenTree {
        endFile()
        append(TarHeader.end(of: byteCount)[...])
        flush()
        return try writer.finish(entryCount: entryCount)
    }
}

/// Where chunks of a tar end.
package struct Chunking: Equatable, Sendable {
    /// Bytes of a chunk at most.
    var maximum: Int
    /// Whether chunks end before certain members, to fall in step again after a difference between two trees.
    var followsNames: Bool

    package static let raw = Chunking(maximum: 1 << 20, followsNames: false)
    package static let packed = Chunking(maximum: 4 << 20, followsNames: true)

    /// Whether a chunk of so many bytes ends before a member: a large one begins a chunk of its own, and in a chunk
    /// with some weight about every thirty-second does (FNV-1a over its path).
    func ends(_ count: Int, before path: VolumePath, byteCount: Int64) -> Bool {
        guard followsNames, count >= maximum / 16 else { return false }
        if byteCount >= Int64(maximum) { return true }
        guard count >= maximum / 4 else { return false }
        let hash = path.description.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
            ($0 ^ UInt64($1)) &* 0x100_0000_01B3
        }
        return (hash >> 32) % 32 == 0
    }
}
