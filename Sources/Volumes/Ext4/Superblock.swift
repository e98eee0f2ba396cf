package import Blocks
import Reports
package import Trees

/// The superblock of an ext2, ext3 or ext4 file system, decoded and checked before libext2fs sees a byte of it.
///
/// It starts 1024 bytes into the volume and is 1024 bytes long, all fields little-endian (kernel: fs/ext4/ext4.h,
/// `struct ext4_super_block`; e2fsprogs: lib/ext2fs/ext2_fs.h):
///
/// ```
///       0x00      0x04      0x08      0x0C
/// 0x00  inodes    blocks    reserved  freeBlocks
/// 0x10  freeInod  first blk log(blk)  log(cluster)
/// 0x20  blk/group clu/group ino/group mount time
/// 0x30  wtime     mounts    EF53 stat errors
/// 0x40  lastcheck interval  creator   revision
/// 0x50  reserved  firstIno  inodeSize COMPAT (0x5C)
/// 0x60  INCOMPAT  ROCOMPAT  uuid (16 bytes, 0x68)
/// 0x70  ..uuid..            label (16 bytes, 0x78)
/// 0xE0  journal inode/dev   orphan    hash seed (0xEC)
/// 0xFC  hash, descSize(FE)  0x104 meta_bg  0x108 mkfs time
/// 0x150 blocks hi, reserved hi, free hi, extra isize (15C, 15E), flags (160)
/// 0x174 log groups per flex, 0x175 checksum type, 0x280 orphan file, 0x3FC checksum
/// ```
package struct Superblock: Equatable, Sendable {
    /// Where it lies in the volume, in bytes.
    package static let offset: Int64 = 1024
    package static let byteCount = 1024

    package let inodeCount: UInt32
    package let blockCount: UInt64
    package let freeBlockCount: UInt64
    package let freeInodeCount: UInt32
    package let firstDataBlock: UInt32
    package let logBlockSize: UInt32
    package let logClusterSize: UInt32
    package let blocksPerGroup: UInt32
    package let clustersPerGroup: UInt32
    package let inodesPerGroup: UInt32
    /// Seconds since 1970 of the last write, 34 bits.
    package let lastWriteTime: Int64
    /// Seconds since 1970 when mkfs made the file system, 34 bits; 0 when unknown.
    package let creationTime: Int64
    package let state: UInt16
    package let revision: UInt32
    package let firstInode: UInt32
    package let inodeSize: UInt16
    package let features: Features
    package let uuid: [UInt8]
    /// Up to 16 bytes of volume name, without the padding.
    package let label: String
    package let journalInode: UInt32
    package let lastOrphan: UInt32
    package let descriptorSize: UInt16
    package let reservedDescriptorBlocks: UInt16
    package let firstMetaGroup: UInt32
    package let minimumExtraSize: UInt16
    package let wantedExtraSize: UInt16
    package let logGroupsPerFlex: UInt8
    package let checksumType: UInt8
    package let orphanFileInode: UInt32

    /// Decodes the 1024 bytes at offset 1024; `corrupt` when they are fewer or the magic number is not there.
    package init(_ bytes: [UInt8]) throws(VolumeError) {
        guard bytes.count >= Self.byteCount else {
            throw .corrupt("the superblock needs \(Self.byteCount) bytes, got \(bytes.count)")
        }
        let field = LittleEndianFields(bytes)
        let magic = field.u16(0x38)
        guard magic == 0xEF53 else {
            throw .corrupt("this is no ext2, ext3 or ext4 file system: the superblock's magic number is \(magic)")
        }
        inodeCount = field.u32(0x00)
        features = Features(compatible: field.u32(0x5C), incompatible: field.u32(0x60), readOnly: field.u32(0x64))
        let is64Bit = features.has(.sixtyFourBit)
        blockCount = UInt64(field.u32(0x04)) | (is64Bit ? UInt64(field.u32(0x150)) << 32 : 0)
        freeBlockCount = UInt64(field.u32(0x0C)) | (is64Bit ? UInt64(field.u32(0x158)) << 32 : 0)
        freeInodeCount = field.u32(0x10)
        firstDataBlock = field.u32(0x14)
        logBlockSize = field.u32(0x18)
        logClusterSize = field.u32(0x1C)
        blocksPerGroup = field.u32(0x20)
        clustersPerGroup = field.u32(0x24)
        inodesPerGroup = field.u32(0x28)
        lastWriteTime = Int64(field.u32(0x30)) | Int64(field.u8(0x274)) << 32
        creationTime = Int64(field.u32(0x108)) | Int64(field.u8(0x276)) << 32
        state = field.u16(0x3A)
        revision = field.u32(0x4C)
        firstInode = field.u32(0x54)
        inodeSize = field.u16(0x58)
        uuid = Array(bytes[0x68..<0x78])
        label = String(decoding: bytes[0x78..<0x88].prefix { $0 != 0 }, as: UTF8.self)
        journalInode = field.u32(0xE0)
        lastOrphan = field.u32(0xE8)
        descriptorSize = is64Bit ? field.u16(0xFE) : 32
        reservedDescriptorBlocks = field.u16(0xCE)
        firstMetaGroup = field.u32(0x104)
        minimumExtraSize = field.u16(0x15C)
        wantedExtraSize = field.u16(0x15E)
        logGroupsPerFlex = field.u8(0x174)
        checksumType = field.u8(0x175)
        orphanFileInode = field.u32(0x280)
    }

    /// Reads and decodes the superblock of the file system on `device`.
    package init(of device: any BlockDevice) throws(VolumeError) {
        guard device.byteCount >= Self.offset + Int64(Self.byteCount) else {
            throw .corrupt("the volume of \(device.byteCount) bytes is too small for a superblock")
        }
        let bytes = try wrapping(device.bytes(at: Self.offset, count: Self.byteCount), as: { VolumeError($0) })
        try self.init(bytes)
    }

    /// Bytes of a block; only meaningful after `checkGeometry`.
    package var blockSize: Int { 1024 << Int(min(logBlockSize, 6)) }

    /// The UUID as it is printed everywhere: 8-4-4-4-12 lower-case hex digits.
    package var volumeID: String {
        let digits = Array("0123456789abcdef")
        var text = ""
        for (index, byte) in uuid.enumerated() {
            if [4, 6, 8, 10].contains(index) { text.append("-") }
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return text
    }
}

/// Named access to little-endian fields; offsets are constants of ours, and a field outside reads as zero.
struct LittleEndianFields {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    func u8(_ offset: Int) -> UInt8 { offset < bytes.count ? bytes[offset] : 0 }

    func u16(_ offset: Int) -> UInt16 {
        guard offset + 2 <= bytes.count else { return UInt16(u8(offset)) }
        return UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
    }

    func u32(_ offset: Int) -> UInt32 { UInt32(u16(offset)) | UInt32(u16(offset + 2)) << 16 }
}
