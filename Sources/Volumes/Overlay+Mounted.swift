package import Blocks
@preconcurrency internal import CExt2FS
import Trees

/// A disk whose file systems the kernel has mounted, for looking only.
///
/// A mounted file system calls itself in use, and would be refused as one that lost its power. Its journal is in the
/// kernel's hands; what was written back to the disk before it was opened is what is seen.
extension Overlay {
    /// Makes the file systems in these partitions look as if they had been unmounted; what is none stays as it is.
    package func hideMounts(boot: Range<Int64>?, root: Range<Int64>?) throws(BlockError) {
        if let boot { try write(unmounting: boot, Self.unmountedFAT) }
        if let root { try write(unmounting: root, Self.unmountedExt4) }
    }

    private func write(
        unmounting range: Range<Int64>,
        _ change: (any BlockDevice) throws(VolumeError) -> [(offset: Int64, bytes: [UInt8])]
    ) throws(BlockError) {
        let slice = try Slice(of: self, range: range)
        for piece in (try? change(slice)) ?? [] { try slice.write(piece.bytes.span.bytes, at: piece.offset) }
    }

    /// The superblock of an unmounted file system: nothing to replay, no orphans, clean.
    private static func unmountedExt4(_ device: any BlockDevice) throws(VolumeError) -> [(
        offset: Int64, bytes: [UInt8]
    )] {
        let superblock = try Superblock(of: device)
        var bytes = try device.get(at: Superblock.offset, count: Superblock.byteCount)
        bytes[0x60] &= ~UInt8(Features.Feature.needsRecovery.bit)
        bytes[0x66] &= ~UInt8(Features.Feature.orphanPresent.bit >> 16)
        bytes[0x3A] |= 1
        for offset in 0xE8..<0xEC { bytes[offset] = 0 }
        if superblock.features.has(.metadataChecksum) {
            let sum = bytes.withUnsafeBufferPointer { ext2fs_crc32c_le(~0, $0.baseAddress, 0x3FC) }
            for index in 0..<4 { bytes[0x3FC + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
        }
        return [(Superblock.offset, bytes)]
    }

    /// The bits of Microsoft's specification in the second entry of the table, and Linux's in the boot sector (include/
    /// uapi/linux/msdos_fs.h, FAT_STATE_DIRTY).
    private static func unmountedFAT(_ device: any BlockDevice) throws(VolumeError) -> [(offset: Int64, bytes: [UInt8])]
    {
        var sector = try device.get(at: 0, count: BootSector.byteCount)
        let boot = try BootSector(sector.span, deviceByteCount: device.byteCount)
        sector[boot.kind == .fat32 ? 0x41 : 0x25] &= ~1
        guard boot.kind != .fat12 else { return [(0, sector)] }
        // The highest byte of the entry, which has 16 or 32 bits.
        let place = boot.tableOffset(boot.activeTable ?? 0) + (boot.kind == .fat32 ? 7 : 3)
        let byte = try device.get(at: place, count: 1)[0]
        return [(0, sector), (place, [byte | (boot.kind == .fat32 ? 0x08 : 0x80)])]
    }
}
