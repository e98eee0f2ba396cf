@testable import Bases
@testable import Blocks
@testable import Forge
import Foundation
import Images
@testable import Inspect
@testable import Reports
import TestSupport
import Testing

/// Whole images, made by other people's tools.
@Suite(.needs("sfdisk", "mkfs.fat", "mcopy", "mke2fs", "debugfs")) struct InspectionImageTests {
    private static let sector = 512
    private static let bootStart = 2048
    private static let bootSectors = 16384
    private static let rootStart = 18432
    private static let rootSectors = 16384

    /// Makes an image of 17 MiB: FAT at 1 MiB, ext4 at 9 MiB. `editRoot` gets the path of the ext4 file system.
    private func makeImage(in folder: TemporaryFolder, editRoot: (String) throws -> Void = { _ in }) throws -> String {
        let (image, boot, root) = (folder.path + "/card.img", folder.path + "/boot", folder.path + "/root")
        let tree = folder.path + "/tree"
        for path in ["etc", "home", "usr/lib/raspberrypi-sys-mods"] {
            try FileManager.default.createDirectory(atPath: tree + "/" + path, withIntermediateDirectories: true)
        }
        try write("VERSION_CODENAME=trixie\nVERSION_ID=\"13\"\n", to: tree + "/etc/os-release")
        try write("raspberrypi\n", to: tree + "/etc/hostname")
        try write("127.0.1.1 raspberrypi\n", to: tree + "/etc/hosts")
        try write(
            "PARTUUID=0badcafe-01 /boot/firmware vfat defaults 0 2\nPARTUUID=0badcafe-02 / ext4 defaults 0 1\n",
            to: tree + "/etc/fstab")
        try write("console=tty1 root=PARTUUID=0badcafe-02 rootwait\n", to: folder.path + "/cmdline.txt")

        let table = """
            label: dos
            label-id: 0x0badcafe
            \(Self.bootStart),\(Self.bootSectors),c
            \(Self.rootStart),\(Self.rootSectors),83

            """
        try truncate(image, (Self.rootStart + Self.rootSectors) * Self.sector)
        try call("sfdisk", ["-q", image], input: Array(table.utf8))
        try truncate(boot, Self.bootSectors * Self.sector)
        try call("mkfs.fat", ["-F", "16", "-s", "1", boot])
        try call("mcopy", ["-i", boot, folder.path + "/cmdline.txt", "::cmdline.txt"])
        try truncate(root, Self.rootSectors * Self.sector)
        try call("mke2fs", ["-q", "-t", "ext4", "-d", tree, root])
        try editRoot(root)
        try insert(boot, at: Self.bootStart, of: image)
        try insert(root, at: Self.rootStart, of: image)
        return image
    }

    private func inspect(_ image: String, in folder: TemporaryFolder) throws -> Inspection {
        try Inspection.of(
            ImageSource(path: image, sha256: nil), cache: Cache(path: folder.path + "/cache"), observe: { _ in })
    }

    @Test func tellsOfACleanCard() throws {
        let folder = try TemporaryFolder()
        let inspection = try inspect(makeImage(in: folder), in: folder)
        #expect(inspection.identity.kind == .raspberryPiOS)
        #expect(inspection.identity.release == "trixie")
        #expect(inspection.identity.hostname == "raspberrypi")
        #expect(inspection.identity.isRootReadable)
        #expect(inspection.disk?.partitions.map(\.role) == ["boot", "root"])
        #expect(inspection.kernel.arguments == ["console=tty1", "root=PARTUUID=0badcafe-02", "rootwait"])
        #expect(!inspection.findings.contains { $0.what.contains("PARTUUID") })
    }

    @Test func tellsOfACardThatWasPulledOut() throws {
        let folder = try TemporaryFolder()
        let image = try makeImage(in: folder) { try call("debugfs", ["-w", "-R", "feature needs_recovery", $0]) }
        let inspection = try inspect(image, in: folder)
        #expect(!inspection.identity.isRootReadable)
        #expect(inspection.kernel.arguments.count == 3)
        let finding = try #require(inspection.findings.first)
        #expect(finding.severity == .error)
        #expect(
            finding.what == "the root partition is not told of, it cannot be read safely: "
                + "a journal that was not replayed (was it copied while the card was in use?)")
        #expect(finding.hint?.contains("piforge repair") == true)
    }

    @Test func tellsOfADirtyBootPartition() throws {
        let folder = try TemporaryFolder()
        let image = try makeImage(in: folder)
        // Bit 0 of byte 0x25 of a FAT16 boot sector: not unmounted (Linux, fs/fat/inode.c, FAT_STATE_DIRTY).
        let handle = try #require(FileHandle(forUpdatingAtPath: image))
        try handle.seek(toOffset: UInt64(Self.bootStart * Self.sector + 0x25))
        try handle.write(contentsOf: Data([1]))
        try handle.close()
        let inspection = try inspect(image, in: folder)
        #expect(inspection.kernel.arguments.count == 3)
        #expect(
            inspection.findings.contains {
                $0.what == "the boot partition can be read but not edited: dirty FAT volume: not cleanly unmounted"
            })
    }

    @Test func damageIsAnError() throws {
        let folder = try TemporaryFolder()
        let image = try makeImage(in: folder) { try call("debugfs", ["-w", "-R", "ssv blocks_per_group 7", $0]) }
        let error = #expect(throws: ForgeError.self) { try inspect(image, in: folder) }
        #expect(error?.kind == .badInput)
        #expect(error?.message.hasPrefix("could not read the root partition: ") == true)
    }

    @Test func aFileThatIsNoImageIsRefused() throws {
        let folder = try TemporaryFolder()
        try write(String(repeating: "no image ", count: 200), to: folder.path + "/text")
        let error = #expect(throws: ForgeError.self) { try inspect(folder.path + "/text", in: folder) }
        #expect(error?.kind == .badInput)
    }

    // MARK: Tools

    private func call(_ command: String, _ arguments: [String], input: [UInt8]? = nil) throws {
        let result = try Shell.run(command, arguments, input: input)
        try #require(result.status == 0, "\(command): \(result.error)")
    }

    private func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func truncate(_ path: String, _ byteCount: Int) throws {
        try call("truncate", ["-s", String(byteCount), path])
    }

    private func insert(_ part: String, at sector: Int, of image: String) throws {
        try call("dd", ["if=" + part, "of=" + image, "bs=\(Self.sector)", "seek=\(sector)", "conv=notrunc,sparse"])
    }
}
