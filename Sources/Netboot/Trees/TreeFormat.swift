package import Bases

/// What `netboot` makes of a tree; the raw value is what the person types.
package enum TreeFormat: String, Sendable, CaseIterable {
    /// A folder as the controller exports it; needs root for owners and devices.
    case folder = "dir"
    case tar
    case tarXZ = "tar.xz"
    case tarZstd = "tar.zst"

    /// How a tar is packed; nil for one that is not.
    package var packer: BlockPacker? {
        switch self {
        case .folder, .tar: nil
        case .tarXZ: BlockPacker(format: .xz, blockByteCount: Chunking.packed.maximum, level: 3)
        case .tarZstd: BlockPacker(format: .zstd, blockByteCount: Chunking.packed.maximum, level: 6)
        }
    }
}
