import Blocks
import Reports

extension PartitionTable {
    private static let sectorSizes = [512, 4096]

    /// Reads the table at the start or, where that is damaged, its copy in the last sector, for either sector size.
    static func readGPT(from reader: any BlockReader) throws(PartitionTableError) -> PartitionTable {
        var primaryFailure: GPT.Failure?
        for size in sectorSizes {
            switch try loadGPT(from: reader, sectorSize: size, backup: false) {
            case .success(let gpt): return try PartitionTable(gpt, scheme: .gpt, sectorSize: size, of: reader)
            case .failure(.noSignature), .failure(.tooShort): continue
            case .failure(let failure): primaryFailure = primaryFailure ?? failure
            }
        }
        let primary = primaryFailure ?? .noSignature
        var backupFailure: GPT.Failure?
        for size in sectorSizes {
            switch try loadGPT(from: reader, sectorSize: size, backup: true) {
            case .success(let gpt):
                return try PartitionTable(gpt, scheme: .gptBackup(reason: primary), sectorSize: size, of: reader)
            case .failure(.noSignature), .failure(.tooShort): continue
            case .failure(let failure): backupFailure = backupFailure ?? failure
            }
        }
        if case .badUsableRange(_, let last, let count) = primary, last >= count {
            throw .cutShort(needed: last.addingReportingOverflow(1).partialValue, found: count)
        }
        throw .badGPT(primary: primary, backup: backupFailure ?? .noSignature)
    }

    private static func loadGPT(
        from reader: any BlockReader, sectorSize: Int, backup: Bool
    ) throws(PartitionTableError) -> Result<GPT, GPT.Failure> {
        let sectorCount = reader.byteCount / Int64(sectorSize)
        guard sectorCount >= 4 else { return .failure(.tooShort(byteCount: Int(clamping: reader.byteCount))) }
        let lba = backup ? sectorCount - 1 : 1
        let sector = try wrapping(
            reader.bytes(at: lba * Int64(sectorSize), count: sectorSize), as: PartitionTableError.unreadable)
        do {
            let header = try GPT.Header(sector.span.bytes, at: UInt64(lba), sectorCount: UInt64(sectorCount))
            let start = Int64(header.entriesLBA) * Int64(sectorSize)
            let length = header.entryCount * header.entrySize
            guard Int64(length) <= reader.byteCount - start else {
                return .failure(
                    .badEntryArray(
                        lba: header.entriesLBA, count: UInt32(header.entryCount), size: UInt32(header.entrySize)))
            }
            let entries = try reader.bytes(at: start, count: length)
            return .success(try GPT(header: header, entries: entries.span.bytes))
        } catch let failure as GPT.Failure {
            return .failure(failure)
        } catch let error as BlockError {
            throw .unreadable(error)
        } catch {
            return .failure(.noSignature)
        }
    }

    private init(
        _ gpt: GPT, scheme: Scheme, sectorSize: Int, of reader: any BlockReader
    ) throws(PartitionTableError) {
        let partitions = gpt.entries.map { entry in
            // The header was checked: no LBA reaches past the image, so no product overflows.
            let start = Int64(entry.firstLBA) * Int64(sectorSize)
            return Partition(
                number: entry.number, range: start..<((Int64(entry.lastLBA) + 1) * Int64(sectorSize)),
                kind: .gpt(entry.type), identifier: entry.identifier.description, name: entry.name)
        }
        guard !partitions.isEmpty else { throw .noPartitions }
        try Self.check(partitions, byteCount: reader.byteCount)
        self.init(
            scheme: scheme, sectorSize: sectorSize, diskIdentifier: gpt.header.diskIdentifier.description,
            partitions: partitions)
    }
}
