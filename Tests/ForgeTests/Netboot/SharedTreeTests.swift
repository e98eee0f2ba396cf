@testable import Forge
@testable import Netboot
import Plans
import Testing
import Trees

/// One root for several nodes, and what each has for itself.
struct SharedTreeTests {
    private static func file(_ text: String, mode: UInt16 = 0o644) -> FileNode {
        FileNode(content: .file(Array(text.utf8)), metadata: .init(mode: mode))
    }

    private static func folder(mode: UInt16 = 0o755, owner: UInt32 = 0) -> FileNode {
        FileNode(content: .directory, metadata: .init(mode: mode, owner: owner))
    }

    private let root = MemoryVolume([
        "/boot": folder(), "/boot/firmware": folder(), "/etc": folder(), "/etc/hostname": file("cbridge\n"),
        "/etc/motd": file("hello\n"), "/etc/issue": file("old\n"), "/home": folder(),
        "/home/pi": folder(mode: 0o700, owner: 1000), "/usr": folder(), "/usr/one": file("1"),
    ])
    private let boot = MemoryVolume(["/kernel.img": file("kernel"), "/cmdline.txt": file("root=PARTUUID=1-02\n")])

    private func edits(_ slot: String, key: String? = nil, removesMotd: Bool = false) -> TreeEdits {
        var nodes: [VolumePath: FileNode?] = [
            "/boot/firmware/cmdline.txt": Self.file("root=/dev/nfs rw init=/sbin/init\n"),
            "/boot/firmware/initramfs": Self.file("the same"), "/etc/hostname": Self.file("\(slot)\n"),
            "/etc/issue": Self.file("new\n"), "/etc/gone": nil,
        ]
        if let key {
            nodes["/home/pi/.ssh"] = .some(Self.folder(mode: 0o700, owner: 1000))
            nodes["/home/pi/.ssh/authorized_keys"] = .some(Self.file(key, mode: 0o600))
        }
        if removesMotd { nodes["/etc/motd"] = .some(nil) }
        return TreeEdits(nodes)
    }

    private func entries(_ all: [(slot: Slot, edits: TreeEdits)], _ upper: SharedLayout.Upper = .memory) throws
        -> [TreeEntry]
    {
        let layout = try SharedLayout(all, bootFolder: "/boot/firmware", upper: upper)
        let tree = try SharedTree(
            layout, root: root, boot: boot, bootFolder: "/boot/firmware", modified: 7,
            status: { (path) throws(VolumeError) in try root.status(at: path) })
        let reader = try tree.treeReader()
        var entries: [TreeEntry] = []
        while let entry = try reader.next() { entries.append(entry) }
        return entries
    }

    private func text(_ entries: [TreeEntry], _ path: VolumePath) throws -> String? {
        guard case .file(let content)? = entries.first(where: { $0.path == path })?.content else { return nil }
        return String(decoding: try content.bytes(at: 0, count: Int(content.byteCount)), as: UTF8.self)
    }

