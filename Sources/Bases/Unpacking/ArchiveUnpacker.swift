/// Finds the one image in an archive and unpacks it.
enum ArchiveUnpacker {
    /// So many other members in front of an image make a tar a file tree.
    private static let treeThreshold = 32

    /// Unpacks what a zstd or bzip2 file holds.
    static func unpackStream(
        _ job: UnpackContext, format: BaseFormat, into writer: inout SparseWriter
    ) throws(BaseImageError) {
        let archive = try ArchiveReader.open(job.source, format: format, layer: .raw)
        guard try archive.next() != nil else { throw .truncated(format) }
        _ = try archive.unpack(into: &writer, job: job)
        let consumed = archive.consumed
        guard consumed == job.total else { throw .trailingGarbage(format, offset: consumed) }
    }

    /// Unpacks the only `.img` of a zip, wherever it lies in it.
    static func unpackZip(_ job: UnpackContext, into writer: inout SparseWriter) throws(BaseImageError) {
        let listing = try ArchiveReader.open(job.source, format: .zip, layer: .zip)
        var members: [ArchiveReader.Member] = []
        while let member = try listing.next() { members.append(member) }
        let chosen = try choose(from: members)
        let archive = try ArchiveReader.open(job.source, format: .zip, layer: .zip)
        var index = 0
        while let member = try archive.next() {
            if index == chosen {
                let count = try archive.unpack(into: &writer, job: job)
                if let expected = member.byteCount, expected != count { throw .truncated(.zip) }
                return
            }
            index += 1
        }
        throw .changedWhileReading(path: job.source.path)
    }

    /// Unpacks the only `.img` of a tar; `format` is the compression around it.
    ///
    /// A tar without one, such as 8086's usbboot trees, is given up after its first members.
    static func unpackTar(
        _ job: UnpackContext, format: BaseFormat, into writer: inout SparseWriter
    ) throws(BaseImageError) {
        let archive = try ArchiveReader.open(job.source, format: format, layer: .tar)
        var others: [String] = []
        var found: String?
        while let member = try archive.next() {
            if isImage(member) {
                if let found { throw .severalImages(members: [found, member.name]) }
                found = member.name
                let count = try archive.unpack(into: &writer, job: job)
                // A sparse file may end in a hole; libarchive itself notices data that ends too early.
                if let expected = member.byteCount {
                    guard count <= expected else { throw .corrupt(format, reason: "\(member.name) is too long") }
                    try writer.appendZeros(expected - count)
                }
            } else {
                others.append(member.name)
                guard found != nil || others.count < treeThreshold else { throw .unsupported(found: Self.tree) }
            }
            try job.report(consumed: archive.consumed, written: writer.byteCount)
        }
        guard found == nil else { return }
        throw others.contains(where: looksLikeRoot)
            ? .unsupported(found: tree) : .noImage(members: Array(others.prefix(8)))
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

    private static let tree = "a tar archive of a file tree, such as a usbboot one, not of a disk image"

    /// The place of the only image among a zip's members.
    static func choose(from members: [ArchiveReader.Member]) throws(BaseImageError) -> Int {
        let images = members.indices.filter { isImage(members[$0]) }
        guard let first = images.first else {
            throw .noImage(members: members.prefix(8).map(\.name))
        }
        guard images.count == 1 else { throw .severalImages(members: images.map { members[$0].name }) }
        if members[first].isEncrypted { throw .encrypted(member: members[first].name) }
        return first
    }

    /// Whether a member is a file with an image's name; what macOS adds beside files is not.
    static func isImage(_ member: ArchiveReader.Member) -> Bool {
        let parts = member.name.split(separator: "/")
        guard member.isRegular, let last = parts.last, parts.first != "__MACOSX" else { return false }
        return last.lowercased().hasSuffix(".img") && !last.hasPrefix("._")
    }
}
