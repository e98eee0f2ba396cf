import Blocks
import FuzzSupport
import Glibc
import Trees
import Volumes

/// Input: which valid volume to start from, then changes to it.
///
/// ```
///   1 byte volume | 1 byte zone, 2 bytes offset, 1 byte length, that many bytes | 1 byte zone ...
///   zone 0: reserved sectors   1: first FAT   2: second FAT   3: root folder and what follows it
/// ```
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFAT(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = fuzzInput(start, count)
    guard let choice = input.first else { return 0 }
    let base = HealthyVolume.all[Int(choice) % HealthyVolume.all.count]
    var pieces: [(offset: Int64, bytes: [UInt8])] = [(0, base.bytes)]
    var rest = input.dropFirst()
    while rest.count >= 4 {
        let head = Array(rest.prefix(4))
        let zone = base.zones[Int(head[0]) % base.zones.count]
        pieces.append((Int64(zone + Int(head[1]) + Int(head[2]) << 8), Array(rest.dropFirst(4).prefix(Int(head[3])))))
        rest = rest.dropFirst(4 + Int(head[3]))
    }
    let image = PatchedImage(byteCount: Int64(base.bytes.count), pieces: pieces)
    look(at: image)
    edit(image)
    return 0
}

/// A volume that mkfs.fat made, and where its parts lie.
private struct HealthyVolume {
    let bytes: [UInt8]
    let zones: [Int]

    /// The files of the folder that PIFORGE_FUZZ_IMAGES names, in the order of their names.
    static let all: [HealthyVolume] = {
        guard let folder = getenv("PIFORGE_FUZZ_IMAGES").map({ String(cString: $0) }) else {
            fatalError("PIFORGE_FUZZ_IMAGES is not set; start this through scripts/fuzz")
        }
        let volumes = ["fat12.img", "fat16.img", "fat32.img"].compactMap { name -> HealthyVolume? in
            guard let file = try? OpenFile(path: "\(folder)/\(name)", flags: O_RDONLY),
                let reader = try? FileReader(file),
                let bytes = try? reader.bytes(at: 0, count: Int(reader.byteCount))
            else { return nil }
            return HealthyVolume(bytes)
        }
        claim(volumes.count == 3, "\(folder) lacks an image")
        return volumes
    }()

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
private func look(at image: PatchedImage) {
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
                claim(Int64(bytes.count) == status.byteCount, "\(path) has another size when it is read")
            }
        }
    }
    try? volume.close()
    claim((try? overlay.dirtyRanges) == [], "a volume opened for reading was written")
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
private func edit(_ image: PatchedImage) {
    let overlay = Overlay(over: image)
    guard let volume = try? FATVolume(overlay) else { return }
    var done: [(VolumePath, FileNode.Content)] = []
    for (path, content) in wanted {
        do throws(VolumeError) {
            try volume.put(FileNode(content: content, metadata: .init(mode: 0o644, modified: 1_700_000_000)), at: path)
            done.append((path, content))
        } catch {
            claim(!"\(error)".isEmpty, "an error without words")
        }
    }
    let removed = (try? volume.remove("/bootcode.bin")) != nil
    guard (try? volume.close()) != nil, Census.isUnambiguous(image) else { return }
    guard let again = try? FATVolume(overlay) else {
        claim(false, "a volume cannot be opened any more after it was edited")
        return
    }
    for (path, content) in done {
        let found = try? again.node(at: path)
        claim(found?.content == content, "\(path) is not what was put there")
    }
    if removed { claim((try? again.status(at: "/bootcode.bin")) == .some(nil), "a removed file is still there") }
}
