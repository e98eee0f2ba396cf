package import Trees

extension FATVolume {
    /// The bytes of the volume that the file system uses, in order: everything before the first cluster, and all
    /// clusters but the free ones, bad ones too.
    package func usedRanges() throws(VolumeError) -> [Range<Int64>] {
        var ranges = [0..<boot.offset(ofCluster: boot.clusters.lowerBound)]
        for run in try table.usedRuns() {
            let start = boot.offset(ofCluster: run.lowerBound)
            let end = boot.offset(ofCluster: run.upperBound)
            if let last = ranges.last, last.upperBound == start {
                ranges[ranges.count - 1] = last.lowerBound..<end
            } else {
                ranges.append(start..<end)
            }
        }
        return ranges
    }
}
