@testable import Forge
import Foundation
@testable import Netboot
@testable import Reports
import TestSupport
import Testing
import Trees

/// A node's tree in memory that would start; each test breaks one thing.
@Suite(.needs("ldd", "cpio", "gzip"))
struct NetbootLintTests {
    private struct Fixture {
        var files: [VolumePath: FileNode] = [:]

        init(slot: String = "p3", initramfs: [UInt8]? = nil) throws {
            let system = try InitramfsSystem()
            for (path, node) in system.root { put(path, node) }
            for (path, node) in system.boot { put(path.below("/boot/firmware"), node) }
            let number = slot.dropFirst()
            put(
                "/boot/firmware/cmdline.txt",
                "console=tty1 root=/dev/nfs nfsroot=172.19.180.254:/var/lib/clusterctrl/nfs/\(slot) rw "
                    + "ip=172.19.180.\(number):172.19.180.254::255.255.255.0:\(slot):usb0.10:static quiet\n")
            put("/boot/firmware/config.txt", "auto_initramfs=1\ndtoverlay=dwc2,dr_mode=peripheral\n")
            for name in ["start.elf", "fixup.dat", "bcm2708-rpi-zero.dtb", "bcm2708-rpi-zero-w.dtb"] {
                put(VolumePath(stringLiteral: "/boot/firmware/\(name)"), name)
            }
            put("/boot/firmware/initramfs", InitramfsSystem.file(try initramfs ?? system.files()[0].bytes))
            put("/etc/fstab", "proc /proc proc defaults 0 0\n")
            put("/etc/dhcp/dhclient.conf", "lease {\n  fixed-address 172.19.181.\(number); # ClusterCTRL Px\n}\n")
            put("/usr/sbin/init", FileNode(content: .file([1]), metadata: .init(mode: 0o755)))
            put("/sbin", InitramfsSystem.link("usr/sbin"))
            put("/usr/bin/sudo", FileNode(content: .file([1]), metadata: .init(mode: 0o4755)))
            put(
                "/usr/bin/ping",
                FileNode(
                    content: .file([1]),
                    metadata: .init(mode: 0o755, extendedAttributes: ["security.capability": [1, 0, 0, 2]])))
        }

        mutating func put(_ path: VolumePath, _ text: String) { put(path, InitramfsSystem.file(text)) }

        mutating func put(_ path: VolumePath, _ node: FileNode) {
            for folder in path.ancestors where files[folder] == nil {
                files[folder] = FileNode(content: .directory, metadata: .init(mode: 0o755))
            }
            files[path] = node
        }

        mutating func rewrite(_ path: VolumePath, _ old: String, _ new: String) throws {
            guard case .file(let bytes)? = files[path]?.content else { throw VolumeError.notFound(path) }
            let text = String(decoding: bytes, as: UTF8.self)
            #expect(text.contains(old))
            put(path, text.replacing(old, with: new))
        }

        func findings() throws -> [String] {
            let trees = try NetbootTree.all(in: MemoryVolume(files))
            return try trees.flatMap { try NetbootLint.findings(of: $0) }.map(\.what)
        }
    }

    @Test func aTreeThatStartsHasNone() throws {
        #expect(try Fixture().findings() == [])
    }

