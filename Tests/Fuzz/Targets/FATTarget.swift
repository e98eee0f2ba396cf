import Blocks
import Trees
import Volumes

/// Input: a `PatchInput` over one of three volumes. Zone 0: reserved sectors; 1: first FAT; 2: second FAT; 3: root folder
/// and what follows it.
func fuzzFAT(_ input: [UInt8]) throws(BrokenClaim) {
    let input = PatchInput(input)
    let base = try HealthyVolume.all.get()[input.choice % HealthyVolume.names.count]
    let pieces = input.patches.map { patch in
        (offset: Int64(base.zones[patch.zone % base.zones.count] + patch.offset), bytes: patch.bytes)
    }
    let image = PatchedImage(byteCount: Int64(base.bytes.count), pieces: [(0, base.bytes)] + pieces)
    try look(at: image)
    try edit(image)
}

/// A volume that mkfs.fat made, and where its parts lie.
private struct HealthyVolume {
    let bytes: [UInt8]
    let zones: [Int]

    static let names = ["fat12.img", "fat16.img", "fat32.img"]

    static let all = Result<[HealthyVolume], BrokenClaim> { () throws(BrokenClaim) in
        var all: [HealthyVolume] = []
        for name in names { all.append(HealthyVolume(try SeedFolder.bytes(ofImage: name))) }
        return all
    }

    /// Offsets as in Microsoft's FAT specification, section 3.
    init(_ bytes: [UInt8]) {
        let number = { (offset: Int, count: Int) in
            (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        let sector = number(11, 2)
        let length = number(22, 2) != 0 ? number(22, 2) : number(36, 4)
        let tables = number(14, 2) * sector
        self.bytes = bytes
        zones = [0, tables, tables + length * sector, tables + 2 * length * sector]
    }
}

/// Lists and reads all there is, which must not write anything.
private func look(at image: PatchedImage) throws(BrokenClaim) {
    let overlay = Overlay(over: image)
    guard let volume = try? FATVolume(overlay, access: .readOnly) else { return }
    var waiting: [VolumePath] = [.root]
    var left = 200
    while let folder = waiting.popLast() {
        for name in (try? volume.entries(in: folder)) ?? [] where left > 0 {
            left -= 1
            guard let path = folder.appending(name), let status = try? volume.status(at: path) else { continue }
            if status.kind == .directory {
                waiting.append(path)
            } else if let node = try? volume.node(at: path), case .file(let bytes) = node.content {
                try claim(Int64(bytes.count) == status.byteCount, "\(path) has another size when it is read")
            }
        }
    }
    try? volume.close()
    try claim((try? overlay.dirtyRanges) == [], "a volume opened for reading was written")
}

private let wanted: [(VolumePath, FileNode.Content)] = [
    ("/config.txt", .file(Array(repeating: 0x63, count: 5000))),
    ("/cmdline.txt", .file([])),
    ("/a name that takes several entries.txt", .file(Array("text\n".utf8))),
    ("/overlays", .directory),
    ("/overlays/dwc2.dtbo", .file(Array(repeating: 0x64, count: 70_000))),
    ("/new", .directory),
    ("/new/ssh", .file([1])),
]

/// Puts and removes files; what was put without an error must be there when the volume is opened again, unless
/// files shared clusters from the beginning.
private func edit(_ image: PatchedImage) throws(BrokenClaim) {
    let overlay = Overlay(over: image)
    guard let volume = try? FATVolume(overlay) else { return }
    var done: [(VolumePath, FileNode.Content)] = []
    for (path, content) in wanted {
        do throws(VolumeError) {
            try volume.put(FileNode(content: content, metadata: .init(mode: 0o644, modified: 1_700_000_000)), at: path)
            done.append((path, content))
        } catch {
            try claim(!"\(error)".isEmpty, "an error without words")
        }
    }
    let removed = (try? volume.remove("/bootcode.bin")) != nil
    guard (try? volume.close()) != nil, FATCensus.isUnambiguous(image) else { return }
    guard let again = try? FATVolume(overlay) else {
        try claim(false, "a volume cannot be opened any more after it was edited")
        return
    }
    for (path, content) in done {
        let found = try? again.node(at: path)
        try claim(found?.content == content, "\(path) is not what was put there")
    }
    if removed { try claim((try? again.status(at: "/bootcode.bin")) == .some(nil), "a removed file is still there") }
}
