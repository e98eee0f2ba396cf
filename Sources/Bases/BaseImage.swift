package import Blocks
import Reports

/// An opened base image: random access to its unpacked bytes, and the sha256 of the file it came from.
package struct BaseImage: Sendable {
    /// The image's bytes; shared by all slots.
    package let reader: any BlockReader
    /// The sha256 of the file as downloaded, packed or not.
    package let sourceDigest: SHA256Digest
    /// How the file is packed.
    package let format: BaseFormat

    /// A sector: what is smaller cannot be an image.
    static let minimumByteCount: Int64 = 512

    /// Size of the unpacked image in bytes, at most `byteLimit`.
    package var byteCount: Int64 { reader.byteCount }

    /// The largest image that is taken, in bytes: what an MBR can address.
    package static let byteLimit: Int64 = 1 << 41

    /// The .xz file of several blocks that it came from; nil for every other base. `reader` need not be this one: what
    /// an earlier build decoded whole is kept in the cache.
    package let xz: XZReader?
    /// Whether `reader` decodes what it reads.
    package var isDecoding: Bool { reader is XZReader }
    /// The file itself where bytes come out of it after it was opened; nil for a base whose image lies in the cache.
    package let origin: UnchangedFile?
    /// The name that the file had where it came from; nil for one that was on this machine.
    package var name: String?

    /// Throws `changed` when the file is no longer what it was when it was opened: whoever writes an output asks before
    /// that gets its name.
    package func checkUnchanged() throws(BlockError) { try origin?.check() }

    /// Opens a raw image or an .xz file of several blocks in place, or another packed one through `cache`, where it is
    /// unpacked once.
    ///
    /// With `unpacking` that .xz file goes through the cache too, for whoever reads it in no order; with `isVerifying` what
    /// the cache holds is read and held against its digest.
    /// `expectedSHA256` is compared with the file as downloaded before anything is unpacked; `name` is what it was called
    /// where it came from, if it has another one here. `isCancelled` is asked
    /// about once per MiB; when it says yes, `cancelled` is thrown and nothing is left behind.
    package static func open(
        path: String,
        expectedSHA256: SHA256Digest? = nil,
        name: String? = nil,
        cache: Cache,
        unpacking: Bool = false,
        isVerifying: Bool = false,
        progress: @escaping @Sendable (BaseImageProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(BaseImageError) -> BaseImage {
        var opening = try BaseImageOpening(path: path, cache: cache, progress: progress, isCancelled: isCancelled)
        opening.isVerifying = isVerifying
        opening.givenName = name
        var image = try open(opening, expectedSHA256: expectedSHA256, unpacking: unpacking)
        image.name = name
        return image
    }

    /// The bytes of an image alone.
    package struct Bytes: Sendable {
        package let reader: any BlockReader
        /// The file that they come out of, as in `checkUnchanged`.
        package let origin: UnchangedFile?
        /// Whether it is a disk that the kernel has mounted.
        package let isMounted: Bool
    }

    /// The same without the sha256, for which a raw image is read as a whole. With `isShared` a disk may be mounted.
    package static func openBytes(
        path: String, name: String? = nil, cache: Cache, isShared: Bool = false,
        progress: @escaping @Sendable (BaseImageProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(BaseImageError) -> Bytes {
        var opening = try BaseImageOpening(
            path: path, cache: cache, isShared: isShared, progress: progress, isCancelled: isCancelled)
        opening.givenName = name
        guard opening.format == .raw else {
            let image = try open(opening, expectedSHA256: nil, unpacking: false)
            return Bytes(reader: image.reader, origin: image.origin, isMounted: false)
        }
        let reader = try wrapping(FileReader(opening.file.file), as: BaseImageError.block)
        return Bytes(reader: reader, origin: opening.file, isMounted: opening.isMounted)
    }

    private static func open(
        _ opening: BaseImageOpening, expectedSHA256: SHA256Digest?, unpacking: Bool
    ) throws(BaseImageError) -> BaseImage {
        let digest = try opening.digest()
        if let expectedSHA256, expectedSHA256 != digest {
            throw .digestMismatch(expected: expectedSHA256, found: digest)
        }
        if !unpacking, let xz = try opening.xzReader() {
            if let kept = try opening.kept(digest) {
                return BaseImage(reader: kept, sourceDigest: digest, format: .xz, xz: xz, origin: opening.file)
            }
            if try opening.holdsImage(xz) {
                return BaseImage(reader: xz, sourceDigest: digest, format: .xz, xz: xz, origin: opening.file)
            }
        }
        let isRaw = opening.format == .raw
        let file = isRaw ? opening.file.file : try opening.unpacked(digest)
        let reader = try wrapping(FileReader(file), as: BaseImageError.block)
        return BaseImage(
            reader: reader, sourceDigest: digest, format: opening.format, xz: nil, origin: isRaw ? opening.file : nil)
    }
}
