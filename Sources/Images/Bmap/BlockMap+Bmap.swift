import Blocks

extension BlockMap {
    /// The map as a .bmap file, version 2.0, as bmaptool 3.6 reads it; a run of unknown digest has no `chksum`.
    ///
    /// `BmapFileChecksum` is the digest of the file with zeros in its place.
    var bmap: [UInt8] {
        let mapped = runs.reduce(0) { $0 + $1.blocks.upperBound - $1.blocks.lowerBound }
        let head = """
            <?xml version="1.0" ?>
            <bmap version="2.0">
                <ImageSize> \(byteCount) </ImageSize>
                <BlockSize> \(BlockSet.blockSize) </BlockSize>
                <BlocksCount> \(Self.blockCount(of: byteCount)) </BlocksCount>
                <MappedBlocksCount> \(mapped) </MappedBlocksCount>
                <ChecksumType> sha256 </ChecksumType>
                <BmapFileChecksum>\u{20}
            """
        var tail = " </BmapFileChecksum>\n    <BlockMap>\n"
        for run in runs {
            let last = run.blocks.upperBound - 1
            let blocks = run.blocks.lowerBound == last ? "\(last)" : "\(run.blocks.lowerBound)-\(last)"
            let digest = run.digest.map { " chksum=\"\($0)\"" } ?? ""
            tail += "        <Range\(digest)> \(blocks) </Range>\n"
        }
        tail += "    </BlockMap>\n</bmap>\n"
        let zeros = String(repeating: "0", count: 2 * SHA256Digest.byteCount)
        let digest = SHA256.digest(of: Array((head + zeros + tail).utf8).span.bytes)
        return Array((head + "\(digest)" + tail).utf8)
    }
}
