package import Blocks
import Glibc
import Reports

/// Writes a packed file block by block, from blocks in memory and blocks of other files, and hashes it on the way.
///
/// Blocks of other files are read and written rather than given to copy_file_range(2): the digest wants the bytes, and
/// blocks lie at no multiple of a file system's, so that nothing could be shared on disk.
package struct PackedWriter: ~Copyable {
    private static let pieceSize = 1 << 20

    private let format: PackedFormat
    private let file: OpenFile
    private var hasher = SHA256()
    private var ends: XZStreamEnds?
    /// Bytes written so far.
    package private(set) var byteCount: Int64 = 0
    /// Bytes of the image that the blocks so far hold.
    package private(set) var imageByteCount: Int64 = 0
    private var blocks: [PackedBlock] = []

    /// Writes from the start of an empty file.
    package init(_ format: PackedFormat, to file: OpenFile) {
        self.format = format
        self.file = file
    }

    package mutating func append(_ piece: PackedPiece) throws(PackingError) {
        try prepare(check: piece.check)
        try record(
            byteCount: Int64(piece.bytes.count), image: piece.imageByteCount, unpadded: piece.unpaddedByteCount,
            check: piece.check)
        try put(piece.bytes)
    }

    /// Copies one block of another file as it is; throws `truncated` when that file has become shorter, and `damaged` for
    /// what shows without decoding it.
    package mutating func copy(_ block: PackedBlock, from source: OpenFile) throws(PackingError) {
        try prepare(check: block.check)
        let length = Int64(block.file.count)
        Work.add(copied: length)
        try record(
            byteCount: length, image: Int64(block.image.count), unpadded: block.unpaddedByteCount, check: block.check)
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Int(min(length, Int64(Self.pieceSize))), alignment: 4096)
        defer { buffer.deallocate() }
        var scanner = format == .xz ? XZBlockScanner(block, path: source.path) : nil
        var offset = block.file.lowerBound
        while offset < block.file.upperBound {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: buffer[..<Int(min(Int64(buffer.count), block.file.upperBound - offset))])
            let position = offset
            let count = try wrapping(source.read(upTo: part, at: position), as: PackingError.block)
            guard count == part.count else {
                throw .block(
                    .truncated(path: source.path, expected: block.file.upperBound, found: offset + Int64(count)))
            }
            _ = try wrapping(scanner?.take(UnsafeRawBufferPointer(part)), as: PackingError.block)
            try put(UnsafeRawBufferPointer(part))
            offset += Int64(count)
        }
        guard let scanned = scanner.take() else { return }
        do throws(BlockError) { try scanned.finish() } catch { throw .block(error) }
    }

    /// What a finished file is.
    package struct Outcome: Equatable, Sendable {
        package var digest: SHA256Digest
        package var byteCount: Int64
        package var imageByteCount: Int64
        /// Where the blocks lie in the file.
        package var blocks: [PackedBlock]
    }

    /// Writes what belongs after the last block.
    package consuming func finish() throws(PackingError) -> Outcome {
        // Even a file of nothing is an .xz file only with a stream.
        if format == .xz, ends == nil { try prepare(check: 4) }
        try endStream()
        return Outcome(
            digest: hasher.finalize(), byteCount: byteCount, imageByteCount: imageByteCount, blocks: blocks)
    }

    /// A stream has one kind of check: another one needs a stream of its own.
    private mutating func prepare(check: UInt8) throws(PackingError) {
        guard format == .xz else { return }
        if let current = ends?.check, current == check { return }
        try endStream()
        let next = try XZStreamEnds(check: check)
        try put(try next.header())
        ends = consume next
    }

    private mutating func endStream() throws(PackingError) {
        guard let ended = ends.take() else { return }
        try put(try ended.indexAndFooter())
    }

    private mutating func record(
        byteCount length: Int64, image: Int64, unpadded: Int64, check: UInt8
    ) throws(PackingError) {
        try ends?.append(unpadded: unpadded, image: image)
        blocks.append(
            PackedBlock(
                file: byteCount..<(byteCount + length), image: imageByteCount..<(imageByteCount + image),
                unpaddedByteCount: unpadded, check: check))
        imageByteCount += image
    }

    private mutating func put(_ bytes: [UInt8]) throws(PackingError) {
        try bytes.span.withUnsafeBytes { (bytes) throws(PackingError) in try put(bytes) }
    }

    private mutating func put(_ bytes: UnsafeRawBufferPointer) throws(PackingError) {
        hasher.update(bytes)
        let position = byteCount
        try wrapping(file.write(bytes, at: position), as: PackingError.block)
        byteCount += Int64(bytes.count)
    }
}
