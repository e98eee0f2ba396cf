import Bases
import Blocks
import Downloads
import Images
import Reports

extension BaseResolution {
    /// SHA-256 of the image that is packed in a download; nil for an archive of a tree.
    ///
    /// All of it is decoded for that, unless the cache has it unpacked.
    func digestOfImage(in file: Cache.Download) throws(ForgeError) -> (digest: SHA256Digest, byteCount: Int64)? {
        let source = ImageSource(path: base.summary, sha256: file.digest, name: file.name) { _ throws(ForgeError) in
            ImageSource.Local(path: file.path, name: file.name, hold: file)
        }
        let image: BaseImage
        do throws(ForgeError) {
            image = try BaseImage.open(source, cache: options.cache, observe: observe)
        } catch {
            if case .tree? = error.cause as? BaseImageError { return nil }
            throw error
        }
        if image.format == .raw { return (file.digest, image.byteCount) }
        if !image.isDecoding, let digest = options.cache.unpackedDigest(of: file.digest) {
            return (digest, image.byteCount)
        }
        var hasher = SHA256()
        var offset: Int64 = 0
        while offset < image.byteCount {
            try Interruption.check()
            let count = Int(min(Self.pieceSize, image.byteCount - offset))
            let bytes = try BlockError.wrapping(image.reader.bytes(at: offset, count: count))
            hasher.update(bytes.span.bytes)
            offset += Int64(count)
            observe(Progress(stage: .unpack, subject: file.name, done: offset, total: image.byteCount))
        }
        return (hasher.finalize(), image.byteCount)
    }

    private static var pieceSize: Int64 { 4 << 20 }
}
