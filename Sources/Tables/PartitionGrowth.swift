package import Blocks

/// A partition's new end, further back in a device that is larger than the image was: decided first, then written.
///
/// Only the last partition can grow, for nothing is moved. In an MBR the entry's number of sectors changes; a GPT's
/// backup moves to the device's last sector as well, and both headers get new checksums:
///
/// ```
///   before  | MBR | GPT | p1 | p2 ..... | entries, header |
///   after   | MBR | GPT | p1 | p2 ............................ | entries, header |
/// ```
package struct PartitionGrowth: Equatable, Sendable {
    package let number: Int
    /// Where the partition lay, in bytes.
    package let old: Range<Int64>
    /// Where it will lie: the same start, and an end that is a multiple of 4096 bytes where it can be.
    package let new: Range<Int64>
    let scheme: PartitionTable.Scheme
    let sectorSize: Int
    /// The size of a GPT's entries, in bytes and rounded up to whole sectors; 0 for an MBR.
    let entryByteCount: Int64

    /// Sectors that an MBR's entry can count.
    private static let sectorLimit = Int64(UInt32.max)
    private static let alignment: Int64 = 4096

    /// Lets partition `number` of `table`, which `device` holds, reach as far as the device does; it keeps its size
    /// where there is no room.
    ///
    /// Throws `cannotGrow` for a partition that is not the last one, a logical one, or one in a damaged table.
    package init(
        of number: Int, in table: PartitionTable, on device: any BlockDevice
    ) throws(PartitionTableError) {
        guard let partition = table.partitions.first(where: { $0.number == number }) else {
            throw .cannotGrow(number, reason: "there is no such partition")
        }
        if let next = table.partitions.first(where: { $0.range.lowerBound >= partition.range.upperBound }) {
            throw .cannotGrow(number, reason: "partition \(next.number) lies behind it")
        }
        let sector = Int64(table.sectorSize)
        var end = device.byteCount
        var entryByteCount: Int64 = 0
        switch table.scheme {
        case .mbr:
            guard number <= 4 else { throw .cannotGrow(number, reason: "it is a logical partition") }
            guard table.partitions.allSatisfy({ $0.number <= 4 }) else {
                throw .cannotGrow(number, reason: "there is an extended partition")
            }
            end = min(end, partition.range.lowerBound + Self.sectorLimit * sector)
        case .gpt:
            entryByteCount = try Self.entryByteCount(on: device, sectorSize: table.sectorSize)
            // The copy of the header takes the last sector, and that of the entries those before it.
            end = end / sector * sector - sector - entryByteCount
        case .gptBackup(let reason):
            throw .cannotGrow(number, reason: "the first partition table is damaged: \(reason)")
        }
        end = max(end / Self.alignment * Self.alignment, partition.range.upperBound)
        self.number = number
        old = partition.range
        new = partition.range.lowerBound..<end
        scheme = table.scheme
        sectorSize = table.sectorSize
        self.entryByteCount = entryByteCount
    }

    /// Writes the table of the device that the growth was decided for.
    package func write(to device: any BlockDevice) throws(PartitionTableError) {
        do {
            switch scheme {
            case .mbr: try writeMBR(to: device)
            case .gpt, .gptBackup: try writeGPT(to: device)
            }
        } catch let error as PartitionTableError {
            throw error
        } catch let error as BlockError {
            throw .unreadable(error)
        } catch {
            throw .cannotGrow(number, reason: "\(error)")
        }
    }

    private func writeMBR(to device: any BlockDevice) throws {
        var bytes = try device.bytes(at: 0, count: MBR.byteCount)
        let entry = try MBR(bytes.span.bytes).entries[number - 1]
        guard Int64(entry.firstSector) * Int64(sectorSize) == old.lowerBound,
            Int64(entry.sectorCount) * Int64(sectorSize) == old.upperBound - old.lowerBound
        else { throw PartitionTableError.cannotGrow(number, reason: "the device's table is another one") }
        let offset = 446 + 16 * (number - 1)
        let count = UInt32(clamping: (new.upperBound - new.lowerBound) / Int64(sectorSize))
        bytes.setLittleEndian(count, at: offset + 12)
        let last = UInt64(entry.firstSector) + UInt64(count) - 1
        bytes.replaceSubrange((offset + 5)..<(offset + 8), with: Self.cylinderAddress(of: last))
        try device.write(bytes, at: 0)
    }

    /// The last sector as cylinder, head and sector of a disk with 255 heads and 63 sectors, as fdisk writes it; the
    /// highest there is for anything after it (which is all of a card but the first 8 GB).
    private static func cylinderAddress(of sector: UInt64) -> [UInt8] {
        let cylinder = sector / (255 * 63)
        guard cylinder < 1024 else { return [0xFE, 0xFF, 0xFF] }
        let head = sector / 63 % 255
        let low = sector % 63 + 1
        return [UInt8(head), UInt8(low | (cylinder >> 8) << 6), UInt8(cylinder & 0xFF)]
    }
}

extension [UInt8] {
    /// Stores a number at an offset; the caller has made sure that the array is long enough.
    mutating func setLittleEndian(_ value: some FixedWidthInteger, at offset: Int) {
        for (index, byte) in Swift.withUnsafeBytes(of: value.littleEndian, Array.init).enumerated() {
            self[offset + index] = byte
        }
    }
}
