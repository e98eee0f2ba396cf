package import Blocks
package import Trees

/// A FAT12, FAT16 or FAT32 file system on a device, read and edited without the kernel.
///
/// Names match in any case and existing entries keep theirs; new ones are stored as Linux does with
/// `shortname=mixed,utf8,tz=UTC`. Of a node's metadata only `modified` is stored; a mode is ignored, an owner or an
/// attribute is `notStorable`. Files and folders are written at once, the tables and FSInfo by `close`.
/// Nothing is written unless something changes, and equal edits of equal volumes give equal bytes.
package final class FATVolume: Volume {
    package enum Access: Sendable {
        case readOnly
        case readWrite
    }

    let device: any BlockDevice
    let boot: BootSector
    let access: Access
    let table: AllocationTable
    var info: InfoSector?
    private let storedInfo: InfoSector?
    /// The cluster after which the next free one is looked for.
    var lastAllocated: Int
    /// Folders read so far, by first cluster, 0 for the root.
    private var directories: [Int: Directory] = [:]

    private static let directoryLimit = 32

    /// Opens what `device` holds from its first byte on.
    ///
    /// Throws `corrupt` for impossible geometry, `unsupported` for exFAT and NTFS, and for a volume that was not
    /// unmounted cleanly when `access` is `readWrite`.
    package init(_ device: any BlockDevice, access: Access = .readWrite) throws(VolumeError) {
        guard device.byteCount >= BootSector.byteCount else {
            throw .corrupt("\(device.byteCount) bytes are too few for a FAT volume")
        }
        let first = try device.get(at: 0, count: BootSector.byteCount)
        let boot = try BootSector(first.span, deviceByteCount: device.byteCount)
        let table = AllocationTable(device: device, boot: boot)
        if access == .readWrite {
            let isClean = try table.isCleanlyUnmounted()
            guard isClean, !boot.isMarkedDirty else {
                throw .unsupported(feature: "dirty FAT volume: not cleanly unmounted", remedy: Features.repair)
            }
            guard try table.isFreeOfErrors() else {
                throw .unsupported(feature: "dirty FAT volume: read or write errors recorded", remedy: Features.repair)
            }
        }
        var info: InfoSector?
        if let offset = boot.infoOffset {
            info = InfoSector(try device.get(at: offset, count: InfoSector.byteCount))
        }
        self.device = device
        self.boot = boot
        self.access = access
        self.table = table
        self.info = info
        storedInfo = info
        lastAllocated = info?.nextFree ?? 1
    }

    package func status(at path: VolumePath) throws(VolumeError) -> FileStatus? {
        switch try find(path) {
        case .missing: return nil
        case .root: return FileStatus(kind: .directory, byteCount: 0, metadata: .init(mode: 0o755))
        case .entry(_, let record):
            let kind: FileNode.Kind = record.entry.isDirectory ? .directory : .file
            let byteCount = record.entry.isDirectory ? 0 : Int64(record.entry.size)
            return FileStatus(kind: kind, byteCount: byteCount, metadata: record.entry.metadata)
        }
    }

    package func node(at path: VolumePath) throws(VolumeError) -> FileNode? {
        switch try find(path) {
        case .missing: return nil
        case .root: return FileNode(content: .directory, metadata: .init(mode: 0o755))
        case .entry(_, let record):
            guard !record.entry.isDirectory else {
                return FileNode(content: .directory, metadata: record.entry.metadata)
            }
            let bytes = try read(record.entry, of: path).bytes
            return FileNode(content: .file(bytes), metadata: record.entry.metadata)
        }
    }

    package func entries(in path: VolumePath) throws(VolumeError) -> [String] {
        let directory: Directory
        switch try find(path) {
        case .missing: throw .notFound(path)
        case .root: directory = try self.directory(cluster: 0, path: path)
        case .entry(_, let record):
            guard record.entry.isDirectory else { throw .notADirectory(path) }
            directory = try self.directory(cluster: record.entry.cluster(boot.kind), path: path)
        }
        return directory.records.map(\.name).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func close() throws(VolumeError) {
        try table.flush()
        guard let info, info != storedInfo, let offset = boot.infoOffset else { return }
        try device.put(info.bytes.span.bytes, at: offset)
    }

    // MARK: Finding

    enum Found {
        case root
        case entry(Directory, Directory.Record)
        /// With the folder that could hold it, nil when that is missing too.
        case missing(Directory?)
    }

    /// Walks down to `path`; throws `notADirectory` when a file is in the way.
    func find(_ path: VolumePath) throws(VolumeError) -> Found {
        var directory = try self.directory(cluster: 0, path: .root)
        var found = Found.root
        var visited: Set<Int> = [0, boot.rootCluster]
        var place = VolumePath.root
        for name in path.components {
            if case .entry(_, let record) = found {
                guard record.entry.isDirectory else { throw .notADirectory(place) }
                directory = try self.directory(cluster: record.entry.cluster(boot.kind), path: place)
            }
            guard let next = place.appending(name) else { return .missing(nil) }
            guard let record = directory.record(named: name) else {
                return .missing(next.components.count == path.components.count ? directory : nil)
            }
            guard !record.entry.isDirectory || visited.insert(record.entry.cluster(boot.kind)).inserted else {
                throw .corrupt("\(next): the folder lies in itself")
            }
            place = next
            found = .entry(directory, record)
        }
        return found
    }

    /// The folder whose chain begins at `cluster`, 0 for the root.
    func directory(cluster: Int, path: VolumePath) throws(VolumeError) -> Directory {
        if let directory = directories[cluster] { return directory }
        let directory: Directory
        if cluster == 0, path.isRoot, boot.kind != .fat32 {
            let bytes = try device.get(at: boot.rootOffset, count: boot.rootByteCount)
            directory = Directory(bytes: bytes, clusters: [])
        } else {
            let first = cluster == 0 && path.isRoot ? boot.rootCluster : cluster
            let chain = try folderChain(from: first, of: path)
            let bytes = try read(chain, byteCount: chain.count * boot.bytesPerCluster)
            directory = Directory(bytes: bytes, clusters: chain)
        }
        if directories.count >= Self.directoryLimit { directories = [:] }
        directories[cluster] = directory
        return directory
    }

    /// Forgets a folder that is gone.
    func forget(directory cluster: Int) { directories[cluster] = nil }
}

extension BootSector {
    /// Byte offset of FSInfo, nil when there is none.
    var infoOffset: Int64? { infoSector.map { Int64($0) * Int64(bytesPerSector) } }
}

extension DirectoryEntry {
    /// What a Linux mount with its defaults would show.
    var metadata: FileNode.Metadata {
        FileNode.Metadata(mode: isDirectory ? 0o755 : 0o644, modified: written.seconds)
    }
}
