import Testing
import Trees

/// Edits in memory over a volume that stays as it was.
struct LayeredVolumeTests {
    private static func file(_ text: String) -> FileNode {
        FileNode(content: .file(Array(text.utf8)), metadata: .init(mode: 0o644, modified: 1))
    }

    private static let folder = FileNode(content: .directory, metadata: .init(mode: 0o755, modified: 1))

    private func base() throws -> MemoryVolume {
        let base = MemoryVolume()
        for path: VolumePath in ["/etc", "/etc/apt", "/usr"] { try base.put(Self.folder, at: path) }
        for path: VolumePath in ["/etc/apt/list", "/etc/hosts", "/usr/tool"] {
            try base.put(Self.file("old \(path)"), at: path)
        }
        return base
    }

    private func listing(_ source: any TreeSource) throws -> [String] {
        let reader = try source.treeReader()
        var lines: [String] = []
        while let entry = try reader.next() {
            guard case .file(let content) = entry.content else {
                lines.append("\(entry.path) \(entry.kind)")
                continue
            }
            let bytes = try content.bytes(at: 0, count: Int(content.byteCount))
            lines.append("\(entry.path) \(String(decoding: bytes, as: UTF8.self))")
        }
        return lines
    }

    @Test("a pass sees what was put, changed and removed, in the order of paths, and the base is untouched")
    func pass() throws {
        let base = try base()
        let before = try listing(base)
        let layer = LayeredVolume(over: base)
        try layer.put(Self.file("first"), at: "/a")
        try layer.put(Self.file("new"), at: "/etc/hosts")
        try layer.put(Self.file("between"), at: "/etc/apt/z")
        try layer.remove("/usr/tool")
        try layer.remove("/usr")
        try layer.put(Self.folder, at: "/var")
        try layer.put(Self.file("last"), at: "/var/x")
        #expect(
            try listing(layer) == [
                "/ directory", "/a first", "/etc directory", "/etc/apt directory", "/etc/apt/list old /etc/apt/list",
                "/etc/apt/z between", "/etc/hosts new", "/var directory", "/var/x last",
            ])
        #expect(try layer.entries(in: .root) == ["a", "etc", "var"])
        #expect(try layer.node(at: "/usr") == nil)
        #expect(try layer.node(at: "/usr/tool") == nil)
        #expect(try listing(base) == before)
    }

    @Test("a folder in a file's place has nothing of the base below it, and the reverse")
    func kinds() throws {
        let layer = LayeredVolume(over: try base())
        try layer.remove("/usr/tool")
        try layer.put(Self.folder, at: "/usr/tool")
        #expect(try layer.entries(in: "/usr/tool") == [])
        #expect(try layer.node(at: "/usr/tool/x") == nil)
        try layer.put(Self.file("deep"), at: "/usr/tool/x")
        #expect(try listing(layer).suffix(2) == ["/usr/tool directory", "/usr/tool/x deep"])
        try layer.remove("/etc/apt/list")
        try layer.remove("/etc/apt")
        try layer.put(Self.file("flat"), at: "/etc/apt")
        #expect(throws: VolumeError.notADirectory("/etc/apt")) { try layer.status(at: "/etc/apt/list") }
        #expect(try listing(layer).contains("/etc/apt flat"))
    }

    @Test("where the base folds case, an edit goes by the stored name")
    func foldedCase() throws {
        let base = MemoryVolume()
        try base.put(Self.folder, at: "/Overlays")
        try base.put(Self.file("old"), at: "/CONFIG.TXT")
        let layer = LayeredVolume(over: base, matchesAnyCase: true)
        try layer.put(Self.file("new"), at: "/config.txt")
        try layer.put(Self.file("dtbo"), at: "/overlays/x.dtbo")
        try layer.put(Self.file("again"), at: "/OVERLAYS/X.DTBO")
        #expect(
            try listing(layer) == ["/ directory", "/CONFIG.TXT new", "/Overlays directory", "/Overlays/x.dtbo again"])
        #expect(try layer.node(at: "/Config.txt") == Self.file("new"))
    }

    @Test("a mounted tree hides what is below the folder and keeps the folder's own metadata")
    func union() throws {
        let root = try base()
        let mount = FileNode(content: .directory, metadata: .init(mode: 0o700, owner: 7, modified: 9))
        try root.put(Self.folder, at: "/boot")
        try root.put(mount, at: "/boot/firmware")
        try root.put(Self.file("hidden"), at: "/boot/firmware/config.txt")
        try root.put(Self.file("stub"), at: "/boot/firmware-stub")
        let boot = MemoryVolume()
        try boot.put(Self.file("own"), at: "/cmdline.txt")
        let union = TreeUnion(root, mounting: boot, at: "/boot/firmware")
        let reader = try union.treeReader()
        var found: [VolumePath] = []
        while let entry = try reader.next() {
            found.append(entry.path)
            if entry.path == "/boot/firmware" { #expect(entry.metadata == mount.metadata) }
        }
        #expect(
            found == [
                "/", "/boot", "/boot/firmware", "/boot/firmware/cmdline.txt", "/boot/firmware-stub", "/etc",
                "/etc/apt", "/etc/apt/list", "/etc/hosts", "/usr", "/usr/tool",
            ])
        #expect(found == found.sorted())
    }

    @Test("a mount point that is missing or no folder is told")
    func noMountPoint() throws {
        for (path, error) in [
            ("/nothing", VolumeError.notFound("/nothing")), ("/usr/tool", .notADirectory("/usr/tool")),
            ("/zzz", .notFound("/zzz")),
        ] {
            let mount = try #require(VolumePath(path))
            #expect(throws: error) {
                let reader = try TreeUnion(try base(), mounting: MemoryVolume(), at: mount).treeReader()
                while try reader.next() != nil {}
            }
        }
    }

    @Test("a part of a tree is a volume of its own")
    func subtree() throws {
        let base = try base()
        let part = SubtreeVolume(of: base, at: "/etc")
        #expect(try part.entries(in: .root) == ["apt", "hosts"])
        try part.put(Self.file("new"), at: "/hosts")
        #expect(try base.node(at: "/etc/hosts") == Self.file("new"))
        try part.remove("/hosts")
        #expect(try part.node(at: "/hosts") == nil)
    }
}
