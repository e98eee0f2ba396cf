package import Bases
import Reports

/// The formats that `build` writes; the raw value is what a file's name ends in.
package enum OutputFormat: String, Sendable, CaseIterable {
    case raw = "img"
    case xz = "img.xz"
    case zstd = "img.zst"
    case gzip = "img.gz"

    /// What writes this format, from `base`; `isVerifying` as in `PackedImageWriter`.
    package func writer(
        for base: ImageSource, cache: Cache, mapping: BmapPolicy, isVerifying: Bool = false
    ) -> any ImageWriter {
        let name = base.name
        let packed: PackedFormat
        switch self {
        case .raw: return MappedImageWriter(baseName: name, cache: cache, mapping: mapping)
        case .xz: packed = .xz
        case .zstd: packed = .zstd
        case .gzip: packed = .gzip
        }
        return PackedImageWriter(packed, baseName: name, cache: cache, mapping: mapping, isVerifying: isVerifying)
    }
}
