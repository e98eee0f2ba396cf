import Testing

@testable import Tables

/// What `root=` names, on disks with either kind of table.
struct RootArgumentTests {
    private static let guid = "11111111-2222-3333-4444-555555550002"
    private static let names = FileSystemNames(uuid: "6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e51", label: "rootfs")
    private static let linux = Partition(
        number: 2, range: 0..<1, kind: .mbr(0x83), identifier: "5d1f0a2c-02", name: "")
    private static let boot = Partition(
        number: 1, range: 0..<1, kind: .mbr(0x0C), identifier: "5d1f0a2c-01", name: "")
    private static let old = PartitionTable(
        scheme: .mbr, sectorSize: 512, diskIdentifier: "5d1f0a2c", partitions: [boot, linux])
    private static let named = Partition(
        number: 2, range: 0..<1, kind: .linuxData, identifier: guid, name: "root part")

    @Test(
        arguments: [
            ("PARTUUID=5d1f0a2c-02", true), ("PARTUUID=5D1F0A2C-02", true), ("PARTUUID=5d1f0a2c-01", false),
            ("PARTUUID=5d1f0a2c-01/PARTNROFF=1", true), ("PARTUUID=5d1f0a2c-02/PARTNROFF=1", false),
            ("PARTUUID=deadbeef-01/PARTNROFF=1", false), ("/dev/disk/by-partuuid/5d1f0a2c-02", true),
            ("PARTLABEL=rootfs", false), ("LABEL=rootfs", true), ("LABEL=Rootfs", false), ("\"LABEL=rootfs\"", true),
            ("UUID=6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e51", true), ("UUID=6d2f7a10-0000-4c1d-9e8f-0a1b2c3d4e51", false),
            ("/dev/disk/by-uuid/6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e51", true), ("/dev/disk/by-label/data", false),
            ("/dev/mmcblk0p2", true), ("/dev/mmcblk1p1", false), ("/dev/sda2", true), ("/dev/nvme0n1p3", false),
            ("/dev/disk/by-id/mmc-SD16G_0x1234-part2", true), ("/dev/disk/by-path/platform-x.mmc-part1", false),
            ("/dev/nfs", nil), ("/dev/mapper/vg-root", nil), ("/dev/mmcblk0", nil), ("/dev/ram0", nil),
            ("PARTUUID=5d1f0a2c-01/PARTNROFF=x", nil), ("179:2", nil), ("", nil),
        ] as [(String, Bool?)]) func onAnMBR(value: String, expected: Bool?)
    {
        #expect(RootArgument(value).names(Self.linux, of: Self.old, fileSystem: Self.names) == expected)
    }

    @Test(
        arguments: [
            ("PARTUUID=\(guid)", true), ("PARTUUID=\(guid.uppercased())", true), ("PARTUUID=5d1f0a2c-02", false),
            ("PARTLABEL=root part", true), ("PARTLABEL=root", false), ("/dev/disk/by-partlabel/root part", true),
        ] as [(String, Bool?)]) func onAGPT(value: String, expected: Bool?)
    {
        #expect(RootArgument(value).names(Self.named, of: nil, fileSystem: nil) == expected)
    }

    @Test func withoutTheFileSystemsNamesNobodyKnows() {
        #expect(RootArgument("LABEL=rootfs").names(Self.linux, of: Self.old, fileSystem: nil) == nil)
        #expect(RootArgument("UUID=6d2f7a10").names(Self.linux, of: Self.old, fileSystem: nil) == nil)
    }

    @Test(arguments: [
        ("LABEL=a", true), ("UUID=a", true), ("PARTUUID=a", false), ("PARTLABEL=a", false), ("/dev/sda2", false),
    ]) func onlyAnInitramfsKnowsFileSystems(value: String, expected: Bool) {
        #expect(RootArgument(value).needsInitramfs == expected)
    }
}
