package import Trees

/// Putting and removing. Everything that can be refused is refused before the first byte is written.
extension FATVolume {
    package func put(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        try requireWritable()
        try Self.checkStorable(node, at: path)
        switch try find(path) {
        case .root:
            guard node.kind == .directory else { throw .isADirectory(path) }
        case .entry(let directory, let record):
            try replace(record, in: directory, with: node, at: path)
        case .missing(nil):
            throw .notFound(path.parent)
        case .missing(let parent?):
            try create(node, in: parent, at: path)
        }
    }

    package func remove(_ path: VolumePath) throws(VolumeError) {
        try requireWritable()
        switch try find(path) {
        case .missing: throw .notFound(path)
        case .root:
            guard try directory(cluster: 0, path: path).isEmpty else { throw .directoryNotEmpty(path) }
            throw .invalidName("/", reason: "the root cannot be removed")
        case .entry(let directory, let record):
            let chain: [Int]
            if record.entry.isDirectory {
                let removed = try self.directory(cluster: record.entry.cluster(boot.kind), path: path)
                guard removed.isEmpty else { throw .directoryNotEmpty(path) }
                chain = removed.clusters
            } else {
                chain = try fileChain(record.entry, of: path)
            }
            try store(directory.remove(record), of: directory)
            try release(chain)
            if record.entry.isDirectory { forget(directory: record.entry.cluster(boot.kind)) }
        }
    }

    private func requireWritable() throws(VolumeError) {
        guard access == .readWrite else {
            throw .unsupported(feature: "editing a volume opened for reading", remedy: "open it for writing")
        }
    }

    /// Refuses what no FAT volume holds, whoever writes it.
    static func checkStorable(_ node: FileNode, at path: VolumePath) throws(VolumeError) {
        switch node.content {
        case .file, .stored:
            let byteCount = node.content.fileContent?.byteCount ?? 0
            guard byteCount <= Int64(UInt32.max) else {
                throw .fileTooLarge(path, byteCount: byteCount, limit: Int64(UInt32.max))
            }
        case .directory: break
        case .symlink: throw .notStorable(path, what: "a symbolic link")
        case .special: throw .notStorable(path, what: "a special file")
        }
        guard node.metadata.owner == 0, node.metadata.group == 0 else {
            throw .notStorable(path, what: "an owner other than root")
        }
        guard node.metadata.extendedAttributes.isEmpty else {
            throw .notStorable(path, what: "extended attributes")
        }
    }

    // MARK: Existing entries

    private func replace(
        _ record: Directory.Record, in directory: Directory, with node: FileNode, at path: VolumePath
    ) throws(VolumeError) {
        var entry = record.entry
        switch node.content {
        case .file(let bytes):
            guard !entry.isDirectory else { throw .isADirectory(path) }
            try overwrite(&entry, with: bytes, at: path)
        case .stored(let file):
            guard !entry.isDirectory else { throw .isADirectory(path) }
            try overwrite(&entry, with: file, at: path)
        default:
            guard entry.isDirectory else { throw .notADirectory(path) }
        }
        let time = DirectoryTime(seconds: node.metadata.modified)
        if entry.written.seconds != time.seconds { entry.written = time }
        guard entry != record.entry else { return }
        try store(directory.update(record, to: entry), of: directory)
    }

    /// Makes a file's clusters hold `bytes`; keeps those that it has.
    private func overwrite(_ entry: inout DirectoryEntry, with bytes: [UInt8], at path: VolumePath) throws(VolumeError)
    {
        let old = try read(entry, of: path)
        guard old.bytes != bytes else { return }
        let count = clusterCount(for: bytes.count)
        let added = try findFree(max(0, count - old.clusters.count), after: old.clusters.last, for: path)
        let kept = Array(old.clusters.prefix(count))
        try write(bytes, to: kept + added, over: old.bytes)
        try take(added, after: kept.last)
        if count < old.clusters.count {
            if let last = kept.last { try table.end(at: last) }
            try release(old.clusters.dropFirst(count))
        }
        entry.setCluster((kept + added).first ?? 0, boot.kind)
        entry.size = UInt32(bytes.count)
    }

    /// The same for a file that is read as it is written.
    private func overwrite(
        _ entry: inout DirectoryEntry, with file: StoredFile, at path: VolumePath
    ) throws(VolumeError) {
        let old = try fileChain(entry, of: path)
        let content = FATFileContent(volume: self, chain: old, entry: entry)
        if try file.holds(content) { return }
        let count = clusterCount(for: Int(file.byteCount))
        let added = try findFree(max(0, count - old.count), after: old.last, for: path)
        let kept = Array(old.prefix(count))
        try write(file, to: kept + added)
        try take(added, after: kept.last)
        if count < old.count {
            if let last = kept.last { try table.end(at: last) }
            try release(old.dropFirst(count))
        }
        entry.setCluster((kept + added).first ?? 0, boot.kind)
        entry.size = UInt32(file.byteCount)
    }

