extension ImageMap {
    /// The map as a .bmap file, version 2.0, as bmaptool 3.6 reads it; nil unless every chunk is known.
    ///
    /// `BmapFileChecksum` is the digest of the file with zeros in its place.
    package var bmap: [UInt8]? {
        guard isComplete else { return nil }
        let runs = chunks.flatMap { $0 ?? [] }
        let blockCount = byteCount / Self.blockSize + (byteCount % Self.blockSize == 0 ? 0 : 1)
        let mapped = runs.reduce(0) { $0 + $1.last - $1.first + 1 }
        let head = """
            <?xml version="1.0" ?>
            <bmap version="2.0">
                <ImageSize> \(byteCount) </ImageSize>
                <BlockSize> \(Self.blockSize) </BlockSize>
                <BlocksCount> \(blockCount) </BlocksCount>
                <MappedBlocksCount> \(mapped) </MappedBlocksCount>
                <ChecksumType> sha256 </ChecksumType>
                <BmapFileChecksum>\u{20}
            """
        var tail = " </BmapFileChecksum>\n    <BlockMap>\n"
        for run in runs {
            let blocks = run.first == run.last ? "\(run.first)" : "\(run.first)-\(run.last)"
            tail += "        <Range chksum=\"\(run.digest)\"> \(blocks) </Range>\n"
        }
        tail += "    </BlockMap>\n</bmap>\n"
        let zeros = String(repeating: "0", count: 2 * SHA256Digest.byteCount)
        let digest = SHA256.digest(of: Array((head + zeros + tail).utf8).span.bytes)
        return Array((head + "\(digest)" + tail).utf8)
    }
}
