import Blocks
import Reports

extension PartitionTable {
    /// As many links of an extended partition as Linux follows (block/partitions/msdos.c gives up after 100 links).
    static let chainLimit = 100
    private static let mbrSectorSize: Int64 = 512

    /// Makes partitions of the primary entries and the logical ones after them.
    init(_ mbr: MBR, of reader: any BlockReader) throws(PartitionTableError) {
        let identifier = hexDigits(mbr.diskIdentifier, width: 8)
        var partitions: [Partition] = []
        var extended: [MBR.Entry] = []
        for entry in mbr.entries where entry.isUsed {
            if entry.firstSector == 0 { throw .coversTable(number: entry.number) }
            if entry.isExtended { extended.append(entry) }
            partitions.append(Self.partition(entry.number, entry, from: 0, disk: identifier))
        }
        try Self.check(partitions, byteCount: reader.byteCount)
        guard extended.count <= 1 else { throw .severalExtended(extended.map(\.number)) }
        partitions.removeAll { partition in extended.contains { $0.number == partition.number } }
        if let outer = extended.first {
            let logical = try Self.logicalPartitions(of: outer, disk: identifier, in: reader)
            try Self.check(logical, byteCount: reader.byteCount)
            partitions += logical
        }
        self.init(
            scheme: .mbr, sectorSize: Int(Self.mbrSectorSize), diskIdentifier: identifier, partitions: partitions)
    }

    private static func partition(_ number: Int, _ entry: MBR.Entry, from sector: Int64, disk: String) -> Partition {
        // Three 32-bit numbers times 512 stay far below 2^63.
        let start = (sector + Int64(entry.firstSector)) * mbrSectorSize
        return Partition(
            number: number, range: start..<(start + Int64(entry.sectorCount) * mbrSectorSize),
            kind: .mbr(entry.type), identifier: "\(disk)-\(hexDigits(number, width: 2))", name: "")
    }

    /// Follows the chain: each link is a sector like the first, entry 1 a partition relative to the link, entry 2 the
    /// next link relative to the extended partition's start.
    private static func logicalPartitions(
        of outer: MBR.Entry, disk: String, in reader: any BlockReader
    ) throws(PartitionTableError) -> [Partition] {
        let first = Int64(outer.firstSector)
        let end = first + Int64(outer.sectorCount)
        var partitions: [Partition] = []
        var link = first
        for _ in 0..<chainLimit {
            let position = link
            let bytes = try wrapping(
                reader.bytes(at: position * mbrSectorSize, count: MBR.byteCount), as: PartitionTableError.unreadable)
            let table: MBR
            do {
                table = try MBR(bytes.span.bytes)
            } catch {
                throw .badExtendedLink(sector: link, error)
            }
            if let entry = table.entries.first, entry.isUsed, !entry.isExtended {
                let start = link + Int64(entry.firstSector)
                guard entry.firstSector > 0, start + Int64(entry.sectorCount) <= end else {
                    throw .outsideExtended(number: 5 + partitions.count)
                }
                partitions.append(partition(5 + partitions.count, entry, from: link, disk: disk))
            }
            guard table.entries.count > 1, table.entries[1].isUsed else { return partitions }
            let next = table.entries[1]
            guard next.isExtended else { throw .badExtendedChain(sector: link) }
            let target = first + Int64(next.firstSector)
            // A chain that runs only forward cannot loop.
            guard target > link, target < end else { throw .badExtendedChain(sector: link) }
            link = target
        }
        throw .chainTooLong(limit: chainLimit)
    }
}
