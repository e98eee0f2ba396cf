import Foundation
import TestSupport
import Testing

/// A tree beside what the kernel's mount of the same image shows.
@Suite(.needs(BaseSpec.tools + ["losetup", "mount", "umount", "find", "getfattr", "cp", "tar"]), .serialized)
struct NetbootKernelTests {
    /// Adds what synthetic bases lack: names of one file, a device, holes, parts of seconds.
    private func enriched(_ base: Card, in folder: TemporaryFolder) throws -> Card {
        let path = folder.path + "/base.img"
        try #require(try Shell.run("cp", ["--sparse=always", base.path, path]).status == 0)
        let card = try Card(path)
        let sparse = folder.path + "/sparse"
        try Shell.write([1], to: sparse)
        _ = try Shell.run("truncate", ["-s", "9000000", sparse])
        let commands = """
            ln /usr/bin/ping /usr/bin/ping4
            sif /usr/bin/ping links_count 2
            cd /dev
            mknod console c 5 1
            mknod pipe p
            cd /opt
            write \(sparse) sparse
            cd /
            sif /etc/issue mtime_extra \(123_456_789 << 2)
            sif /dev/console mode 020620
            sif /dev/console gid 5

            """
        try Shell.write(Array(commands.utf8), to: folder.path + "/commands")
        let told = try Shell.run("debugfs", ["-w", "-f", folder.path + "/commands", card.rootName])
        try #require(told.status == 0, "\(told.error)")
        try card.expectClean()
        return card
    }

    /// A line for each path: type, mode, owner, names, size, time, link's text; and the attributes.
    private func account(of folder: String) throws -> [String: String] {
        let told = try Shell.run(
            "find",
            [folder, "-printf", "%P\\t%y %#m %U:%G %n %T@ %l\\n", "-type", "f", "-printf", "%P\\t(bytes) %s\\n"])
        try #require(told.status == 0, "\(told.error)")
        var lines: [String: String] = [:]
        for line in told.output.split(separator: "\n") {
            let parts = line.split(separator: "\t", maxSplits: 1)
            let path = parts.count == 2 ? String(parts[0]) : ""
            var text = String(parts.last ?? "")
            // The number of names of a folder is the file system's own.
            if text.hasPrefix("d ") {
                text = text.split(separator: " ").enumerated().filter { $0.0 != 3 }.map { String($0.1) }.joined(
                    separator: " ")
            }
            lines[path, default: ""] += text
        }
        let attributes = try Shell.run(
            "getfattr", ["-R", "-P", "-d", "-m", "-", "-e", "hex", "--absolute-names", folder])
        for block in attributes.output.components(separatedBy: "\n\n") {
            let rows = block.split(separator: "\n")
            guard let head = rows.first, head.hasPrefix("# file: ") else { continue }
            lines[String(head.dropFirst("# file: ".count + folder.utf8.count + 1)), default: ""] += rows.dropFirst()
                .joined(separator: " ")
        }
        return lines
    }

    @Test("all that no change names is what the kernel sees: owners, modes, attributes, links, devices, holes, times")
    func kernel() async throws {
        try ToolsTrait.requireRoot()
        let folder = try TemporaryFolder()
        let card = try enriched(try Card(try await BaseSpec.of("bookworm", "cbridge").path()), in: folder)
        let made = try #require(try Piforge.netboot("p3", from: card.path, into: folder.path, format: .folder).first)

        let mount = folder.path + "/mount"
        try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
        let mounted = try Shell.run(
            "mount", ["-o", "ro,noload,loop,offset=\(card.rootStart)", "-t", "ext4", card.path, mount])
        try #require(mounted.status == 0, "\(mounted.error)")
        defer { _ = try? Shell.unmount(mount) }

        let changed = Set(made.manifest.changes.map { String($0.path.dropFirst()) })
        let kernel = try account(of: mount)
        let ours = try account(of: made.path)
        for (path, line) in kernel where !changed.contains(path) && !path.hasPrefix("boot/firmware/") {
            #expect(ours[path] == line, "\(path)")
        }
        #expect(ours["usr/bin/ping"]?.contains("security.capability=0x") == true)
        #expect(ours["usr/bin/ping"]?.hasPrefix("f 0755 0:0 2 ") == true, "\(ours["usr/bin/ping"] ?? "")")
        #expect(ours["dev/console"]?.hasPrefix("c 0620 0:5 1 ") == true)
        #expect(ours["etc/issue"]?.contains(".1234567890") == true, "\(ours["etc/issue"] ?? "")")
        let extra = Set(ours.keys).subtracting(kernel.keys).subtracting(changed)
        #expect(extra.allSatisfy { $0.hasPrefix("boot/firmware/") }, "\(extra.sorted())")
        // Contents, by GNU tar's eyes.
        let same = try Shell.run(
            "sh",
            [
                "-c",
                "cd '\(mount)' && tar -cf - . | tar -df - -C '\(made.path)' 2>&1 | grep -v 'Mod time\\|Contents differ\\|Size differs\\|No such file' ; true",
            ])
        #expect(same.output == "", "\(same.output)")
        let sparse = try Shell.run("stat", ["-c", "%s %b", made.path + "/opt/sparse"]).output.split(separator: " ")
        #expect(sparse.first == "9000000" && (Int(sparse.last?.dropLast() ?? "") ?? .max) < 64)

        // The archive of the same tree, unpacked by GNU tar.
        let archive = try #require(try Piforge.netboot("p3", from: card.path, into: folder.path).first)
        #expect(archive.manifest.output.sha256 == made.manifest.output.sha256)
        let unpacked = folder.path + "/unpacked"
        let told = try Shell.run(
            "sh",
            [
                "-c",
                "mkdir '\(unpacked)' && tar -xpf '\(archive.path)' -C '\(unpacked)' --numeric-owner --xattrs --xattrs-include='*'",
            ])
        try #require(told.status == 0, "\(told.error)")
        #expect(try account(of: unpacked) == ours)
    }
}
