import Blocks
import Tables

extension PartitionTable {
    /// Reads a table and claims of it what callers rely on; an error is an answer like any other.
    static func fuzz(_ reader: any BlockReader) throws(BrokenClaim) {
        let table: PartitionTable
        do throws(PartitionTableError) {
            table = try PartitionTable.read(from: reader)
        } catch {
            try claim(!error.description.isEmpty, "an error without words")
            return
        }
        var end: Int64 = 0
        for partition in table.partitions.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
            try claim(partition.range.lowerBound >= end, "partition \(partition.number) begins inside another")
            try claim(!partition.range.isEmpty, "partition \(partition.number) is empty")
            end = partition.range.upperBound
        }
        try claim(end <= reader.byteCount, "a partition ends at \(end), the image at \(reader.byteCount)")
        let sectorsOfTable: Int64 = if case .mbr = table.scheme { 1 } else { 2 }
        try claim(
            table.partitions.allSatisfy { $0.range.lowerBound >= sectorsOfTable * Int64(table.sectorSize) },
            "a partition covers the table")
        let numbers = table.partitions.map(\.number)
        try claim(Set(numbers).count == numbers.count, "two partitions share a number")
        for partition in table.partitions {
            _ = try? PartitionContent.read(from: reader, range: partition.range)
            _ = partition.kind.description
        }
        _ = try? table.findSystemPartitions(in: reader)
    }
}