    @Test func aHostNameInTheAddress() throws {
        var tree = try Fixture()
        try tree.rewrite("/boot/firmware/cmdline.txt", ":p3:usb0.10", ":tealc:usb0.10")
        #expect(
            try tree.findings() == [
                "ip= in cmdline.txt names the host tealc where the slot belongs: the initramfs takes its number from there"
            ])
    }

    @Test func anotherSlot() throws {
        var tree = try Fixture()
        try tree.rewrite("/boot/firmware/cmdline.txt", "/nfs/p3 ", "/nfs/p4 ")
        try tree.rewrite("/etc/dhcp/dhclient.conf", "181.3", "181.253")
        tree.put("/etc/default/clusterctrl", "TYPE=usbboot\nID=2\n")
        tree.put(
            "/etc/fstab", "172.19.180.254:/var/lib/clusterctrl/nfs/p30/boot/firmware /boot/firmware nfs defaults 0 0\n")
        #expect(
            try tree.findings() == [
                "nfsroot= in cmdline.txt is 172.19.180.254:/var/lib/clusterctrl/nfs/p4, "
                    + "not 172.19.180.254:/var/lib/clusterctrl/nfs/p3",
                "/etc/fstab mounts 172.19.180.254:/var/lib/clusterctrl/nfs/p30/boot/firmware, which is not the tree of p3",
                "/etc/dhcp/dhclient.conf gives usb0 the address 172.19.181.253, but this is p3",
                "/etc/default/clusterctrl says ID=2, but this is p3",
            ])
    }

    @Test(arguments: ["PARTUUID=5d1f0a2c-01", "/dev/mmcblk0p1", "LABEL=bootfs"])
    func aMountOfACard(_ device: String) throws {
        var tree = try Fixture()
        tree.put("/etc/fstab", "\(device) /boot/firmware vfat defaults 0 2\n")
        #expect(
            try tree.findings() == [
                "/etc/fstab mounts \(device) at /boot/firmware, but there is no card: the start waits and ends in an "
                    + "emergency shell"
            ])
        tree.put("/etc/fstab", "\(device) /data vfat defaults,nofail 0 2\n")
        #expect(try tree.findings() == [])
    }

    @Test func anotherKernel() throws {
        var tree = try Fixture()
        tree.put("/boot/firmware/kernel.img", InitramfsSystem.file(InitramfsSystem.kernel("6.6.51+rpt-rpi-v6")))
        #expect(
            try tree.findings() == [
                "kernel.img is version 6.6.51+rpt-rpi-v6, but /lib/modules has 6.1.21+",
                "initramfs has modules for 6.1.21+, but kernel.img is version 6.6.51+rpt-rpi-v6",
            ])
    }

    @Test func firstbootThatCannotMountTheBootFiles() throws {
        var tree = try Fixture()
        let program = "/usr/lib/raspberrypi-sys-mods/firstboot"
        tree.put(
            "/etc/fstab",
            "172.19.180.254:/var/lib/clusterctrl/nfs/p3/boot/firmware /boot/firmware nfs defaults 0 0\n")
        tree.put("/usr/lib/raspberrypi-sys-mods/firstboot", FileNode(content: .file([1]), metadata: .init(mode: 0o755)))
        try tree.rewrite("/boot/firmware/cmdline.txt", "rw ", "rw init=\(program) ")
        #expect(
            try tree.findings() == [
                "firstboot, with which the system starts, mounts /boot/firmware over NFS, but there is no /sbin/mount.nfs: "
                    + "it would start again for ever"
            ])
        tree.put("/usr/sbin/mount.nfs", FileNode(content: .file([1]), metadata: .init(mode: 0o755)))
        #expect(try tree.findings() == [])
    }

    /// NFS carries no capabilities, so nobody misses ping's.
    @Test func lostPermissions() throws {
        var tree = try Fixture()
        tree.put("/usr/bin/sudo", FileNode(content: .file([1]), metadata: .init(mode: 0o755, owner: 1000)))
        tree.put("/usr/bin/ping", FileNode(content: .file([1]), metadata: .init(mode: 0o755)))
        tree.put("/usr/sbin/init", FileNode(content: .file([1]), metadata: .init(mode: 0o644)))
        #expect(
            try tree.findings() == [
                "/sbin/init, with which the system starts, is not executable",
                "/usr/bin/sudo belongs to user 1000, not to root",
            ])
    }

    @Test func aStartFileThatTheMemorySplitNeeds() throws {
        var tree = try Fixture()
        try tree.rewrite("/boot/firmware/config.txt", "auto_initramfs=1\n", "auto_initramfs=1\ngpu_mem=16\n")
        #expect(
            try tree.findings() == [
                "a Zero needs start_cd.elf, which is not there: gpu_mem=16 asks for it",
                "a Zero needs fixup_cd.dat, which is not there: gpu_mem=16 asks for it",
                "a Zero W needs start_cd.elf, which is not there: gpu_mem=16 asks for it",
                "a Zero W needs fixup_cd.dat, which is not there: gpu_mem=16 asks for it",
            ])
    }

    @Test func aPortThatIsNoDevice() throws {
        var tree = try Fixture()
        try tree.rewrite("/boot/firmware/config.txt", "peripheral", "host")
        #expect(
            try tree.findings() == [
                "config.txt does not make the Zero a USB device, so it never reaches its controller",
                "config.txt does not make the Zero 2 W a USB device, so it never reaches its controller",
            ])
    }

    // MARK: An initramfs of initramfs-tools

    /// What GNU cpio makes of files that 8086's initramfs has.
    private func initramfs(scriptMode: String, version: String = "6.1.21+") throws -> [UInt8] {
        let folder = try TemporaryFolder()
        let result = try Shell.run(
            "sh",
            [
                "-c",
                """
                cd \(folder.path) && mkdir -p scripts/nfs-top usr/lib/modules/\(version)/kernel && : > init
                echo 'echo 0x0021 > idProduct' > scripts/nfs-top/00_clusterctrl
                [ \(scriptMode) = none ] && rm scripts/nfs-top/00_clusterctrl || chmod \(scriptMode) scripts/nfs-top/*
                for name in dwc2 configfs libcomposite 8021q; do : > usr/lib/modules/\(version)/kernel/$name.ko; done
                find . | cpio -o -H newc --quiet | gzip > \(folder.path).gz
                """,
            ])
        #expect(result.status == 0)
        defer { try? FileManager.default.removeItem(atPath: folder.path + ".gz") }
        return [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder.path + ".gz")))
    }

    @Test func aScriptThatDoesNotRun() throws {
        #expect(try Fixture(initramfs: initramfs(scriptMode: "755")).findings() == [])
        #expect(
            try Fixture(initramfs: initramfs(scriptMode: "644")).findings() == [
                "initramfs has scripts/nfs-top/00_clusterctrl, but it is not executable, so it does not run"
            ])
        #expect(
            try Fixture(initramfs: initramfs(scriptMode: "none")).findings() == [
                "initramfs has no scripts/nfs-top/00_clusterctrl: it does not set up the USB device"
            ])
        #expect(try Fixture(initramfs: Array("no archive".utf8)).findings().count == 1)
    }

    @Test(arguments: ["vers=4", "proto=tcp", "nfsvers=4.2", "mountproto=tcp"])
    func optionsThatNfsmountRefuses(_ option: String) throws {
        var tree = try Fixture(initramfs: initramfs(scriptMode: "755"))
        try tree.rewrite("/boot/firmware/cmdline.txt", "/nfs/p3 ", "/nfs/p3,vers=3,tcp,nolock,rsize=32768 ")
        #expect(try tree.findings() == [])
        try tree.rewrite("/boot/firmware/cmdline.txt", ",tcp,", ",\(option),")
        #expect(
            try tree.findings() == [
                "nfsroot= in cmdline.txt has the option \(option), which the nfsmount of initramfs refuses"
            ])
        // Our own init gives them to the kernel, which knows them.
        var own = try Fixture()
        try own.rewrite("/boot/firmware/cmdline.txt", "/nfs/p3 ", "/nfs/p3,\(option) ")
        #expect(try own.findings() == [])
    }
}
