package import Blocks
import Reports

/// The partitions of an image, whichever table describes them.
package struct PartitionTable: Equatable, Sendable {
    /// Which table was read.
    package enum Scheme: Equatable, Sendable {
        case mbr
        case gpt
        /// The first GPT is damaged; this is its copy at the end of the image.
        case gptBackup(reason: GPT.Failure)
    }

    package var scheme: Scheme
    /// Bytes in a logical sector: 512 or 4096.
    package var sectorSize: Int
    /// Eight hexadecimal digits for an MBR, a GUID in lower case for a GPT.
    package var diskIdentifier: String
    /// In the order of their numbers; no two share a byte and all lie inside the image.
    package var partitions: [Partition]

    /// Reads and checks the table of a whole image.
    package static func read(from reader: any BlockReader) throws(PartitionTableError) -> PartitionTable {
        guard reader.byteCount >= Int64(MBR.byteCount) else { throw .tooSmall(byteCount: reader.byteCount) }
        let sector = try wrapping(reader.bytes(at: 0, count: MBR.byteCount), as: PartitionTableError.unreadable)
        let mbr: MBR
        do {
            mbr = try MBR(sector.span.bytes)
        } catch {
            throw try bareFileSystem(in: reader).map { .bareFileSystem($0) } ?? .badMBR(error)
        }
        if mbr.isProtective { return try readGPT(from: reader) }
        if mbr.entries.allSatisfy({ !$0.isUsed }) {
            throw try bareFileSystem(in: reader).map { .bareFileSystem($0) } ?? .noPartitions
        }
        return try PartitionTable(mbr, of: reader)
    }

    /// Throws unless every partition lies inside `byteCount` bytes, is not empty and overlaps no other.
    static func check(_ partitions: [Partition], byteCount: Int64) throws(PartitionTableError) {
        for partition in partitions where partition.range.upperBound > byteCount {
            throw .outsideImage(number: partition.number, range: partition.range, byteCount: byteCount)
        }
        let ordered = partitions.sorted { $0.range.lowerBound < $1.range.lowerBound }
        for (first, second) in zip(ordered, ordered.dropFirst())
        where second.range.lowerBound < first.range.upperBound {
            throw .overlap(first.number, second.number)
        }
    }

    private static func bareFileSystem(in reader: any BlockReader) throws(PartitionTableError) -> String? {
        switch try PartitionContent.read(from: reader, range: 0..<reader.byteCount) {
        case .fat: "FAT"
        case .ext: "ext4"
        case .other: nil
        }
    }
}