    // MARK: New entries

    private func create(_ node: FileNode, in parent: Directory, at path: VolumePath) throws(VolumeError) {
        let name = path.name ?? ""
        try LongName.check(name)
        let (short, longName) = try names(for: name, in: parent, at: path)
        let time = DirectoryTime(seconds: node.metadata.modified)
        let slotCount = 1 + (longName.map { LongName.slots(for: $0, checksum: 0).count } ?? 0)
        let place = parent.placement(of: slotCount)
        let growth = clusterCount(for: place.missing * DirectoryEntry.byteCount)
        if growth > 0 {
            let slots = parent.slotCount + growth * boot.bytesPerCluster / DirectoryEntry.byteCount
            guard !parent.clusters.isEmpty, slots <= Directory.slotLimit else { throw .noSpace(path.parent) }
        }

        var bytes: [UInt8] = []
        if case .file(let content) = node.content { bytes = content }
        let isDirectory = node.kind == .directory
        let byteCount = Int(node.content.fileContent?.byteCount ?? 0)
        let dataCount = isDirectory ? 1 : clusterCount(for: byteCount)
        let free = try findFree(dataCount + growth, after: nil, for: path)
        let data = Array(free.prefix(dataCount))
        let cluster = data.first ?? 0
        if isDirectory { bytes = dots(cluster: cluster, parent: parent, time: time) }

        if case .stored(let file) = node.content {
            try write(file, to: data)
        } else {
            try write(bytes, to: data)
        }
        try take(data, after: nil)
        try grow(parent, by: Array(free.dropFirst(dataCount)))
        let entry = DirectoryEntry(
            name: short, attributes: isDirectory ? .directory : .archive, cluster: cluster,
            of: boot.kind, size: UInt32(byteCount), time: time)
        try store(parent.insert(entry, longName: longName, at: place.start), of: parent)
    }

    /// The short name for a new entry, and the long one when it needs that.
    private func names(
        for name: String, in parent: Directory, at path: VolumePath
    ) throws(VolumeError) -> (ShortName, String?) {
        if let short = ShortName(exactly: name), !parent.isTaken(short) { return (short, nil) }
        guard let alias = ShortName.alias(for: name, isTaken: parent.isTaken) else { throw .noSpace(path.parent) }
        return (alias, name)
    }

    /// The first two slots of a new folder; `..` names the root by 0 (fatgen103, "Creating a directory").
    private func dots(cluster: Int, parent: Directory, time: DirectoryTime) -> [UInt8] {
        let above = parent.clusters.first ?? 0
        let entries = [(".", cluster), ("..", above == boot.rootCluster ? 0 : above)]
        return entries.flatMap { name, cluster in
            let padded = Array((name + "          ").utf8.prefix(ShortName.byteCount))
            return DirectoryEntry(
                name: ShortName(bytes: padded), attributes: .directory, cluster: cluster, of: boot.kind, size: 0,
                time: time
            ).bytes
        }
    }

    private func grow(_ directory: Directory, by clusters: [Int]) throws(VolumeError) {
        guard !clusters.isEmpty else { return }
        try write([], to: clusters)
        try take(clusters, after: directory.clusters.last)
        directory.grow(by: clusters, bytesPerCluster: boot.bytesPerCluster)
    }

    /// Writes changed slots to the device.
    private func store(_ slots: Range<Int>, of directory: Directory) throws(VolumeError) {
        guard !directory.clusters.isEmpty else {
            let offset = boot.rootOffset + Int64(slots.lowerBound * DirectoryEntry.byteCount)
            return try device.put(Array(directory.bytes(of: slots)).span.bytes, at: offset)
        }
        let perCluster = boot.bytesPerCluster / DirectoryEntry.byteCount
        var slot = slots.lowerBound
        while slot < slots.upperBound {
            let stop = min(slots.upperBound, (slot / perCluster + 1) * perCluster)
            let offset =
                boot.offset(ofCluster: directory.clusters[slot / perCluster])
                + Int64(slot % perCluster * DirectoryEntry.byteCount)
            try device.put(Array(directory.bytes(of: slot..<stop)).span.bytes, at: offset)
            slot = stop
        }
    }
}
