import Trees

/// Chains of clusters and their bytes.
extension FATVolume {
    /// Bytes that are read or written in one go at most.
    private static let transferLimit = 1 << 20

    /// A file's chain and bytes; throws `corrupt` when the chain does not fit the size.
    func read(_ entry: DirectoryEntry, of path: VolumePath) throws(VolumeError) -> (clusters: [Int], bytes: [UInt8]) {
        let chain = try fileChain(entry, of: path)
        return (chain, try read(chain, byteCount: Int(entry.size)))
    }

    /// The clusters of a file, exactly as many as its size takes; none for an empty file.
    func fileChain(_ entry: DirectoryEntry, of path: VolumePath) throws(VolumeError) -> [Int] {
        let count = clusterCount(for: Int(entry.size))
        guard count <= boot.clusterCount else {
            throw .corrupt("\(path): \(entry.size) bytes are more than the volume holds")
        }
        guard count > 0 else {
            guard entry.cluster(boot.kind) == 0 else { throw .corrupt("\(path): an empty file has a cluster chain") }
            return []
        }
        let chain = try chain(from: entry.cluster(boot.kind), limit: count, of: path)
        guard chain.count == count else {
            throw .corrupt("\(path): the cluster chain has \(chain.count) clusters, the size takes \(count)")
        }
        return chain
    }

    /// The clusters of a folder, at least one and at most 2 MiB.
    func folderChain(from first: Int, of path: VolumePath) throws(VolumeError) -> [Int] {
        let limit = max(1, Directory.slotLimit * DirectoryEntry.byteCount / boot.bytesPerCluster)
        return try chain(from: first, limit: min(limit, boot.clusterCount), of: path)
    }

    /// Follows the table; throws `corrupt` when it leads to something that is no data, or past `limit` clusters.
    private func chain(from first: Int, limit: Int, of path: VolumePath) throws(VolumeError) -> [Int] {
        guard boot.clusters.contains(first) else {
            throw .corrupt("\(path): its first cluster \(first) is outside 2...\(boot.clusterCount + 1)")
        }
        var chain = [first]
        var cluster = first
        while true {
            switch try table.entry(cluster) {
            case .end: return chain
            case .next(let next):
                guard chain.count < limit else {
                    throw .corrupt("\(path): the cluster chain is longer than \(limit), or runs in a circle")
                }
                chain.append(next)
                cluster = next
            case .free: throw .corrupt("\(path): the cluster chain leads to the free cluster \(cluster)")
            case .bad: throw .corrupt("\(path): the cluster chain leads to the bad cluster \(cluster)")
            case .invalid(let value):
                throw .corrupt("\(path): after cluster \(cluster) comes \(value), outside 2...\(boot.clusterCount + 1)")
            }
        }
    }

    /// Clusters that so many bytes take.
    func clusterCount(for byteCount: Int) -> Int {
        byteCount / boot.bytesPerCluster + (byteCount % boot.bytesPerCluster == 0 ? 0 : 1)
    }

    /// The first `byteCount` bytes in `chain`, which is long enough for them.
    func read(_ chain: [Int], byteCount: Int) throws(VolumeError) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(byteCount)
        var index = 0
        while index < chain.count, bytes.count < byteCount {
            let run = runLength(in: chain, from: index)
            let count = min(run * boot.bytesPerCluster, byteCount - bytes.count)
            bytes += try device.get(at: boot.offset(ofCluster: chain[index]), count: count)
            index += run
        }
        return bytes
    }

    /// Stores `bytes` from the start of `chain`, which is long enough; the rest of the last cluster becomes zero.
    ///
    /// Clusters that `old`, the bytes before, shows to be right already are not written.
    func write(_ bytes: [UInt8], to chain: [Int], over old: [UInt8] = []) throws(VolumeError) {
        let size = boot.bytesPerCluster
        func isRight(_ index: Int) -> Bool {
            let range = index * size..<(index + 1) * size
            return range.upperBound <= bytes.count && range.upperBound <= old.count && bytes[range] == old[range]
        }
        var index = 0
        while index < chain.count {
            if isRight(index) {
                index += 1
                continue
            }
            var stop = index + 1
            let limit = index + runLength(in: chain, from: index)
            while stop < limit, !isRight(stop) { stop += 1 }
            let start = min(index * size, bytes.count)
            let end = min(stop * size, bytes.count)
            let offset = boot.offset(ofCluster: chain[index])
            try device.put(bytes.span.bytes.extracting(start..<end), at: offset)
            let padding = [UInt8](repeating: 0, count: (stop - index) * size - (end - start))
            if !padding.isEmpty { try device.put(padding.span.bytes, at: offset + Int64(end - start)) }
            index = stop
        }
    }

    /// Stores a large file from the start of `chain`, which is long enough; the rest of the last cluster becomes zero.
    func write(_ file: StoredFile, to chain: [Int]) throws(VolumeError) {
        guard let content = file.content else { return }
        let size = boot.bytesPerCluster
        var index = 0
        while index < chain.count {
            let run = runLength(in: chain, from: index)
            let start = Int64(index) * Int64(size)
            let count = min(Int64(run * size), file.byteCount - start)
            let offset = boot.offset(ofCluster: chain[index])
            if let stored = content as? ReaderContent {
                try device.put(stored.reader, from: start, count: count, at: offset)
            } else {
                let bytes = try content.bytes(at: start, count: Int(count))
                try device.put(bytes.span.bytes, at: offset)
            }
            let padding = [UInt8](repeating: 0, count: run * size - Int(count))
            if !padding.isEmpty { try device.put(padding.span.bytes, at: offset + count) }
            index += run
        }
    }

    /// How many clusters from `index` on lie side by side, up to the transfer limit.
    func runLength(in chain: [Int], from index: Int) -> Int {
        let limit = max(1, Self.transferLimit / boot.bytesPerCluster)
        var count = 1
        while count < limit, index + count < chain.count, chain[index + count] == chain[index] + count { count += 1 }
        return count
    }

    /// Free clusters for `count`, close after `last` or the one given out last; throws `noSpace` and takes none yet.
    func findFree(_ count: Int, after last: Int?, for path: VolumePath) throws(VolumeError) -> [Int] {
        guard let clusters = try table.freeClusters(count, from: (last ?? lastAllocated) + 1) else {
            throw .noSpace(path)
        }
        return clusters
    }

    /// Makes found clusters the end of a chain.
    func take(_ clusters: [Int], after last: Int?) throws(VolumeError) {
        guard let newest = clusters.last else { return }
        try table.append(clusters, after: last)
        lastAllocated = newest
        info?.nextFree = newest
        adjustFreeCount(by: -clusters.count)
    }

    /// Gives clusters back.
    func release(_ clusters: some Collection<Int>) throws(VolumeError) {
        guard !clusters.isEmpty else { return }
        try table.free(clusters)
        adjustFreeCount(by: clusters.count)
    }

    /// A count that cannot be true becomes "unknown".
    private func adjustFreeCount(by difference: Int) {
        guard let count = info?.freeCount else { return }
        let new = count + difference
        info?.freeCount = (0...boot.clusterCount).contains(new) ? new : nil
    }
}
