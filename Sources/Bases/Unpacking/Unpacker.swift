import Blocks
import Reports
/// Unpacks a base image, through as many layers of packing as there are around it: an .img in a zip, in a tar in an .xz,
/// or an .img.xz in a zip.
///
/// What a layer holds is told by its first bytes. A stream of an image or of a tar is read once; anything else that is
/// packed needs a file of its own, which has no name and is gone afterwards.
struct Unpacker {
    /// Where the image goes: an empty file.
    let target: OpenFile
    /// Makes a file for something packed inside something packed.
    let scratch: () throws(BlockError) -> OpenFile

    /// So many other members in front of an image make a tar a file tree.
    private static let treeThreshold = 32
    /// More layers than any tool makes.
    private static let layerLimit = 5
    /// Bytes of a zip's directory: 50 to 100 a member.
    private static let directoryLimit: UInt64 = 8 << 20

    /// A packed thing in a file.
    private struct Layer {
        var job: UnpackContext
        var format: BaseFormat
        /// How many layers are around it.
        var depth = 0
    }

    /// Unpacks what is packed as `format`, and reports the whole file as used at the end.
    func unpack(_ job: UnpackContext, format: BaseFormat) throws(BaseImageError) {
        var layer: Layer? = Layer(job: job, format: format)
        while let outer = layer { layer = try unpack(outer) }
        let byteCount = try wrapping(target.measuredByteCount(), as: BaseImageError.block)
        guard byteCount >= BaseImage.minimumByteCount else { throw .tooSmall(byteCount: byteCount) }
        try job.report(consumed: job.total, written: byteCount)
    }

    /// The bytes in what is packed as one stream; nil for an archive or an image.
    static func stream(_ job: UnpackContext, format: BaseFormat) throws(BaseImageError) -> (any ByteStream)? {
        switch format {
        case .xz: return try XZStreamDecoder(job)
        case .gzip: return try GzipStreamDecoder(job)
        case .zstd: return try ZstdStreamDecoder(job)
        case .bzip2: return try Bzip2StreamDecoder(job)
        case .raw, .zip, .tar: return nil
        }
    }

    /// Unpacks one layer; what is inside it when that is packed, too.
    private func unpack(_ layer: Layer) throws(BaseImageError) -> Layer? {
        if let stream = try Self.stream(layer.job, format: layer.format) { return try take(stream, of: layer) }
        switch layer.format {
        case .zip: return try unpackZip(layer)
        case .tar:
            return try unpackTar(
                ArchiveReader.tar(in: FileStream(layer.job), format: .tar, path: layer.job.source.path), of: layer)
        case .raw, .xz, .gzip, .zstd, .bzip2: throw .unsupported(found: "an image that needs no unpacking")
        }
    }

    /// Writes what a stream holds to where it belongs.
    private func take(_ stream: any ByteStream, of layer: Layer) throws(BaseImageError) -> Layer? {
        let stream = try PeekedStream(stream)
        switch stream.recognized {
        case .format(.raw):
            _ = try write(stream, to: target, layer.job)
            return nil
        case .format(let format):
            var inner = layer
            inner.depth += 1
            guard inner.depth < Self.layerLimit else { throw .unsupported(found: "packed too many times") }
            inner.format = format
            if format == .tar {
                return try unpackTar(
                    ArchiveReader.tar(in: stream, format: layer.format, path: layer.job.source.path), of: inner)
            }
            let file = try wrapping(scratch(), as: BaseImageError.block)
            let byteCount = try write(stream, to: file, layer.job)
            inner.job = UnpackContext(
                source: file, total: byteCount, progress: layer.job.progress, isCancelled: layer.job.isCancelled)
            return inner
        case .foreign(let foreign): throw .foreign(foreign, isPacked: true)
        case .unknown where stream.head.count < Int(BaseImage.minimumByteCount):
            throw .tooSmall(byteCount: Int64(stream.head.count))
        case .unknown: throw .unsupported(found: BaseFormat.noTable)
        }
    }

    private func write(
        _ stream: any ByteStream, to file: OpenFile, _ job: UnpackContext
    ) throws(BaseImageError) -> Int64 {
        var writer = SparseWriter(file: file)
        while let piece = try stream.next() {
            switch piece {
            case .bytes(let bytes): try writer.append(bytes)
            case .zeros(let count): try writer.appendZeros(count)
            }
            try job.report(consumed: stream.consumed, written: writer.byteCount)
        }
        return try writer.finish()
    }

    /// The only image of a zip, wherever it lies in it.
    private func unpackZip(_ layer: Layer) throws(BaseImageError) -> Layer? {
        let file = layer.job.source
        let end = try wrapping(ZipEnd(file, byteCount: layer.job.total), as: BaseImageError.block)
        if let end, end.isOfSeveral { throw .foreign(.lastPartOfZip, isPacked: layer.depth > 0) }
        // libarchive keeps all of it in memory.
        if let end, end.directoryByteCount > Self.directoryLimit {
            throw .unsupported(found: "a zip with a directory of more than \(Self.directoryLimit >> 20) MiB")
        }
        let listing = try ArchiveReader.zip(file)
        var members: [ArchiveReader.Member] = []
        while let member = try listing.next() { members.append(member) }
        let chosen = try Self.choose(from: members)
        let archive = try ArchiveReader.zip(file)
        var index = 0
        while let member = try archive.next() {
            if index == chosen {
                return try take(
                    ArchiveMemberStream(archive, byteCount: member.byteCount, format: .zip, mayEndInHole: false),
                    of: layer)
            }
            index += 1
        }
        throw .block(.changed(path: file.path))
    }

