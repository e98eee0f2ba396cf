import Testing
import Trees

@testable import Plans

/// Trees that nodes boot over USB.
struct NetbootPlanTests {
    static let releases = PlannerFixture.Release.allCases

    @Test("the kernel line of 8086's documents", arguments: releases) func kernelLine(
        _ release: PlannerFixture.Release
    ) throws {
        let image = try PlannerFixture(release, .cbridge)
        try image.build(.node(3), medium: .netboot)
        let first = release == .bookworm ? " init=/usr/lib/raspberrypi-sys-mods/firstboot" : ""
        #expect(
            try image.text("boot:/cmdline.txt")
                == "console=serial0,115200 console=tty1 root=/dev/nfs "
                + "nfsroot=172.19.180.254:/var/lib/clusterctrl/nfs/p3 rw "
                + "ip=172.19.180.3:172.19.180.254::255.255.255.0:p3:usb0.10:static fsck.mode=skip rootwait quiet\(first)\n"
        )
        #expect(try image.text("boot:/cmdline.old") == nil)
        #expect(try image.facts().netbootSlot == .node(3))
    }

    @Test("every plan settles, and a tree that was made once changes for another slot alone", arguments: releases)
    func settles(_ release: PlannerFixture.Release) throws {
        for kind in PlannerFixture.Kind.allCases {
            let image = try PlannerFixture(release, kind)
            try image.build(.node(3), .everything, medium: .netboot)
            let again = try image.plan(.node(3), .everything, medium: .netboot)
            #expect(try again.changes(boot: image.boot, root: image.root) == [])
            // The node has started: its first boot took `init=` away and made a machine id.
            if let line = try image.text("boot:/cmdline.txt"), line.contains(" init=") {
                try image.write(line.split(separator: " init=")[0] + "\n", "boot:/cmdline.txt")
            }
            try image.write("uuid\n", "/etc/machine-id")
            let later = try image.plan(.node(3), .everything, medium: .netboot)
            #expect(try later.changes(boot: image.boot, root: image.root).map(\.edit.target.description) == [])
            try image.build(.node(4), .everything, medium: .netboot)
            #expect(try image.text("/etc/machine-id") == "")
            #expect(try image.text("boot:/cmdline.txt")?.contains("::255.255.255.0:p4:usb0.10:static") == true)
            #expect(try image.text("/etc/default/clusterctrl")?.hasSuffix("TYPE=usbboot\nID=4\n") == true)
        }
    }

    @Test("whatever the host is called, ip= has the slot's name", arguments: releases)
    func hostname(_ release: PlannerFixture.Release) throws {
        let image = try PlannerFixture(release, .cnat)
        var settings = Settings()
        settings.hostname = "pegasus"
        try image.build(.node(12), settings, medium: .netboot)
        #expect(try image.text("/etc/hostname") == "pegasus\n")
        #expect(try image.text("/etc/hosts")?.contains("127.0.1.1\tpegasus p12\n") == true)
        let line = try #require(try image.text("boot:/cmdline.txt"))
        #expect(line.contains(":p12:usb0.10:static") && !line.contains("pegasus"))
    }

    @Test("nothing is mounted from a card; the boot files' line is bookworm's", arguments: releases)
    func mounts(_ release: PlannerFixture.Release) throws {
        let image = try PlannerFixture(release, .cbridge)
        try image.build(.node(3), medium: .netboot)
        let line = "172.19.180.254:/var/lib/clusterctrl/nfs/p3/boot/firmware /boot/firmware nfs defaults 0 0\n"
        #expect(
            try image.text("/etc/fstab") == "proc /proc proc defaults 0 0\n" + (release.isNew ? line : ""))
    }

    @Test(
        arguments: [
            ("", "a:/x /boot/firmware nfs defaults 0 0\n"),
            ("# / comment\n", "# / comment\na:/x /boot/firmware nfs defaults 0 0\n"),
            (
                "proc /proc proc defaults 0 0\nb:/y  /boot/firmware\tnfs  defaults\t0 0\n/swap none swap sw 0 0\n",
                "proc /proc proc defaults 0 0\na:/x /boot/firmware nfs defaults 0 0\n/swap none swap sw 0 0\n"
            ),
            (
                "a:/x\t/boot/firmware nfs defaults 0 0\nb:/y /boot/firmware nfs defaults 0 0\n",
                "a:/x\t/boot/firmware nfs defaults 0 0\n"
            ),
            (
                "LABEL=data /data ext4 defaults 0 2\nUUID=1 /spare ext4 nofail 0 2\n/dev/mmcblk0p3 /more ext4 noauto 0 0",
                "UUID=1 /spare ext4 nofail 0 2\n/dev/mmcblk0p3 /more ext4 noauto 0 0\na:/x /boot/firmware nfs defaults 0 0\n"
            ),
        ])
    func mountRule(_ text: String, _ wanted: String) throws {
        let rule = TextRule.setNetworkMounts(boot: "a:/x /boot/firmware nfs defaults 0 0")
        #expect(try rule.applied(to: text) == wanted)
        #expect(try rule.applied(to: wanted) == wanted)
    }

    @Test(
        arguments: [
            ("root=/dev/sda rootfstype=ext4 rootwait", "root=/dev/nfs rw rootwait fsck.mode=skip"),
            ("quiet", "quiet root=/dev/nfs rw fsck.mode=skip"),
            ("a root=1 b ro ip=dhcp fsck.repair=yes c", "a root=/dev/nfs rw b fsck.mode=skip c"),
            ("root=1 root=2 nfsroot=q fsck.mode=force init=/x", "root=/dev/nfs rw fsck.mode=skip init=/x"),
            ("a  root=/dev/nfs   rw  fsck.mode=skip", "a  root=/dev/nfs   rw  fsck.mode=skip"),
        ])
    func rootRule(_ text: String, _ wanted: String) throws {
        let rule = TextRule.setNetworkRoot(["root=/dev/nfs", "rw"])
        let found = try rule.applied(to: text + "\n")
        #expect(found == wanted + "\n")
        #expect(try rule.applied(to: found) == found)
    }

    @Test("the initramfs of each board", arguments: releases) func initramfs(
        _ release: PlannerFixture.Release
    ) throws {
        let image = try PlannerFixture(release, .cbridge)
        try image.build(.node(3), medium: .netboot)
        let config = ConfigText(try #require(try image.text("boot:/config.txt")))
        func value(_ key: String, _ board: Board) -> String? {
            config.effective(for: board).last { $0.key == key }?.value
        }
        if release.isNew {
            #expect(value("auto_initramfs", .zero) == "1" && value("initramfs", .zero) == nil)
        } else {
            #expect(value("initramfs", .zero) == "initramfs.img")
            #expect(value("initramfs", .zero2W) == "initramfs7.img")
            #expect(value("initramfs", .pi4) == (release == .bullseye ? "initramfs8.img" : "initramfs7l.img"))
        }
        for board in Board.nodes {
            #expect(config.effective(for: board).contains(.init(key: "dtoverlay", value: "dwc2,dr_mode=peripheral")))
        }
    }

    @Test("what would take the root away is refused") func contradictions() throws {
        for argument in ["root=/dev/mmcblk0p2", "ip=dhcp", "nfsroot=10.0.0.1:/x", "ro"] {
            var settings = Settings()
            settings.kernelArguments.set = [argument]
            #expect(throws: PlanError.contradiction("the root over the network", "kernel argument \(argument)")) {
                try PlannerFixture().plan(.node(3), settings, medium: .netboot)
            }
        }
        var settings = Settings()
        settings.kernelArguments.remove = ["rw"]
        #expect(throws: PlanError.contradiction("the root over the network", "kernel argument the removal of rw")) {
            try PlannerFixture().plan(.node(3), settings, medium: .netboot)
        }
        #expect(throws: PlanError.netbootController(.cnat)) { try PlannerFixture().plan(.cnat, medium: .netboot) }
    }
}
