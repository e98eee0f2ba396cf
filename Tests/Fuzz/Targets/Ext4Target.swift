import Blocks
import Trees
import Volumes

/// Input: a `PatchInput` over one of the file systems that make-seeds made; zones are those of `Ext4Layout`. The
/// checksums are put right, unless the choice is odd.
func fuzzExt4(_ input: [UInt8]) throws(BrokenClaim) {
    let input = PatchInput(input)
    let layouts = try Ext4Samples.all.get()
    let layout = layouts[input.choice / 2 % layouts.count]
    var changed = Ext4Checksums(layout)
    for patch in input.patches {
        changed.change(patch.bytes, at: layout.zones[patch.zone % layout.zones.count] + patch.offset)
    }
    if input.choice % 2 == 0 { changed.putRight() }
    let byteCount = Int64(layout.bytes.count)
    let image = PatchedImage(byteCount: byteCount, pieces: [(0, layout.bytes)] + changed.pieces)
    try look(at: image)
    edit(image)
    grow(image)
}

private enum Ext4Samples {
    static let names = ["ext4-plain.img", "ext4-sums.img", "ext4-seed.img", "ext2.img"]

    static let all = Result<[Ext4Layout], BrokenClaim> { () throws(BrokenClaim) in
        var all: [Ext4Layout] = []
        for name in names { all.append(Ext4Layout(try SeedFolder.bytes(ofImage: name))) }
        return all
    }
}

/// Reads all there is, which must not write anything.
private func look(at image: PatchedImage) throws(BrokenClaim) {
    let overlay = Overlay(over: image)
    guard let volume = try? Ext4Volume(device: overlay, now: 1_750_000_000) else { return }
    if let reader = try? volume.treeReader() { try claimTree(reader, limit: 500) }
    for path: VolumePath in ["/file", "/folder/500", "/link", "/sparse", "/none/below"] {
        let status = try? volume.status(at: path)
        if let status = status ?? nil, status.byteCount > 1 << 22 { continue }
        if let node = (try? volume.node(at: path)) ?? nil, case .file(let bytes) = node.content {
            try claim((status ?? nil)?.byteCount == Int64(bytes.count), "\(path) has another size when it is read")
        }
    }
    for range in (try? volume.usedRanges()) ?? [] {
        try claim(range.lowerBound >= 0 && range.upperBound <= image.byteCount, "used bytes outside of the volume")
    }
    try? volume.close()
    try claim((try? overlay.dirtyRanges) == [], "a volume that was only read was written")
}

/// Reads a tree and claims of it what writers of trees rely on; of large files only the beginnings of their parts.
func claimTree(_ reader: any TreeReader, limit: Int) throws(BrokenClaim) {
    var last: VolumePath?
    for _ in 0..<limit {
        guard let entry = (try? reader.next()) ?? nil else { return }
        try claim(last == nil ? entry.path.isRoot : last.map { $0 < entry.path } == true, "\(entry.path) out of order")
        last = entry.path
        guard case .file(let content) = entry.content else { continue }
        try claim(content.byteCount >= 0, "\(entry.path) has less than no bytes")
        var offset: Int64 = 0
        for _ in 0..<64 {
            guard let range = (try? content.nextData(from: offset)) ?? nil else { break }
            try claim(
                !range.isEmpty && range.lowerBound >= offset && range.upperBound <= content.byteCount,
                "\(entry.path) has data at \(range) of \(content.byteCount)")
            _ = try? content.bytes(at: range.lowerBound, count: Int(min(65536, range.upperBound - range.lowerBound)))
            offset = range.upperBound
        }
    }
}

/// Puts and removes files of all kinds.
private func edit(_ image: PatchedImage) {
    guard let volume = try? Ext4Volume(device: Overlay(over: image), now: 1_750_000_000) else { return }
    let metadata = FileNode.Metadata(mode: 0o644, modified: 1_700_000_000, extendedAttributes: ["user.a": [1, 2, 3]])
    let wanted: [(VolumePath, FileNode.Content)] = [
        ("/file", .file(Array(repeating: 0x63, count: 50_000))), ("/folder/500", .file([])),
        ("/folder/new", .file([1])),
        ("/link", .symlink("elsewhere")), ("/new", .directory), ("/new/file", .file([2])), ("/sparse", .file([3])),
    ]
    for (path, content) in wanted { try? volume.put(FileNode(content: content, metadata: metadata), at: path) }
    for path: VolumePath in ["/folder/17", "/hard", "/device"] { try? volume.remove(path) }
    let tree = MemoryVolume(["/a": FileNode(content: .file([1, 2]), metadata: metadata)])
    try? volume.put(FileNode(content: .directory, metadata: metadata), at: "/tree")
    try? volume.addTree(tree.treeReader(), at: "/tree")
    try? volume.close()
}

private func grow(_ image: PatchedImage) {
    guard let larger = try? ExtendedReader(image, byteCount: image.byteCount * 5) else { return }
    _ = try? Ext4Growth.fill(Overlay(over: larger), now: 1_750_000_000, isZeroBehindEnd: true)
}
