import Reports
import Trees

/// The geometry of a FAT12, FAT16 or FAT32 volume, decoded from its first 512 bytes and checked against the device.
///
/// Source: Microsoft FAT specification (fatgen103), "Boot Sector and BPB"; Linux, fs/fat/inode.c.
///
///     0x00  3  jump            0x10  1  number of FATs        0x1C  4  hidden sectors
///     0x03  8  OEM name        0x11  2  root entries (12/16)  0x20  4  sectors, when 0x13 is 0
///     0x0B  2  bytes/sector    0x13  2  sectors (small)       FAT12/16: 0x25 1 state
///     0x0D  1  sectors/cluster 0x15  1  media                 FAT32: 0x24 4 sectors/FAT  0x28 2 flags
///     0x0E  2  reserved        0x16  2  sectors/FAT (12/16)          0x2A 2 version      0x2C 4 root cluster
///     0x1FE 2  0x55 0xAA                                             0x30 2 FSInfo       0x41 1 state
///
///     | reserved (boot, FSInfo, backup) | FAT | FAT | root folder (12/16) | clusters 2, 3, 4, ... |
struct BootSector: Equatable, Sendable {
    /// How many bits a table entry has.
    enum Kind: Int, Sendable {
        case fat12 = 12
        case fat16 = 16
        case fat32 = 32
    }

    let kind: Kind
    /// 512, 1024, 2048 or 4096.
    let bytesPerSector: Int
    /// A power of two, 1...128.
    let sectorsPerCluster: Int
    /// Sectors before the first table, at least 1.
    let reservedSectors: Int
    /// Copies of the table, 1 or 2.
    let tableCount: Int
    let sectorsPerTable: Int
    /// Slots of the fixed root folder; 0 on FAT32.
    let rootEntryCount: Int
    let totalSectors: Int
    /// The only table in use when mirroring is off, nil when all copies are written (BPB_ExtFlags).
    let activeTable: Int?
    /// First cluster of the root folder; 0 on FAT12 and FAT16.
    let rootCluster: Int
    /// Sector of FSInfo, nil when there is none.
    let infoSector: Int?
    /// Bit 0 of the state byte: mounted and not unmounted.
    let isMarkedDirty: Bool
    /// Clusters in the data area, at least 1; the last cluster's number is one more.
    let clusterCount: Int

    /// Bytes that `init` needs, whatever the sector size.
    static let byteCount = 512

    /// Decodes `bytes`, at least 512, of a volume on a device of `deviceByteCount` bytes.
    ///
    /// Throws `unsupported` for exFAT, NTFS and unknown versions, `corrupt` for anything the specification rules out.
    init(_ bytes: Span<UInt8>, deviceByteCount: Int64) throws(VolumeError) {
        guard bytes.count >= Self.byteCount else { throw .corrupt("the boot sector has \(bytes.count) of 512 bytes") }
        try Self.refuseForeign(bytes)
        let sectorSize = Int(bytes.u16(at: 0x0B))
        guard [512, 1024, 2048, 4096].contains(sectorSize) else {
            throw .corrupt("the boot sector says \(sectorSize) bytes a sector, not 512, 1024, 2048 or 4096")
        }
        let perCluster = Int(bytes[0x0D])
        guard perCluster > 0, perCluster <= 128, perCluster & (perCluster - 1) == 0 else {
            throw .corrupt("the boot sector says \(perCluster) sectors a cluster, not a power of two up to 128")
        }
        let media = bytes[0x15]
        guard media == 0xF0 || media >= 0xF8 else { throw .corrupt("the boot sector's media byte is \(media)") }
        let reserved = Int(bytes.u16(at: 0x0E))
        guard reserved > 0 else { throw .corrupt("the boot sector says 0 reserved sectors") }
        let tables = Int(bytes[0x10])
        guard tables == 1 || tables == 2 else { throw .corrupt("the boot sector says \(tables) FATs, not 1 or 2") }

        let smallTable = Int(bytes.u16(at: 0x16))
        let tableSectors = smallTable != 0 ? smallTable : Int(bytes.u32(at: 0x24))
        guard tableSectors > 0 else { throw .corrupt("the boot sector says 0 sectors a FAT") }
        let isWide = smallTable == 0
        let slots = Int(bytes.u16(at: 0x11))
        guard isWide ? slots == 0 : slots > 0 && slots * 32 % sectorSize == 0 else {
            throw .corrupt("the boot sector says \(slots) root entries")
        }
        let smallTotal = Int(bytes.u16(at: 0x13))
        let total = smallTotal != 0 ? smallTotal : Int(bytes.u32(at: 0x20))
        guard Int64(total) <= deviceByteCount / Int64(sectorSize) else {
            throw .corrupt(
                "the boot sector says \(total) sectors of \(sectorSize) bytes, the device has \(deviceByteCount)")
        }
        let before = reserved + tables * tableSectors + slots * 32 / sectorSize
        guard before < total, (total - before) / perCluster > 0 else {
            throw .corrupt("the boot sector leaves no room for data in \(total) sectors")
        }
        let clusters = (total - before) / perCluster

        bytesPerSector = sectorSize
        sectorsPerCluster = perCluster
        reservedSectors = reserved
        tableCount = tables
        sectorsPerTable = tableSectors
        rootEntryCount = slots
        totalSectors = total
        clusterCount = clusters
        kind = try Self.kind(isWide: isWide, clusterCount: clusters)
        isMarkedDirty = bytes[isWide ? 0x41 : 0x25] & 1 != 0
        guard ((clusters + 2) * kind.rawValue + 7) / 8 <= tableSectors * sectorSize else {
            throw .corrupt("a FAT of \(tableSectors) sectors is too small for \(clusters) clusters")
        }
        let wide = isWide ? try WideFields(bytes, tables: tables, reserved: reserved, clusters: clusters) : nil
        activeTable = wide?.activeTable
        rootCluster = wide?.rootCluster ?? 0
        infoSector = wide?.infoSector
    }

