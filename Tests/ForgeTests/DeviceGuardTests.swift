@testable import Cards
@testable import Forge
@testable import Reports
import TestSupport
import Testing

/// What may be written on machines of many kinds: sysfs and procfs as they are there, below a folder.
struct DeviceGuardTests {
    private static let image: Int64 = 2_500_000_000

    /// The words that a refusal of a whole disk consists of; none for a candidate.
    private func reasons(_ machine: String, _ disk: String, guard own: DeviceGuard? = nil) throws -> [String] {
        let found = try RecordedMachine(machine).disk(disk)
        return (own ?? DeviceGuard(imageByteCount: Self.image)).refusals(of: found).map(\.description)
    }

    @Test(arguments: [
        ("laptop", "sdb"), ("pi-from-sd", "sda"), ("pi-from-usb", "mmcblk0"), ("emmc", "mmcblk1"), ("readers", "sdf"),
    ])
    func offersCards(machine: String, disk: String) throws {
        #expect(try reasons(machine, disk) == [])
    }

    @Test func offersNothingElse() throws {
        let found = try [
            "laptop", "pi-from-sd", "pi-from-usb", "emmc", "raid", "lvm-on-usb", "loop-root", "readers",
            "btrfs", "swap", "container",
        ]
        .map { name in
            let inventory = try RecordedMachine(name).inventory
            return name + ":"
                + inventory.disks.filter { DeviceGuard().refusals(of: $0).isEmpty }
                .map { " " + $0.name }.joined()
        }
        #expect(
            found == [
                "laptop: sdb", "pi-from-sd: sda", "pi-from-usb: mmcblk0", "emmc: mmcblk1", "raid:", "lvm-on-usb:",
                "loop-root:", "readers: sdf", "btrfs:", "swap:", "container:",
            ])
    }

    @Test func refusesTheDiskBelowLUKSAndLVM() throws {
        #expect(
            try reasons("laptop", "nvme0n1") == [
                "this system runs from it: nvme0n1p1 is mounted at /boot/efi; "
                    + "nvme0n1p2 holds dm-0 (nvme0n1p2_crypt), which holds dm-1 (laptop--vg-root), which is mounted at /; "
                    + "nvme0n1p2 holds dm-0 (nvme0n1p2_crypt), which holds dm-2 (laptop--vg-swap_1), which is used as swap",
                "it is no card but an NVMe disk",
                "it holds 512.1 GB, more than the 274.8 GB of the largest card",
            ])
        #expect(
            try reasons("laptop", "dm-1") == [
                "this system runs from it: dm-1 (laptop--vg-root) is mounted at /", "it is made of dm-0",
                "it holds 494.5 GB, more than the 274.8 GB of the largest card",
            ])
    }

    /// The 2 TB disk that another imager offered because nothing was mounted from it.
    @Test func refusesALargeDiskThatNothingUses() throws {
        #expect(
            try reasons("laptop", "sda") == [
                "it is no card but a SATA disk", "it holds 2.0 TB, more than the 274.8 GB of the largest card",
            ])
        let typed = DeviceGuard(allowsLarge: true, expectedSerial: "WDZ12345")
        #expect(try reasons("laptop", "sda", guard: typed) == [])
        #expect(
            try reasons("laptop", "sda", guard: DeviceGuard(allowsLarge: true, expectedSerial: "WDZ")) == [
                "it is no card but a SATA disk", "its serial is WDZ12345, not WDZ",
            ])
    }

    /// A 12 TB array behind one USB plug, which calls itself a disk like any other.
    @Test func refusesAnArrayOnUSB() throws {
        #expect(try reasons("raid", "sdc") == ["it holds 12.0 TB, more than the 274.8 GB of the largest card"])
    }

    @Test func refusesMembersOfArrays() throws {
        #expect(try reasons("raid", "sda").first == "it is in use: sda holds md127, which is mounted at /srv")
        #expect(try reasons("raid", "sdb").first == "it is in use: sdb holds md127, which is mounted at /srv")
        #expect(try reasons("raid", "sdd") == ["it is in use: sdd1 holds md1"])
        #expect(try reasons("raid", "md1") == ["it is made of sdd1"])
    }

    @Test func refusesTheCardThatTheSystemRunsFrom() throws {
        #expect(
            try reasons("pi-from-sd", "mmcblk0") == [
                "this system runs from it: mmcblk0p1 is mounted at /boot/firmware; mmcblk0p2 is mounted at /"
            ])
        #expect(
            try reasons("pi-from-usb", "sda") == [
                "this system runs from it: sda1 is mounted at /boot/firmware; sda2 is mounted at /"
            ])
    }

    @Test func refusesWhatTheDesktopMounted() throws {
        let machine = try RecordedMachine("pi-from-usb")
        let disk = try machine.disk("sdb")
        let error = #expect(throws: ForgeError.self) {
            try DeviceGuard().choose(disk.number, named: "/dev/sdb", in: machine.inventory, canAsk: true)
        }
        #expect(error?.kind == .cannotCreate)
        #expect(error?.message == "could not write /dev/sdb: it is in use: sdb1 is mounted at /media/pi/MY STICK")
        #expect(error?.hint == "if it is the card you mean: sudo umount '/media/pi/MY STICK'")
    }

    /// The internal memory that another imager called an SD card reader.
    @Test func tellsSolderedMemoryFromACard() throws {
        #expect(try reasons("emmc", "mmcblk0") == ["it is no card but soldered memory (eMMC)"])
        #expect(try reasons("emmc", "mmcblk0boot0").contains("it is write-protected"))
        #expect(try reasons("emmc", "mmcblk0", guard: DeviceGuard(expectedSerial: "0x2d9e1f01")) == [])
    }

    @Test func refusesVolumeGroups() throws {
        #expect(
            try reasons("lvm-on-usb", "sdb") == [
                "it is in use: sdb1 holds dm-0 (photos-main), which is mounted at /home/ann/photos; "
                    + "sdb1 holds dm-1 (photos-old)"
            ])
    }

    @Test func followsLoopDevicesBothWays() throws {
        #expect(
            try reasons("loop-root", "sda") == [
                "it is in use: sda1 is mounted at /run/live/medium; "
                    + "sda1 holds loop0 (/run/live/medium/live/filesystem.squashfs), which is mounted at "
                    + "/run/live/rootfs/filesystem.squashfs"
            ])
        #expect(try reasons("loop-root", "sdb") == ["it is in use: sdb holds loop1 (/dev/sdb)"])
        #expect(try reasons("loop-root", "loop1").first == "it is made of sdb")
        #expect(try reasons("loop-root", "loop2") == ["it is no card but a loop device"])
        let typed = DeviceGuard(imageByteCount: Self.image, expectedSerial: "/home/user/card.img")
        #expect(try reasons("loop-root", "loop2", guard: typed) == [])
    }

    @Test func knowsEmptyReadersAndLockedCards() throws {
        #expect(try reasons("readers", "sdc") == ["there is no card in it"])
        #expect(try reasons("pi-from-sd", "sdb") == ["there is no card in it"])
        #expect(try reasons("readers", "sde") == ["it is write-protected"])
    }

    @Test func findsEveryDeviceOfAFileSystem() throws {
        let identifier = "7b2a6e3c-58c1-4b7e-9d10-6f1f8f8d0001"
        #expect(
            try reasons("btrfs", "sda") == [
                "this system runs from it: sda is mounted at /; sda is part of the mounted file system \(identifier)"
            ])
        #expect(try reasons("btrfs", "sdb") == ["it is in use: sdb is part of the mounted file system \(identifier)"])
    }

    @Test func findsSwap() throws {
        #expect(try reasons("swap", "sda") == ["this system runs from it: sda5 is used as swap"])
        #expect(try reasons("swap", "sdb") == ["this system runs from it: sdb1 holds zram0, which is used as swap"])
        #expect(try reasons("swap", "zram0").contains("it is no disk of its own"))
    }

    @Test func looksOutOfAContainer() throws {
        #expect(try reasons("container", "sda") == ["this system runs from it: sda1 is mounted at /"])
    }

    @Test func comparesSizes() throws {
        let large = DeviceGuard(imageByteCount: 16_000_000_000)
        #expect(
            try reasons("pi-from-sd", "sda", guard: large) == [
                "the image is 16.0 GB (16000000000 bytes) but it holds 15.9 GB (15931539456 bytes)"
            ])
        #expect(try reasons("pi-from-sd", "sda", guard: DeviceGuard(expectedByteCount: 15_931_539_456)) == [])
        #expect(
            try reasons("pi-from-sd", "sda", guard: DeviceGuard(expectedByteCount: 32_000_000_000)) == [
                "it holds 15931539456 bytes, not 32000000000"
            ])
    }

    @Test func refusesPartitionsByNameOfTheDisk() throws {
        let machine = try RecordedMachine("laptop")
        let error = #expect(throws: ForgeError.self) {
            try DeviceGuard().choose(
                .init(major: 8, minor: 17), named: "/dev/sdb1", in: machine.inventory, canAsk: true)
        }
        #expect(error?.message == "could not write /dev/sdb1: sdb1 is a partition of sdb, not a whole card")
        #expect(error?.hint == "give the whole card: /dev/sdb")
        #expect(error?.kind == .usage)
        let other = #expect(throws: ForgeError.self) {
            try DeviceGuard().choose(.init(major: 99, minor: 9), named: "/dev/x", in: machine.inventory, canAsk: true)
        }
        #expect(other?.message == "could not write /dev/x: the kernel lists no disk 99:9")
    }

    /// Where there is a terminal, what is no card is asked for by its whole serial; without one it is refused.
    @Test func asksForTheWholeSerialOfOtherDisks() throws {
        let machine = try RecordedMachine("emmc")
        let number = DeviceNumber(major: 179, minor: 0)
        let disk = try DeviceGuard().choose(number, named: "/dev/mmcblk0", in: machine.inventory, canAsk: true)
        let question = CardQuestion(disk, becomes: "p3", slot: "p3", content: nil)
        #expect(question.answers == ["0x2d9e1f01"])
        let error = #expect(throws: ForgeError.self) {
            try DeviceGuard().choose(number, named: "/dev/mmcblk0", in: machine.inventory, canAsk: false)
        }
        #expect(error?.hint == "if it shall be overwritten, add --expect-serial 0x2d9e1f01")
    }

    @Test func asksForTheSlotOrTheEndOfTheSerial() throws {
        let disk = try RecordedMachine("pi-from-sd").disk("sda")
        let question = CardQuestion(disk, becomes: "p3 of sg1", slot: "p3", content: nil)
        #expect(question.answers == ["p3", "6485"])
        #expect(question.isYes(" p3 \r") && question.isYes("6485"))
        #expect(!question.isYes("y") && !question.isYes("") && !question.isYes("058F63666485"))
        #expect(question.text.contains("/dev/sda: Multiple Card  Reader, 15.9 GB, usb, serial 058F63666485"))
    }
}
