/// A tree of files that can be read, whatever stores it.
///
/// Paths are taken literally: no symbolic link is followed, neither on the way (that is `notADirectory`) nor at the
/// end; `resolve` in `Volume+Resolve.swift` follows them inside the volume. A volume has one owner and no locks.
package protocol ReadableVolume: AnyObject {
    /// Kind, size and metadata of what lies at `path`, without reading its bytes; nil when nothing does.
    func status(at path: VolumePath) throws(VolumeError) -> FileStatus?

    /// All of what lies at `path`, bytes included; nil when nothing does.
    func node(at path: VolumePath) throws(VolumeError) -> FileNode?

    /// The bytes of the file at `path`, read in pieces while the volume is open and unchanged; nil when no file lies there.
    func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)?

    /// The names in a folder, sorted by their UTF-8 bytes, without `.` and `..`.
    func entries(in directory: VolumePath) throws(VolumeError) -> [String]
}

/// A tree of files that can be read and edited.
package protocol Volume: ReadableVolume {
    /// Makes `path` be `node`. The folder above must exist. A folder put over a folder keeps its entries and changes
    /// metadata only; nothing else may be put over a folder, nor a folder over anything else.
    func put(_ node: FileNode, at path: VolumePath) throws(VolumeError)

    /// Removes a file, link or empty folder; `notFound` when nothing lies there.
    func remove(_ path: VolumePath) throws(VolumeError)

    /// Writes everything out to the device below; the only call that promises it. Nothing may be called afterwards.
    func close() throws(VolumeError)
}

extension ReadableVolume {
    /// For volumes whose files are in memory anyway.
    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        try node(at: path)?.content.fileContent
    }

    /// All bytes of the file at `path`; nil when no file lies there, or one of more than `limit` bytes.
    package func fileBytes(at path: VolumePath, limit: Int64 = 1 << 30) throws(VolumeError) -> [UInt8]? {
        guard let content = try content(at: path), content.byteCount <= limit else { return nil }
        return try content.bytes(at: 0, count: Int(content.byteCount))
    }
}

/// Why a volume could not be opened, read or edited.
package enum VolumeError: Error, Equatable, Sendable {
    case notFound(VolumePath)
    case notADirectory(VolumePath)
    case isADirectory(VolumePath)
    case directoryNotEmpty(VolumePath)
    /// More links on the way than any real path has.
    case tooManyLinks(VolumePath)
    case invalidName(String, reason: String)
    /// The volume cannot hold it: free space, inodes or directory entries ran out.
    case noSpace(VolumePath)
    case fileTooLarge(VolumePath, byteCount: Int64, limit: Int64)
    /// The volume stores no such thing (an owner, a link, a device on FAT).
    case notStorable(VolumePath, what: String)
    /// Well-formed, but not safe to edit: names the feature or state, and what the user can do.
    case unsupported(feature: String, remedy: String)
    /// Not what the format's specification allows.
    case corrupt(String)
    /// The device below failed; the text says how.
    case device(String)
    /// The run was interrupted meanwhile.
    case cancelled
}

extension VolumeError {
    /// The volume itself is broken, as against something that is not there.
    package var isDamage: Bool {
        switch self {
        case .corrupt, .device: true
        default: false
        }
    }
}