    private static func refuseForeign(_ bytes: Span<UInt8>) throws(VolumeError) {
        let name = (3..<11).map { bytes[$0] }
        let remedy = "use a boot partition formatted as FAT16 or FAT32"
        if name == Array("EXFAT   ".utf8) { throw .unsupported(feature: "exFAT", remedy: remedy) }
        if name == Array("NTFS    ".utf8) { throw .unsupported(feature: "NTFS", remedy: remedy) }
        guard bytes[510] == 0x55, bytes[511] == 0xAA else {
            throw .corrupt("the boot sector does not end in 55 AA: this is no FAT volume")
        }
    }

    /// The layout decides whether it is FAT32 (as in Linux and fsck.fat), the cluster count whether it is FAT12 or FAT16; neither may exceed its limit.
    private static func kind(isWide: Bool, clusterCount: Int) throws(VolumeError) -> Kind {
        let kind: Kind = isWide ? .fat32 : clusterCount < 4085 ? .fat12 : .fat16
        guard clusterCount <= (isWide ? 0x0FFF_FFF5 : 65524) else {
            throw .corrupt("\(clusterCount) clusters are too many for FAT\(kind.rawValue)")
        }
        return kind
    }

    /// What only FAT32 has.
    private struct WideFields {
        var activeTable: Int?
        var rootCluster: Int
        var infoSector: Int?

        init(_ bytes: Span<UInt8>, tables: Int, reserved: Int, clusters: Int) throws(VolumeError) {
            let version = bytes.u16(at: 0x2A)
            guard version == 0 else {
                throw .unsupported(feature: "FAT32 version \(version)", remedy: "use a volume made by mkfs.fat")
            }
            let flags = Int(bytes.u16(at: 0x28))
            activeTable = flags & 0x80 == 0 ? nil : flags & 0x0F
            if let activeTable, activeTable >= tables {
                throw .corrupt("the boot sector makes FAT \(activeTable) the active one of \(tables)")
            }
            rootCluster = Int(bytes.u32(at: 0x2C))
            guard rootCluster >= 2, rootCluster < clusters + 2 else {
                throw .corrupt("the root folder's cluster \(rootCluster) is outside 2...\(clusters + 1)")
            }
            let info = Int(bytes.u16(at: 0x30))
            // Linux takes 0 for 1 (fs/fat/inode.c); the signatures tell whether one is there.
            infoSector = info == 0xFFFF ? nil : info == 0 ? (reserved > 1 ? 1 : nil) : info
            guard info == 0xFFFF || info < reserved else {
                throw .corrupt("FSInfo's sector \(info) is not one of the \(reserved) reserved sectors")
            }
        }
    }
}

extension BootSector {
    var bytesPerCluster: Int { bytesPerSector * sectorsPerCluster }

    /// Numbers of the clusters that exist.
    var clusters: Range<Int> { 2..<clusterCount + 2 }

    /// Byte offset of one copy of the table.
    func tableOffset(_ copy: Int) -> Int64 {
        (Int64(reservedSectors) + Int64(copy) * Int64(sectorsPerTable)) * Int64(bytesPerSector)
    }

    /// Byte offset of the fixed root folder (FAT12 and FAT16).
    var rootOffset: Int64 { tableOffset(tableCount) }

    /// Bytes of the fixed root folder; 0 on FAT32.
    var rootByteCount: Int { rootEntryCount * 32 }

    /// Byte offset of a cluster out of `clusters`.
    func offset(ofCluster cluster: Int) -> Int64 {
        rootOffset + Int64(rootByteCount) + Int64(cluster - 2) * Int64(bytesPerCluster)
    }
}
