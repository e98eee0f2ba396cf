import Blocks

/// One partition of an image.
package struct Partition: Equatable, Sendable {
    /// What the table says it holds.
    package enum Kind: Hashable, Sendable {
        case mbr(UInt8)
        case gpt(GUID)
    }

    /// As in `/dev/mmcblk0p<number>`: from 1, logical partitions from 5.
    package var number: Int
    /// Where it lies, in bytes from the start of the image.
    package var range: Range<Int64>
    package var kind: Kind
    /// The PARTUUID as Linux shows it: `8a676486-02`, or a GUID in lower case.
    package var identifier: String
    /// The name a GPT gives it; empty in an MBR.
    package var name: String

    package var byteCount: Int64 { range.upperBound - range.lowerBound }
}

extension Partition.Kind {
    /// EFI system partition.
    package static let efiSystem = Self.gpt(
        GUID(checked: [
            0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b,
        ]))
    /// Microsoft basic data: any FAT.
    package static let basicData = Self.gpt(
        GUID(checked: [
            0xa2, 0xa0, 0xd0, 0xeb, 0xe5, 0xb9, 0x33, 0x44, 0x87, 0xc0, 0x68, 0xb6, 0xb7, 0x26, 0x99, 0xc7,
        ]))
    /// Linux file system data.
    package static let linuxData = Self.gpt(
        GUID(checked: [
            0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4,
        ]))
    /// Linux root, 32-bit ARM and 64-bit ARM (Discoverable Partitions Specification).
    package static let linuxRoots: Set<Self> = Set(
        ["69dad710-2ce4-4e3c-b16c-21a1d49abed3", "b921b045-1df0-41c3-af44-4c6f280d3fae"]
            .compactMap { GUID($0) }.map { .gpt($0) })

    /// Whether a FAT file system is expected in a partition of this kind.
    package var mayHoldFAT: Bool {
        switch self {
        case .mbr(let type): [0x01, 0x04, 0x06, 0x0B, 0x0C, 0x0E, 0xEF].contains(type)
        case .gpt: self == .efiSystem || self == .basicData
        }
    }

    /// Whether a Linux file system is expected in a partition of this kind.
    package var mayHoldLinux: Bool {
        switch self {
        case .mbr(let type): type == 0x83
        case .gpt: self == .linuxData || Self.linuxRoots.contains(self)
        }
    }
}

extension Partition.Kind: CustomStringConvertible {
    /// `0x0c`, or the type's GUID.
    package var description: String {
        switch self {
        case .mbr(let type): "0x" + hexDigits(type, width: 2)
        case .gpt(let guid): guid.description
        }
    }
}
