package import Blocks
import Glibc
import Reports

extension Cache {
    /// What a packed entry is made from, and how.
    package struct Packing: Sendable {
        /// The sha256 of the base as downloaded.
        package var base: SHA256Digest
        /// The base's file name, for whoever lists the cache.
        package var name: String
        package var packer: BlockPacker
        /// The part of the image; its start goes into the entry's name.
        package var range: Range<Int64>
        package var workers: WorkerCount
        /// Whether a kept file is read and held against its digest.
        package var isVerifying: Bool

        package init(
            base: SHA256Digest, name: String, packer: BlockPacker, range: Range<Int64>,
            workers: WorkerCount = .automatic, isVerifying: Bool = false
        ) {
            self.base = base
            self.name = name
            self.packer = packer
            self.range = range
            self.workers = workers
            self.isVerifying = isVerifying
        }
    }

    /// The packed form of a part of a base image: kept, or made from `reader` on all cores and kept.
    ///
    /// It is an ordinary file of its format. `progress` gets the number of bytes of the part are packed; `inspect` sees
    /// those that are packed now, as in `BlockPacker.pack`; what `check` throws keeps the form from being kept;
    /// `onDamage` gets the path of a kept file that is not what it was.
    package func packed(
        _ packing: Packing, of reader: any BlockReader, progress: (Int64) -> Void = { _ in },
        inspect: @Sendable (Int64, RawSpan) -> Void = { _, _ in },
        check: () throws(BlockError) -> Void = {}, onDamage: (String) -> Void = { _ in },
        isCancelled: @Sendable () -> Bool = { false }
    ) throws(PackingError) -> PackedImage {
        let entry = entry(for: packing)
        if let kept = try Self.kept(entry, packing, onDamage: onDamage) { return kept }
        try wrapping(prepare(), as: PackingError.block)
        let lock = try wrapping(entry.lock(isCancelled: isCancelled), as: PackingError.block)
        guard let lock else { throw .cancelled }
        defer { withExtendedLifetime(lock) {} }
        // Whoever held the lock before may have done the work.
        if let kept = try Self.kept(entry, packing, onDamage: { _ in }) { return kept }
        removeStalePartials(of: entry)
        var blocks: [PackedBlock] = []
        let file = try entry.make(wrap: PackingError.block) { (file) throws(PackingError) in
            var writer = PackedWriter(packing.packer.format, to: file)
            try packing.packer.pack(
                packing.range, of: reader, workers: packing.workers, inspect: inspect, isCancelled: isCancelled
            ) { (piece) throws(PackingError) in
                try writer.append(piece)
                progress(writer.imageByteCount)
            }
            let outcome = try writer.finish()
            try wrapping(check(), as: PackingError.block)
            blocks = outcome.blocks
            return (outcome.digest, ["source \(packing.name)"] + blocks.map(Self.line))
        }
        return PackedImage(
            format: packing.packer.format, file: file,
            blocks: blocks.map { Self.shift($0, by: packing.range.lowerBound) })
    }

    private func entry(for packing: Packing) -> CacheEntry {
        let name =
            "\(packing.base).\(packing.packer.parameters).\(packing.range.lowerBound)-\(packing.range.upperBound)"
        return CacheEntry(dataPath: "\(packedPath)/\(name).\(packing.packer.format.suffix)")
    }

    /// A kept file, when its note accounts for every byte of the part.
    private static func kept(
        _ entry: CacheEntry, _ packing: Packing, onDamage: (String) -> Void
    ) throws(PackingError) -> PackedImage? {
        let found = try wrapping(
            entry.open(isVerifying: packing.isVerifying, onDamage: onDamage), as: PackingError.block)
        guard let found else { return nil }
        var blocks: [PackedBlock] = []
        for line in found.lines where line.hasPrefix("block ") {
            guard let block = block(line), block.image.lowerBound == blocks.last?.image.upperBound ?? 0,
                block.file.lowerBound >= blocks.last?.file.upperBound ?? 0
            else { return nil }
            blocks.append(block)
        }
        guard (blocks.last?.image.upperBound ?? 0) == Int64(packing.range.count) else { return nil }
        return PackedImage(
            format: packing.packer.format, file: found.file,
            blocks: blocks.map { shift($0, by: packing.range.lowerBound) })
    }

    private static func shift(_ block: PackedBlock, by offset: Int64) -> PackedBlock {
        var block = block
        block.image = (block.image.lowerBound + offset)..<(block.image.upperBound + offset)
        return block
    }

    private static func line(_ block: PackedBlock) -> String {
        "block \(block.file.lowerBound) \(block.file.upperBound) \(block.image.lowerBound) \(block.image.upperBound) "
            + "\(block.unpaddedByteCount) \(block.check)"
    }

    private static func block(_ line: Substring) -> PackedBlock? {
        let numbers = line.split(separator: " ").dropFirst().compactMap { Int64($0) }
        // Sizes beyond 2^60 would let later sums overflow.
        guard numbers.count == 6, numbers.allSatisfy({ (0..<(1 << 60)).contains($0) }), numbers[0] <= numbers[1],
            numbers[2] < numbers[3], let check = UInt8(exactly: numbers[5])
        else { return nil }
        return PackedBlock(
            file: numbers[0]..<numbers[1], image: numbers[2]..<numbers[3], unpaddedByteCount: numbers[4], check: check)
    }

    /// Removes what killed makers of this entry left; the caller holds its lock.
    private func removeStalePartials(of entry: CacheEntry) {
        for path in (FolderListing.names(in: packedPath) ?? []).map({ "\(packedPath)/\($0)" })
        where path.hasPrefix(entry.dataPath + ".partial.") { unlink(path) }
    }

    /// An empty file without a name for what does not fit into memory; it is gone when it is closed.
    package func scratch() throws(BlockError) -> OpenFile {
        try prepare()
        let path = "\(packedPath)/scratch.\(getpid()).\(UInt32.random(in: 0...(.max)))"
        let file = try OpenFile(path: path, flags: O_RDWR | O_CREAT | O_EXCL)
        unlink(path)
        return file
    }
}
