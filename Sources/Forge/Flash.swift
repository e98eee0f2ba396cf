package import Bases
package import Blocks
package import Cards
import Glibc
package import Images
package import Reports
import Synchronization
import Tables
import Volumes

/// An image file that is written to cards as it is.
package struct Flash: Sendable {
    package let reader: any BlockReader
    /// What the image says it is.
    package let label: CardLabel?
    private let used: BlockSet?
    private let origin: UnchangedFile?

    /// Opens an image, raw or packed; a packed one that cannot be read at random is unpacked into the cache first.
    package init(path: String, cache: Cache, observe: @escaping Progress.Observer) throws(ForgeError) {
        let bytes = try BaseImage.openBytes(
            of: ImageSource(path: path, sha256: nil), cache: cache, observe: observe)
        (reader, origin) = (bytes.reader, bytes.origin)
        try Self.checkWhole(reader, path: path)
        let source = reader
        label = try wrapping(
            CardLabel.read(from: source), as: { (error: BlockError) in ForgeError(error, reading: path) })
        used = try Self.used(of: reader, path: path, observe: observe)
    }

    /// Refuses an image that ends before its partitions do. One whose table says nothing is written as it is.
    private static func checkWhole(_ reader: any BlockReader, path: String) throws(ForgeError) {
        let findings: [PartitionFinding]
        do throws(PartitionTableError) {
            findings = try PartitionTable.read(from: reader).findings(in: reader)
        } catch {
            if case .unreadable(let error) = error { throw ForgeError(error, reading: path) }
            guard error.isCutShort else { return }
            throw ForgeError(.badInput, "could not use \(path): \(error)", hint: ForgeError.cutShortHint)
        }
        for finding in findings where finding.content == .ext {
            try checkWhole(finding.partition, of: reader, path: path)
        }
    }

    /// Refuses a file system that goes on after its partition's end: somebody has cut both.
    private static func checkWhole(
        _ partition: Partition, of reader: any BlockReader, path: String
    ) throws(ForgeError) {
        let recorder = FailureRecorder(reader)
        guard let slice = try? Slice(of: Overlay(over: recorder), range: partition.range),
            let superblock = try? Superblock(of: slice)
        else {
            return try wrapping(recorder.check(), as: { (error: BlockError) in ForgeError(error, reading: path) })
        }
        let (byteCount, overflow) = Int64(clamping: superblock.blockCount)
            .multipliedReportingOverflow(by: Int64(superblock.blockSize))
        guard overflow || byteCount > partition.byteCount else { return }
        throw ForgeError(
            .badInput,
            "could not use \(path): the file system on partition \(partition.number) has "
                + "\(overflow ? .max : byteCount) bytes but the partition has only \(partition.byteCount)",
            hint: ForgeError.cutShortHint)
    }

    /// What must be written of an image; nil for all. A block map beside it is believed, and checked, only where the
    /// image's own file systems say nothing: one that was made of a sparse file lacks blocks of zeros that are in use.
    private static func used(
        of reader: any BlockReader, path: String, observe: Progress.Observer
    ) throws(ForgeError) -> BlockSet? {
        let recorder = FailureRecorder(reader)
        if (try? SystemPartitions(of: recorder)) != nil { return try BlockSet.inUse(of: Overlay(over: reader)) }
        try wrapping(recorder.check(), as: { (error: BlockError) in ForgeError(error, reading: path) })
        guard let map = try ForeignBmap.beside(path) else { return nil }
        try map.check(reader, path: path, observe: observe)
        return BlockSet(touching: map.parts.map(\.range))
    }

    /// The label of a raw image, which is known before anything is unpacked.
    package static func label(ofRaw path: String) -> CardLabel? {
        var status = stat()
        // Never waits for the writer of a named pipe.
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return CardLabel.read(fromDevice: path)
    }

    /// Writes all cards at once, reads them back, and returns what became of each, in their order.
    package func write(
        to media: [any CardMedium], labels: [CardLabel?] = [], changedOnly: Bool = false, growing: Bool = false,
        observe: @escaping Progress.Observer
    ) -> [Result<CardOutcome, ForgeError>] {
        let requests = media.enumerated().map { index, medium in
            CardRequest(
                name: medium.path, medium: medium, label: index < labels.count ? labels[index] : nil,
                patch: Patch(byteCount: reader.byteCount), used: used)
        }
        let found = Mutex<[Int: Result<CardOutcome, ForgeError>]>([:])
        let run = FlashSession(
            base: reader, requests: requests, origin: label?.base, isChangedOnly: changedOnly,
            isGrowing: growing, wantsDigest: false, baseFile: origin)
        run.run(observe: observe) { index, result in found.withLock { $0[index] = result } }
        let results = found.withLock { $0 }
        return media.indices.map { index in
            results[index] ?? .failure(ForgeError(.bug, "nothing is known of \(media[index].path)"))
        }
    }
}
