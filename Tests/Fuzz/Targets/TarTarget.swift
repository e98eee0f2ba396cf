import Images
import Trees
import Volumes

/// Input: a tar of a tree, whose headers get the right checksums.
func fuzzTar(_ input: [UInt8]) throws(BrokenClaim) {
    let file = try ScratchFile(signed(input))
    let source = ImageSource(path: file.path, sha256: nil)
    let found = ScratchCache.with { cache in try? ArchiveVolume.open(source, cache: cache, observe: { _ in }) }
    guard let volume = (found ?? nil)?.volume else { return }
    try claimTree(volume.treeReader(), limit: 2000)
    // Every entry of the tree is found by its path.
    let reader = volume.treeReader()
    for _ in 0..<50 {
        guard let entry = (try? reader.next()) ?? nil else { return }
        let status = (try? volume.status(at: entry.path)) ?? nil
        try claim(status?.kind == entry.kind, "\(entry.path) is another thing in the tree than by its path")
    }
}

/// A tar with the right sum in each block that says it is a header (POSIX.1-2017, pax, "ustar Interchange Format").
func signed(_ tar: [UInt8]) -> [UInt8] {
    var tar = tar
    for start in stride(from: 0, to: tar.count - 511, by: 512)
    where tar[(start + 257)..<(start + 262)].elementsEqual("ustar".utf8) {
        tar.replaceSubrange((start + 148)..<(start + 156), with: Array("        ".utf8))
        let sum = tar[start..<(start + 512)].reduce(0) { $0 + Int($1) }
        let digits = String(sum, radix: 8)
        let text = String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits + "\0 "
        tar.replaceSubrange((start + 148)..<(start + 156), with: Array(text.utf8))
    }
    return tar
}
