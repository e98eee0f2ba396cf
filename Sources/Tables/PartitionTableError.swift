package import Blocks

/// Why the partitions of an image cannot be used.
package enum PartitionTableError: Error, Equatable, Sendable {
    case unreadable(BlockError)
    case tooSmall(byteCount: Int64)
    case badMBR(MBR.Failure)
    case badGPT(primary: GPT.Failure, backup: GPT.Failure)
    /// The image is one file system without partitions; the name says which.
    case bareFileSystem(String)
    case noPartitions
    case outsideImage(number: Int, range: Range<Int64>, byteCount: Int64)
    /// A GPT whose last usable sector lies after the end of the image; its sizes in sectors.
    case cutShort(needed: UInt64, found: UInt64)
    case overlap(Int, Int)
    /// A partition begins at sector 0, where the table lies.
    case coversTable(number: Int)
    case severalExtended([Int])
    case badExtendedLink(sector: Int64, MBR.Failure)
    /// A link points backwards, outside the extended partition, or to something else.
    case badExtendedChain(sector: Int64)
    case outsideExtended(number: Int)
    case chainTooLong(limit: Int)
    case noBoot([PartitionFinding])
    case noRoot([PartitionFinding])
    case ambiguous([PartitionFinding])
    /// A partition cannot be made larger.
    case cannotGrow(Int, reason: String)
}

extension PartitionTableError {
    /// Whether the table is well, and the image ends before what it describes.
    package var isCutShort: Bool {
        switch self {
        case .outsideImage, .cutShort: true
        default: false
        }
    }
}

extension PartitionTableError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable(let error): "it could not be read: \(error)"
        case .tooSmall(let byteCount): "an image of \(byteCount) bytes is smaller than one sector"
        case .badMBR(let failure): "the first sector holds no partition table: \(failure)"
        case .badGPT(let primary, let backup): "both partition tables are damaged: first \(primary), copy \(backup)"
        case .bareFileSystem(let name): "it holds one \(name) file system and no partitions"
        case .noPartitions: "its partition table is empty"
        case .outsideImage(let number, let range, let byteCount):
            "partition \(number) ends at byte \(range.upperBound) but the image has only \(byteCount) bytes"
        case .cutShort(let needed, let found):
            "its partition table is that of a disk of \(needed) sectors or more but the image has only \(found)"
        case .overlap(let first, let second): "partitions \(first) and \(second) overlap"
        case .coversTable(let number): "partition \(number) begins at sector 0, on top of the partition table"
        case .severalExtended(let numbers): "partitions \(list(numbers)) are all extended; there may be one"
        case .badExtendedLink(let sector, let failure):
            "the extended partition's table at sector \(sector) is damaged: \(failure)"
        case .badExtendedChain(let sector):
            "the extended partition's table at sector \(sector) points backwards or outside"
        case .outsideExtended(let number): "logical partition \(number) leaves its extended partition"
        case .chainTooLong(let limit): "the extended partition has more than \(limit) links"
        case .noBoot(let findings): "it has no FAT partition to boot from; found \(list(findings))"
        case .noRoot(let findings): "it has no ext4 partition with a Linux type; found \(list(findings))"
        case .ambiguous(let findings): "several partitions could be boot or root; found \(list(findings))"
        case .cannotGrow(let number, let reason): "partition \(number) cannot grow: \(reason)"
        }
    }

    private func list(_ items: [some Any]) -> String {
        items.map { "\($0)" }.joined(separator: ", ")
    }
}

extension MBR.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooShort(let byteCount): "only \(byteCount) bytes"
        case .noSignature: "0x55 0xAA is missing at its end"
        case .badStatus(let number, let status):
            "entry \(number) has the status 0x\(hexDigits(status, width: 2)), not 0x00 or 0x80"
        }
    }
}

extension GPT.Failure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .tooShort(let byteCount): "only \(byteCount) bytes"
        case .noSignature: "no \"EFI PART\""
        case .badHeaderSize(let size): "a header of \(size) bytes"
        case .headerChecksum(let stored, let computed):
            "header checksum \(hexDigits(stored, width: 8)) but its bytes give \(hexDigits(computed, width: 8))"
        case .misplaced(let says, let found): "a header for sector \(says) found at sector \(found)"
        case .badUsableRange(let first, let last, let count):
            "usable sectors \(first) to \(last) of \(count)"
        case .badEntryArray(let lba, let count, let size): "\(count) entries of \(size) bytes at sector \(lba)"
        case .entriesChecksum(let stored, let computed):
            "entries' checksum \(hexDigits(stored, width: 8)) but their bytes give \(hexDigits(computed, width: 8))"
        case .badEntry(let number, let first, let last): "entry \(number) spans sectors \(first) to \(last)"
        }
    }
}