    /// The only image of a tar; one without, such as 8086's usbboot trees, is given up after its first members.
    private func unpackTar(_ archive: ArchiveReader, of layer: Layer) throws(BaseImageError) -> Layer? {
        var others: [String] = []
        var found: String?
        var inner: Layer?
        while let member = try archive.next() {
            if Self.isImage(member) || Self.isPackedImage(member) {
                if let found { throw .severalImages(members: [found, member.name]) }
                found = member.name
                // A sparse file may end in a hole; libarchive itself notices data that ends too early.
                inner = try take(
                    ArchiveMemberStream(archive, byteCount: member.byteCount, format: layer.format, mayEndInHole: true),
                    of: layer)
            } else {
                if found == nil { others.append(member.name) }
                guard others.count < Self.treeThreshold else { throw .tree }
            }
            if layer.job.isCancelled() { throw .cancelled }
        }
        try archive.finish()
        if found != nil { return inner }
        throw others.contains(where: Self.looksLikeRoot) ? .tree : .noImage(members: Array(others.prefix(8)))
    }

    /// Whether a member's name is one of the top of a system, or of one in a folder named p1, p2 and so on.
    static func looksLikeRoot(_ name: String) -> Bool {
        let bare = name.hasPrefix("./") ? name.dropFirst(2) : name[...]
        if bare.hasPrefix("etc/") || bare.hasPrefix("bin") || bare.hasPrefix("boot/") { return true }
        let parts = bare.split(separator: "/", maxSplits: 1)
        guard parts.count == 2, parts[0].hasPrefix("p"), let number = Int(parts[0].dropFirst()), number > 0 else {
            return false
        }
        return parts[1].hasPrefix("etc/") || parts[1].hasPrefix("boot/")
    }

    /// The place of the only image among a zip's members; a packed one counts when there is no other.
    static func choose(from members: [ArchiveReader.Member]) throws(BaseImageError) -> Int {
        let plain = members.indices.filter { isImage(members[$0]) }
        let images = plain.isEmpty ? members.indices.filter { isPackedImage(members[$0]) } : plain
        guard let first = images.first else {
            throw .noImage(members: members.prefix(8).map(\.name))
        }
        guard images.count == 1 else { throw .severalImages(members: images.map { members[$0].name }) }
        if members[first].isEncrypted { throw .encrypted(member: members[first].name) }
        // libarchive unpacks others, too, some of them with memory without limit.
        if let method = members[first].method, !["uncompressed", "deflation", "bzip"].contains(method) {
            throw .unknownMethod(.zip, methodNames[method] ?? method)
        }
        return first
    }

    /// How tools call what libarchive calls otherwise.
    private static let methodNames = [
        "deflation-64-bit": "Deflate64, as Windows' Explorer does above 2 GB", "lzma": "LZMA", "ppmd-1": "PPMd",
        "xz": "xz", "zstd": "Zstandard",
    ]

    /// Whether a member is a file with an image's name; what macOS adds beside files is not.
    static func isImage(_ member: ArchiveReader.Member) -> Bool { hasName(member, endingIn: [".img"]) }

    /// The same for a packed image.
    static func isPackedImage(_ member: ArchiveReader.Member) -> Bool {
        hasName(member, endingIn: [".img.xz", ".img.gz", ".img.zst", ".img.bz2", ".img.zip"])
    }

    private static func hasName(_ member: ArchiveReader.Member, endingIn suffixes: [String]) -> Bool {
        let parts = member.name.split(separator: "/")
        // The firmware's kernels are called kernel.img, too.
        guard member.isRegular, let last = parts.last, parts.first != "__MACOSX", !last.hasPrefix("._"),
            !parts.dropLast().contains("boot")
        else { return false }
        return suffixes.contains { last.lowercased().hasSuffix($0) }
    }
}

/// The bytes in a .bz2 file, by libarchive.
final class Bzip2StreamDecoder: ByteStream {
    private let job: UnpackContext
    private let archive: ArchiveReader
    private let member: ArchiveMemberStream

    init(_ job: UnpackContext) throws(BaseImageError) {
        archive = try ArchiveReader.bzip2(job.source)
        guard try archive.next() != nil else { throw .truncated(.bzip2) }
        self.job = job
        member = ArchiveMemberStream(archive, byteCount: nil, format: .bzip2, mayEndInHole: false)
    }

    var consumed: Int64 { archive.consumed }

    func next() throws(BaseImageError) -> StreamPiece? {
        if let piece = try member.next() { return piece }
        guard consumed == job.total else { throw .trailingGarbage(.bzip2, offset: consumed) }
        return nil
    }
}
