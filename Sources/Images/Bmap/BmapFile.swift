import Bases
package import Blocks
import Glibc
package import Reports

/// The block map beside an image: `NAME.img.bmap`, or `NAME.img.xz.bmap`, of the raw image in either case.
package struct BmapFile: Sendable {
    package let path: String
    private let mode: mode_t
    private let isReplacing: Bool

    package init(beside request: ImageRequest) {
        path = request.path + ".bmap"
        mode = request.mode
        isReplacing = request.isReplacing
    }

    /// Takes an old map away before there is a new image that it does not describe.
    package func prepare() throws(ForgeError) {
        try OutputFile.checkReplaceable(path, replacing: isReplacing)
        unlink(path)
    }

    package func write(_ map: BlockMap) throws(ForgeError) {
        let bytes = map.bmap
        let file = try OutputFile(path: path, mode: mode, replacing: isReplacing)
        try file.write(bytes.span.bytes, at: 0)
        try file.commit()
    }
}

extension BlockMap {
    /// The map of a raw image that is written, read from it anew.
    package init(ofImage request: ImageRequest) throws(ForgeError) {
        self = request.emptyMap
        try complete(fromImageOf: request)
    }

    /// Reads what it lacks from a raw image that is written.
    package mutating func complete(fromImageOf request: ImageRequest) throws(ForgeError) {
        try wrapping(as: { ForgeError($0, writing: BmapFile(beside: request).path) }) {
            () throws(PackingError) in
            let reader = try wrapping(FileReader(path: request.path), as: PackingError.block)
            try complete { (range) throws(PackingError) in
                if Interruption.isRequested { throw .cancelled }
                return try wrapping(reader.bytes(at: range.lowerBound, count: range.count), as: PackingError.block)
            }
        }
    }
}

extension BaseImage {
    /// The digests of the base's blocks that earlier builds found.
    func runDigests(in cache: Cache, observe: Progress.Observer) throws(ForgeError) -> RangeDigests {
        try BlockError.wrapping(
            cache.runDigests(
                of: sourceDigest, onDamage: { observe(Progress(stage: .repair, subject: $0, done: 0, total: 0)) }))
    }
}

extension Patch {
    /// The bytes of a part of the image.
    func bytes(of range: Range<Int64>, over base: any BlockReader) throws(PackingError) -> [UInt8] {
        try wrapping(as: PackingError.block) { () throws(BlockError) in
            var bytes = try base.bytes(at: range.lowerBound, count: range.count)
            var span = bytes.mutableSpan
            var raw = span.mutableBytes
            try apply(to: &raw, at: range.lowerBound)
            return bytes
        }
    }

    /// Equal for patches that change the part of one base alike.
    func identity(in range: Range<Int64>) throws(BlockError) -> SHA256Digest {
        var hasher = SHA256()
        for part in ranges(in: range) {
            let text = Array("\(part.lowerBound) \(part.upperBound) ".utf8)
            hasher.update(text.span.bytes)
        }
        let places = hasher.finalize()
        var content = SHA256()
        content.update(places.bytes.span.bytes)
        try forEachGranule(in: range) { _, bytes in content.update(bytes) }
        return content.finalize()
    }
}
