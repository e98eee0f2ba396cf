package import Blocks
import Reports

/// Packs pieces of an image, each to a block of its own; equal pieces give equal bytes on every machine that has the
/// same libraries, whatever the number of threads.
package struct BlockPacker: Equatable, Sendable {
    package let format: PackedFormat
    /// Size of a whole block, in bytes of the image.
    package let blockByteCount: Int
    /// The library's own number for how hard it tries.
    package let level: Int
    /// The check that xz blocks end in; only those that liblzma knows can be written.
    package let check: UInt8

    package init(format: PackedFormat, blockByteCount: Int, level: Int, check: UInt8 = 4) {
        self.format = format
        self.blockByteCount = max(1, blockByteCount)
        self.level = level
        self.check = format == .xz ? check : 0
    }

    /// Everything that the bytes depend on besides the image, as it stands in a file's name.
    package var parameters: String {
        "\(format.rawValue)-\(level)-\(blockByteCount)" + (format == .xz ? "-\(check)" : "")
    }

    /// Memory in bytes that packing one block takes, with the block itself and its outcome.
    package var memoryByteCount: Int {
        let buffers = 2 * blockByteCount
        switch format {
        case .xz: return buffers + XZBlockEncoder.memoryByteCount(blockByteCount: blockByteCount, level: level)
        case .zstd: return buffers + (32 << 20)
        case .gzip: return buffers + (1 << 20)
        }
    }

    /// One block of all of `bytes`.
    package func pack(_ bytes: RawSpan, isCancelled: () -> Bool = { false }) throws(PackingError) -> PackedPiece {
        Work.add(encoded: Int64(bytes.byteCount))
        return switch format {
        case .xz: try XZBlockEncoder.encode(bytes, level: level, check: check, isCancelled: isCancelled)
        case .zstd: try ZstdFrameEncoder.encode(bytes, level: level)
        case .gzip: try GzipMemberEncoder.encode(bytes, level: level)
        }
    }

    /// The parts of `range` that become blocks: whole ones from its start, and a rest.
    package func grid(of range: Range<Int64>) -> [Range<Int64>] {
        stride(from: range.lowerBound, to: range.upperBound, by: blockByteCount).map {
            $0..<min($0 + Int64(blockByteCount), range.upperBound)
        }
    }

    /// Packs `range` of `reader` on all cores and hands the blocks out in order. `inspect` sees the bytes of each,
    /// with their place in the image, on any thread.
    package func pack(
        _ range: Range<Int64>, of reader: any BlockReader, workers: WorkerCount,
        inspect: @Sendable (Int64, RawSpan) -> Void, isCancelled: @Sendable () -> Bool,
        deliver: (PackedPiece) throws(PackingError) -> Void
    ) throws(PackingError) {
        let parts = grid(of: range)
        try OrderedParallelMap.run(
            count: parts.count, workers: workers.count(forMemory: memoryByteCount),
            produce: { (index) throws(PackingError) -> PackedPiece in
                if isCancelled() { throw .cancelled }
                let part = parts[index]
                let bytes = try wrapping(reader.bytes(at: part.lowerBound, count: part.count), as: PackingError.block)
                inspect(part.lowerBound, bytes.span.bytes)
                return try pack(bytes.span.bytes, isCancelled: isCancelled)
            }, deliver: deliver)
    }
}
