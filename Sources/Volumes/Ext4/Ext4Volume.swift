package import Blocks
package import Trees

/// An ext2, ext3 or ext4 file system on a block device, edited in place through libext2fs.
///
/// It is opened only if it is clean and uses no feature that is not known to be safe. As long as nothing is changed,
/// nothing is written. Everything written follows from the device's bytes, the calls and `now`: no clock and no
/// randomness. A folder's modification time is what was put; adding and removing entries leaves it. Limits:
///
/// - Names and links' texts must be UTF-8: `entries` and `node` throw `invalidName` at the first that is not.
/// - A file of more than 1 GiB cannot be read as a whole (a pass over the tree reads it in pieces), and a character
///   or block device can be made only with its number.
/// - The last few free blocks stay unused: a change that might run out of space half way is refused beforehand.
/// - After a failure in the middle of a change, every further call throws that error and nothing more is written.
package final class Ext4Volume: Volume {
    /// What the superblock said when the volume was opened.
    package let superblock: Superblock
    private let isReadOnly: Bool
    private var handle: Ext2Handle?
    private var failure: VolumeError?

    /// Opens the file system that fills `device`; `now` is the time, in seconds since 1970 (1...2^32-1), for all that
    /// is changed, nil when nothing is to be changed.
    ///
    /// Throws `unsupported` with a remedy when it is not clean or uses an unknown feature, `corrupt` when the superblock
    /// or the group descriptors contradict themselves, `device` when the device fails.
    package init(device: any BlockDevice, now: Int64?) throws(VolumeError) {
        isReadOnly = now == nil
        let opened = try Ext2Handle.open(device, now: now)
        superblock = opened.superblock
        handle = consume opened
    }

    /// The UUID in lower-case hex digits, 8-4-4-4-12.
    package var volumeID: String { superblock.volumeID }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        try withHandle { (handle) throws(VolumeError) in
            guard let inode = try handle.find(path) else { return nil }
            return try handle.status(of: inode, at: path)
        }
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        try withHandle { (handle) throws(VolumeError) in
            guard let inode = try handle.find(path) else { return nil }
            return try handle.node(of: inode, at: path)
        }
    }

    package func content(at path: VolumePath) throws(VolumeError) -> (any FileContent)? {
        try withHandle { (handle) throws(VolumeError) in
            guard let inode = try handle.find(path), inode.kind == .file else { return nil }
            return Ext4FileContent(self, inode, path: path)
        }
    }

    package func entries(in directory: VolumePath) throws(VolumeError) -> [String] {
        try withHandle { (handle) throws(VolumeError) in
            guard let inode = try handle.find(directory) else { throw .notFound(directory) }
            guard inode.kind == .directory else { throw .notADirectory(directory) }
            var names: [String] = []
            for bytes in try handle.names(in: inode, at: directory) {
                names.append(try Self.text(ofName: bytes, in: directory))
            }
            return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
    }

    static func text(ofName bytes: [UInt8], in directory: VolumePath) throws(VolumeError) -> String {
        guard let name = String(validating: bytes, as: UTF8.self) else {
            throw .invalidName(String(decoding: bytes, as: UTF8.self), reason: "a name in \(directory) is not UTF-8")
        }
        return name
    }

    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        try withHandle { (handle) throws(VolumeError) in
            guard let change = try handle.change(toPut: node, at: path) else { return }
            try commit { () throws(VolumeError) in try handle.apply(change) }
        }
    }

    package func remove(_ path: VolumePath) throws(VolumeError) {
        try withHandle { (handle) throws(VolumeError) in
            let change = try handle.change(toRemove: path)
            try commit { () throws(VolumeError) in try handle.apply(change) }
        }
    }

    package func close() throws(VolumeError) {
        let last = handle.take()
        if let failure { throw failure }
        switch consume last {
        case .some(let handle): try handle.close()
        case nil: break
        }
    }

    /// Refuses what no inode holds, whoever writes it.
    static func checkStorable(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        guard node.metadata.mode <= 0o7777 else {
            throw .notStorable(path, what: "mode 0\(String(node.metadata.mode, radix: 8))")
        }
        if let device = node.metadata.device {
            guard node.kind == .characterDevice || node.kind == .blockDevice, device.isStorable else {
                throw .notStorable(path, what: "device \(device.major):\(device.minor)")
            }
        }
        guard case .symlink(let text) = node.content else { return }
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw .notStorable(path, what: "an empty link or one with a NUL")
        }
    }

    func withHandle<R>(
        _ body: (borrowing Ext2Handle) throws(VolumeError) -> R
    ) throws(VolumeError) -> R {
        if let failure { throw failure }
        switch handle {
        case .some(let handle): return try body(handle)
        case nil: throw .device("the volume is closed")
        }
    }

    /// Runs the writing half of a change; what fails there leaves the file system half changed.
    func commit(_ body: () throws(VolumeError) -> Void) throws(VolumeError) {
        guard !isReadOnly else {
            throw .unsupported(feature: "editing a volume opened for reading", remedy: "open it for writing")
        }
        do { try body() } catch {
            failure = error
            throw error
        }
    }
}
