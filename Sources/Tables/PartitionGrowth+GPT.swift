import Blocks
import Reports

extension PartitionGrowth {
    /// Bytes that the entries take, in whole sectors, as the first header says.
    static func entryByteCount(on device: any BlockDevice, sectorSize: Int) throws(PartitionTableError) -> Int64 {
        let sector = Int64(sectorSize)
        let bytes = try wrapping(device.bytes(at: sector, count: sectorSize), as: PartitionTableError.unreadable)
        let header: GPT.Header
        do {
            header = try GPT.Header(bytes.span.bytes, at: 1, sectorCount: UInt64(device.byteCount / sector))
        } catch {
            throw .badGPT(primary: error, backup: .noSignature)
        }
        return (Int64(header.entryCount * header.entrySize) + sector - 1) / sector * sector
    }

    /// The table's copy first, then the table itself: one of the two is whole whenever writing ends early.
    func writeGPT(to device: any BlockDevice) throws {
        let sector = Int64(sectorSize)
        let sectorCount = device.byteCount / sector
        var header = try device.bytes(at: sector, count: sectorSize)
        let decoded = try GPT.Header(header.span.bytes, at: 1, sectorCount: UInt64(sectorCount))
        let length = decoded.entryCount * decoded.entrySize
        let entriesStart = Int64(clamping: decoded.entriesLBA) * sector
        var entries = try device.bytes(at: entriesStart, count: Int(entryByteCount))
        let table = try GPT(header: decoded, entries: entries.span.bytes)
        guard let entry = table.entries.first(where: { $0.number == number }),
            Int64(clamping: entry.firstLBA) * sector == old.lowerBound,
            (Int64(clamping: entry.lastLBA) + 1) * sector == old.upperBound
        else { throw PartitionTableError.cannotGrow(number, reason: "the device's table is another one") }
        try checkProtective(device)

        let lastLBA = new.upperBound / sector - 1
        entries.setLittleEndian(UInt64(lastLBA), at: (number - 1) * decoded.entrySize + 40)
        let backupEntries = sectorCount - 1 - entryByteCount / sector
        header.setLittleEndian(UInt64(sectorCount - 1), at: 32)
        header.setLittleEndian(UInt64(backupEntries - 1), at: 48)
        let checksum = crc32(entries.span.bytes.extracting(0..<length))
        header.setLittleEndian(checksum, at: 88)
        var backup = header
        backup.setLittleEndian(UInt64(sectorCount - 1), at: 24)
        backup.setLittleEndian(UInt64(1), at: 32)
        backup.setLittleEndian(UInt64(backupEntries), at: 72)
        Self.sign(&header)
        Self.sign(&backup)
        try device.write(entries, at: backupEntries * sector)
        try device.write(backup, at: (sectorCount - 1) * sector)
        try device.write(entries, at: entriesStart)
        try device.write(header, at: sector)
        try growProtective(device, sectorCount: sectorCount)
        try wipe(lba: decoded.alternateLBA, on: device)
    }

    private static func sign(_ header: inout [UInt8]) {
        let size = Int(header.span.bytes.littleEndian(at: 12, as: UInt32.self))
        header.setLittleEndian(UInt32(0), at: 16)
        let checksum = crc32(header.span.bytes.extracting(0..<size))
        header.setLittleEndian(checksum, at: 16)
    }

    /// A hybrid MBR lists the partition a second time, and nothing says which list a boot loader reads.
    private func checkProtective(_ device: any BlockDevice) throws {
        let bytes = try device.bytes(at: 0, count: MBR.byteCount)
        let mbr = try MBR(bytes.span.bytes)
        guard mbr.entries.filter(\.isUsed).count == 1 else {
            throw PartitionTableError.cannotGrow(
                number, reason: "the partitions are listed in an MBR as well as in a GPT")
        }
    }

    private func growProtective(_ device: any BlockDevice, sectorCount: Int64) throws {
        var bytes = try device.bytes(at: 0, count: MBR.byteCount)
        let mbr = try MBR(bytes.span.bytes)
        guard let entry = mbr.entries.first(where: { $0.type == 0xEE }) else { return }
        let count = UInt32(clamping: sectorCount - Int64(entry.firstSector))
        bytes.setLittleEndian(count, at: 446 + 16 * (entry.number - 1) + 12)
        try device.write(bytes, at: 0)
    }

    /// Removes the old copy, which lies inside the partition now, unless the new one was written over it.
    private func wipe(lba: UInt64, on device: any BlockDevice) throws {
        let sector = Int64(sectorSize)
        let sectorCount = device.byteCount / sector
        guard lba < UInt64(sectorCount) else { return }
        let start = Int64(lba) * sector - entryByteCount
        let newCopy = (sectorCount - 1) * sector - entryByteCount
        let end = min(start + entryByteCount + sector, newCopy)
        guard start >= old.upperBound, start < end else { return }
        try device.write([UInt8](repeating: 0, count: Int(end - start)), at: start)
    }
}
