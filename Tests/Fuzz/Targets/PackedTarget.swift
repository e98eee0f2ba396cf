import Bases
import Blocks

/// Input: an image in any packing, which is unpacked into the cache.
func fuzzPacked(_ input: [UInt8]) throws(BrokenClaim) {
    let file = try ScratchFile(signed(input))
    ScratchCache.with { cache in
        guard let image = try? BaseImage.open(path: file.path, cache: cache) else { return }
        _ = try? image.reader.bytes(at: 0, count: Int(min(image.reader.byteCount, 1 << 20)))
    }
}
