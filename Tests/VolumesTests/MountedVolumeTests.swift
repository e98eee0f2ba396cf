import Blocks
import Foundation
import TestSupport
import Testing
import Trees
import Volumes

/// The kernel's ext4 driver against ours, and what a mount leaves behind: nothing.
@Suite(.serialized, .needs("mke2fs", "e2fsck", "debugfs", "losetup"))
struct MountedVolumeTests {
    init() throws { try MountedMedium.require(.ext4) }

    private func mounted(_ path: String, sectorSize: Int = 512) throws -> MountedVolume {
        let file = try OpenFile(path: path, flags: O_RDWR)
        return try MountedVolume(
            .ext4, of: file.descriptor, range: 0..<file.measuredByteCount(), sectorSize: sectorSize)
    }

    /// What losetup tells of files below `folder`.
    private func traces(of folder: String) throws -> [String] {
        let devices = try Shell.run("losetup", ["-a"]).output.split(separator: "\n").map(String.init)
        return devices.filter { $0.contains(folder) }
    }

    private func outcome(_ body: () throws(VolumeError) -> Void) -> VolumeError? {
        do throws(VolumeError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    /// Nodes that exercise all that an ext4 stores.
    private static let nodes: [(VolumePath, FileNode)] = {
        var random = SeededGenerator(seed: 21)
        var tool = FileNode.file(random.bytes(20_000))
        tool.metadata = .init(
            mode: 0o4755, owner: 1000, group: 42, modified: 1_600_000_000,
            extendedAttributes: ["security.capability": Ext4MediaTests.capability, "user.note": [1, 2, 3]])
        var shared = FileNode.folder(modified: 1_500_000_000)
        shared.metadata.mode = 0o2775
        shared.metadata.group = 50
        return [
            ("/shared", shared), ("/shared/tool", tool), ("/shared/empty", .file([], mode: 0)),
            ("/shared/link", .link("../tool")), ("/long", .link(String(repeating: "x", count: 300))),
            ("/pipe", FileNode(content: .special(.fifo), metadata: .init(mode: 0o640, owner: 7, modified: 5))),
            (
                "/socket",
                FileNode(content: .special(.socket), metadata: .init(mode: 0o600, modified: FileNode.someTime))
            ),
            (
                "/disk",
                FileNode(
                    content: .special(.blockDevice),
                    metadata: .init(mode: 0o660, group: 6, modified: 7, device: .init(major: 259, minor: 70_000)))
            ),
            ("/early", .file([1], modified: -1_000_000)), ("/late", .file([1], modified: 4_000_000_000)),
        ]
    }()

    @Test("each engine finds in the other's volume what was put, and changes nothing when it puts it again")
    func agreement() throws {
        let byKernel = try Ext4Image(.trixie)
        let ours = try Ext4Image(.trixie)
        let volumes: [any Volume] = [try mounted(byKernel.path), try ours.volume()]
        for volume in volumes {
            for (path, node) in Self.nodes { try volume.put(node, at: path) }
            try volume.close()
        }
        try byKernel.check()
        try ours.check()
        let read: [any Volume] = [try byKernel.volume(), try mounted(ours.path)]
        for volume in read {
            for (path, node) in Self.nodes {
                #expect(try volume.node(at: path) == node, "\(path)")
                try volume.put(node, at: path)
            }
            #expect(try volume.entries(in: "/shared") == ["empty", "link", "tool"])
        }
        for volume in read { try volume.close() }
        try byKernel.check()
        try ours.check()
        let told = try byKernel.debugfs("stat /shared/tool")
        #expect(told.contains("Mode:  04755") && told.contains("User:  1000") && told.contains("user.note (3)"))
    }

    @Test("what has several names, a list of access rights or a number is treated alike by both engines")
    func inherited() throws {
        let image = try Ext4Image(.debian)
        try image.debugfs("mknod null c 1 3", writing: true)
        let setup = try mounted(image.path)
        try setup.put(.file("one"), at: "/a")
        try setup.close()
        try image.debugfs("ln a b", writing: true)
        try image.debugfs("sif a links_count 2", writing: true)
        let copy = try Ext4Image(.debian)
        try copy.replace(by: image.bytes)

        let volumes: [any Volume] = [try mounted(image.path), try copy.volume()]
        for volume in volumes {
            var device: FileNode = try #require(try volume.node(at: "/null"))
            device.metadata.group = 9
            device.metadata.mode = 0o666
            device.metadata.device = nil
            try volume.put(device, at: "/null")
            try volume.put(.file("two"), at: "/b")
            #expect(try volume.node(at: "/a") == .file("one"))
            #expect(
                outcome { () throws(VolumeError) in
                    try volume.put(FileNode(content: .special(.blockDevice), metadata: .init(mode: 0o600)), at: "/new")
                } == .notStorable("/new", what: "a new device, whose number is not known"))
            #expect(
                outcome { () throws(VolumeError) in try volume.put(.file([1], mode: 0o10000), at: "/m") }
                    == .notStorable("/m", what: "mode 010000"))
            #expect(
                outcome { () throws(VolumeError) in try volume.put(.link(""), at: "/l") }
                    == .notStorable("/l", what: "an empty link or one with a NUL"))
            let long = String(repeating: "n", count: 256)
            #expect(
                outcome { () throws(VolumeError) in
                    try volume.put(.file("x"), at: VolumePath(components: [long]) ?? .root)
                } == .invalidName(long, reason: "256 bytes are more than the 255 of a name"))
            #expect(try volume.node(at: VolumePath(components: [long]) ?? .root) == nil)
            try volume.close()
        }
        let results = try [image, copy].map { image -> [VolumePath: FileNode] in
            try image.check()
            let volume = try image.volume()
            return try volume.tree(below: .root)
        }
        #expect(results[0] == results[1])
        let told = try image.debugfs("stat /null")
        #expect(told.contains("major/minor number: 01:03 ") || told.contains("01:03"))
    }

    @Test("a mount is seen by nobody and gone with its owner, closed or not", arguments: [true, false])
    func traces(isClosed: Bool) throws {
        let image = try Ext4Image(.debian)
        let folder = URL(fileURLWithPath: image.path).deletingLastPathComponent().path
        let mounts = try MachineMounts.lines(including: folder)
        do {
            let volume = try mounted(image.path)
            try volume.put(.file("x"), at: "/x")
            #expect(try traces(of: folder).count == 1)
            #expect(try MachineMounts.lines(including: folder) == mounts)
            if isClosed { try volume.close() }
        }
        #expect(try traces(of: folder) == [])
        try image.check()
        #expect(try image.debugfs("cat /x") == "x")
    }

    @Test("what the kernel will not mount leaves no device behind, and is called damaged")
    func refused() throws {
        let image = try Ext4Image(.debian)
        let folder = URL(fileURLWithPath: image.path).deletingLastPathComponent().path
        try image.replace(by: [UInt8](repeating: 0, count: 1 << 20))
        let file = try OpenFile(path: image.path, flags: O_RDWR)
        var reason: String?
        do throws(MountError) {
            _ = try MountedVolume(.ext4, of: file.descriptor, range: 0..<(1 << 20), sectorSize: 512)
        } catch {
            if case .refused(let text) = error { reason = text }
        }
        #expect(reason?.hasPrefix("the kernel would not mount it: ") == true)
        #expect(try traces(of: folder) == [])
    }

    @Test("sectors of 4096 bytes", .needs("blockdev"))
    func wideSectors() throws {
        let image = try Ext4Image(.debian)
        let volume = try mounted(image.path, sectorSize: 4096)
        try volume.put(.file("x"), at: "/x")
        let folder = URL(fileURLWithPath: image.path).deletingLastPathComponent().path
        let device = try #require(try traces(of: folder).first?.split(separator: ":").first)
        #expect(try Shell.run("blockdev", ["--getss", String(device)]).output == "4096\n")
        try volume.close()
        try image.check()
    }

    @Test("many take loop devices at once and each gets its own")
    func crowd() async throws {
        let images = try (0..<12).map { _ in try Ext4Image(.ext2) }
        let paths = images.map(\.path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, path) in paths.enumerated() {
                group.addTask {
                    for round in 0..<4 {
                        let file = try OpenFile(path: path, flags: O_RDWR)
                        let volume = try MountedVolume(
                            .ext4, of: file.descriptor, range: 0..<file.measuredByteCount(), sectorSize: 512)
                        try volume.put(.file("\(number)"), at: VolumePath("/\(round)") ?? .root)
                        try volume.close()
                    }
                }
            }
            try await group.waitForAll()
        }
        for (number, image) in images.enumerated() {
            try image.check()
            let volume = try image.volume()
            for round in 0..<4 { #expect(try volume.node(at: VolumePath("/\(round)") ?? .root) == .file("\(number)")) }
        }
    }
}