    @Test func dividesWhatDiffers() throws {
        let entries = try entries([
            (.node(1), edits("p1", key: "key")), (.node(2), edits("p2", removesMotd: true)), (.node(10), edits("p10")),
        ])
        #expect(entries.map(\.path) == entries.map(\.path).sorted())
        #expect(
            entries.map(\.path.description).filter { $0.hasPrefix("/p1/") || $0.hasPrefix("/p2/") } == [
                "/p1/boot", "/p1/boot/firmware", "/p1/boot/firmware/cmdline.txt", "/p1/boot/firmware/initramfs",
                "/p1/boot/firmware/kernel.img", "/p1/files", "/p1/files/etc", "/p1/files/etc/hostname",
                "/p1/files/home", "/p1/files/home/pi", "/p1/files/home/pi/.ssh",
                "/p1/files/home/pi/.ssh/authorized_keys", "/p2/boot", "/p2/boot/firmware",
                "/p2/boot/firmware/cmdline.txt", "/p2/boot/firmware/initramfs", "/p2/boot/firmware/kernel.img",
                "/p2/files", "/p2/files/etc", "/p2/files/etc/hostname", "/p2/files/etc/motd",
            ])
        #expect(try text(entries, "/shared/etc/issue") == "new\n")
        #expect(try text(entries, "/shared/etc/hostname") == "cbridge\n")
        #expect(try text(entries, "/p10/files/etc/hostname") == "p10\n")
        let home = try #require(entries.first { $0.path == "/p1/files/home/pi" })
        #expect(home.metadata.mode == 0o700 && home.metadata.owner == 1000)
        let hidden = try #require(entries.first { $0.path == "/p2/files/etc/motd" })
        #expect(hidden.kind == .characterDevice && hidden.metadata.device == .init(major: 0, minor: 0))
        #expect(!entries.contains { $0.path.isBelow("/shared/boot/firmware") })
    }

    @Test func bootFilesAreOneFileForAll() throws {
        let entries = try entries([(.node(1), edits("p1")), (.node(2), edits("p2"))])
        func identities(_ name: String) -> [UInt64?] {
            entries.filter { $0.path.name == name }.map(\.identity)
        }
        for name in ["kernel.img", "initramfs"] {
            let found = identities(name)
            #expect(found.count == 2 && found[0] != nil && found[0] == found[1])
        }
        #expect(identities("kernel.img") != identities("initramfs"))
    }

    @Test func theKernelLineSaysWhereWhatIs() throws {
        let entries = try entries([(.node(1), edits("p1"))], .file("2G"))
        #expect(
            try text(entries, "/p1/boot/firmware/cmdline.txt")
                == "root=/dev/nfs rw netboot.lower=/var/lib/clusterctrl/nfs/shared netboot.upper=2G init=/sbin/init\n")
    }

    @Test func namesOfWhereNodesWrite() {
        #expect(SharedLayout.Upper("memory") == .memory)
        #expect(SharedLayout.Upper("64M") == .file("64M") && SharedLayout.Upper("2G") == .file("2G"))
        for text in ["", "2", "G", "2g", "2T", "63M", "+2G", "02G", "2 G", "2G,rw", "memory "] {
            #expect(SharedLayout.Upper(text) == nil)
        }
    }

    /// What the overlay of a node shows is what the node would have had with a tree of its own.
    @Test func theOverlayIsTheWholeTree() throws {
        let own = edits("p2", key: "key", removesMotd: true)
        let entries = try entries([(.node(1), edits("p1")), (.node(2), own)])
        let volume = MemoryVolume(
            Dictionary(
                uniqueKeysWithValues: try entries.map { entry in
                    let content: FileNode.Content =
                        switch entry.content {
                        case .file(let bytes): .file(try bytes.bytes(at: 0, count: Int(bytes.byteCount)))
                        case .directory: .directory
                        case .symlink(let text): .symlink(text)
                        case .special(let kind): .special(kind)
                        }
                    return (entry.path, FileNode(content: content, metadata: entry.metadata))
                }))
        let seen = OverlaidVolume(
            SubtreeVolume(of: volume, at: "/p2/files"), over: SubtreeVolume(of: volume, at: "/shared"))
        let whole = LayeredVolume(over: root)
        for (path, node) in own.nodes.sorted(by: { $0.key < $1.key }) where !path.isBelow("/boot/firmware") {
            if let node {
                try whole.put(node, at: path)
            } else if try whole.status(at: path) != nil {
                try whole.remove(path)
            }
        }
        var pending: [VolumePath] = [.root]
        while let folder = pending.popLast() {
            #expect(try seen.entries(in: folder) == whole.entries(in: folder))
            for name in try whole.entries(in: folder) {
                let path = try #require(folder.appending(name))
                #expect(try seen.node(at: path) == whole.node(at: path))
                if try whole.status(at: path)?.kind == .directory { pending.append(path) }
            }
        }
    }
}
