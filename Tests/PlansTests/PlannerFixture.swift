import Plans
import Trees

/// A ClusterCTRL image of a release and kind, or plain Raspberry Pi OS, as small as the planner can take it: every file
/// that it looks at, with the lines that the build of the real one leaves in it.
struct PlannerFixture: CustomTestStringConvertible {
    enum Release: String, CaseIterable {
        /// 2020-02: tools in /sbin, getty@ttyGS0, no otg_mode, dwc2 commented out.
        case earlyBuster
        /// 2021: user pi with a password, init_resize.sh.
        case buster
        /// 2023: userconf, firstboot, dhcpcd.
        case bullseye
        /// 2025-11: /boot/firmware, dhclient, NetworkManager, dwc2 active.
        case bookworm
        /// As 8086 might publish it: firstboot and init_resize.sh are gone, sysctl.conf too, cloud-init is there.
        case trixie

        /// Those that 8086 has published.
        static let allCases: [Release] = [.earlyBuster, .buster, .bullseye, .bookworm]

        var codename: String { self == .earlyBuster ? "buster" : rawValue }
        var isNew: Bool { self == .bookworm || self == .trixie }
        var hasUserconf: Bool { self == .bullseye || isNew }
        var bootMount: String { isNew ? "/boot/firmware" : "/boot" }
        var tools: String { self == .earlyBuster ? "/sbin" : "/usr/sbin" }
    }

    /// What the first boot would make of it, or that it has been.
    enum Kind: String, CaseIterable {
        case cbridge, cnat, p2
        /// Converted to p2 by 8086's script, resized, used.
        case bootedP2
        /// The same for cnat.
        case bootedCNAT
        /// Raspberry Pi OS as published, bookworm or trixie, with NetworkManager alone.
        case stock

        /// Those of 8086.
        static let allCases: [Kind] = [.cbridge, .cnat, .p2, .bootedP2, .bootedCNAT]
    }

    let release: Release
    let kind: Kind
    let boot = MemoryVolume()
    let root = MemoryVolume()

    var testDescription: String { "\(release.rawValue) \(kind.rawValue)" }

    static func all() throws -> [PlannerFixture] {
        try Release.allCases.flatMap { release in
            try Kind.allCases.map { try PlannerFixture(release, $0) }
        }
    }

    static let time: Int64 = 1_700_000_000
    static let commandLine =
        "console=serial0,115200 console=tty1 root=PARTUUID=738a4d67-02 rootfstype=ext4 fsck.repair=yes rootwait"

    init(_ release: Release = .bookworm, _ kind: Kind = .cbridge) throws {
        self.release = release
        self.kind = kind
        try addBoot()
        try addSystem()
        try addUnits()
        if kind == .stock { try addStock() } else { try addClusterCTRL() }
        try addUsers()
        try addNetwork()
        if release == .trixie { try addTrixie() }
        switch kind {
        case .cbridge, .cnat, .p2, .stock: break
        case .bootedP2: try convert(to: .node(2))
        case .bootedCNAT: try convert(to: .cnat)
        }
    }

    // MARK: Files

    func write(_ text: String, _ path: String, mode: UInt16 = 0o644, owner: UInt32 = 0, group: UInt32 = 0) throws {
        try write(Array(text.utf8), path, mode: mode, owner: owner, group: group)
    }

    /// Into the boot volume when the path begins with `boot:`.
    func write(
        _ bytes: [UInt8], _ path: String, mode: UInt16 = 0o644, owner: UInt32 = 0, group: UInt32 = 0
    ) throws {
        try put(
            FileNode(
                content: .file(bytes),
                metadata: .init(mode: mode, owner: owner, group: group, modified: Self.time)), path)
    }

    func link(_ text: String, _ path: String) throws {
        try put(FileNode(content: .symlink(text), metadata: .init(mode: 0o777, modified: Self.time)), path)
    }

    func folder(_ path: String, mode: UInt16 = 0o755, owner: UInt32 = 0) throws {
        try put(
            FileNode(content: .directory, metadata: .init(mode: mode, owner: owner, group: owner, modified: Self.time)),
            path)
    }

    func remove(_ path: String) throws {
        let (volume, place) = try locate(path)
        try volume.remove(place)
    }

    func text(_ path: String) throws -> String? {
        let (volume, place) = try locate(path)
        guard case .file(let bytes)? = try volume.node(at: place)?.content else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }

    func linkText(_ path: String) throws -> String? {
        let (volume, place) = try locate(path)
        guard case .symlink(let text)? = try volume.node(at: place)?.content else { return nil }
        return text
    }

    func node(_ path: String) throws -> FileNode? {
        let (volume, place) = try locate(path)
        return try volume.node(at: place)
    }

    private func put(_ node: FileNode, _ path: String) throws {
        let (volume, place) = try locate(path)
        for folder in place.ancestors where try volume.node(at: folder) == nil {
            try volume.put(
                FileNode(content: .directory, metadata: .init(mode: 0o755, modified: Self.time)), at: folder)
        }
        try volume.put(node, at: place)
    }

    private func locate(_ path: String) throws -> (MemoryVolume, VolumePath) {
        let isBoot = path.hasPrefix("boot:")
        guard let place = VolumePath(isBoot ? String(path.dropFirst(5)) : path) else {
            throw VolumeError.invalidName(path, reason: "no path")
        }
        return (isBoot ? boot : root, try isBoot ? place : root.resolve(place, followingLast: false))
    }
}

// MARK: - The parts of an image

extension PlannerFixture {
    private func addBoot() throws {
        let word = kind == .cnat ? "cnat" : kind == .p2 ? "p2" : "cbridge"
        let line = Self.commandLine + (release == .trixie ? " resize" : " quiet")
        let conversion = " init=\(release.tools)/reconfig-clusterctrl \(word)"
        let firstboot = release == .trixie ? "" : " init=/usr/lib/raspberrypi-sys-mods/firstboot"
        try write("\(line)\(kind == .stock ? firstboot : conversion)\n", "boot:/cmdline.txt")
        var config = """
            # For more options and information see
            # http://rpf.io/configtxt
            #dtparam=i2c_arm=on
            dtparam=audio=on

            [pi4]
            dtoverlay=vc4-fkms-v3d

            [cm5]
            dtoverlay=dwc2,dr_mode=host

            [all]

            """
        if kind == .stock { return try write(config, "boot:/config.txt") }
        config += "enable_uart=1\n"
        config += release.isNew ? "dtoverlay=dwc2,dr_mode=host\n" : "#dtoverlay=dwc2,dr_mode=peripheral\n"
        if release != .earlyBuster && release != .buster {
            config += "[pi4]\notg_mode=1 # Controller only\n[cm4]\notg_mode=0 # Unless CM4\n[all]\n"
        }
        try write(config, "boot:/config.txt")
    }

    private func addSystem() throws {
        try folder("/usr/bin")
        try folder("/usr/sbin")
        try folder("/usr/lib/systemd/system")
        if release == .earlyBuster {
            for path in ["/bin", "/sbin", "/lib/systemd/system"] { try folder(path) }
        } else {
            for name in ["bin", "sbin", "lib"] { try link("usr/\(name)", "/\(name)") }
        }
        let version = ["buster": "10", "bullseye": "11", "bookworm": "12", "trixie": "13"][release.codename] ?? ""
        try write("VERSION_ID=\"\(version)\"\nVERSION_CODENAME=\(release.codename)\n", "/usr/lib/os-release")
        try link("../usr/lib/os-release", "/etc/os-release")
        try write(
            "proc /proc proc defaults 0 0\nPARTUUID=738a4d67-01 \(release.bootMount) vfat defaults 0 2\n"
                + "PARTUUID=738a4d67-02 / ext4 defaults,noatime 0 1\n", "/etc/fstab")
        try folder(release.bootMount)
        let name = kind == .stock ? "raspberrypi" : "cbridge"
        try write("\(name)\n", "/etc/hostname")
        try write("127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost\n\n127.0.1.1\t\(name)\n", "/etc/hosts")
        try write("Debian GNU/Linux \\n \\l\n", "/etc/issue")
        if release != .trixie {
            try write("#net.ipv4.ip_forward=1\n#net.ipv4.ip_forward=1 # ClusterCTRL\n", "/etc/sysctl.conf")
        }
        try write(release == .trixie ? "uninitialized\n" : "", "/etc/machine-id")
        try write("Europe/London\n", "/etc/timezone")
        try link("/usr/share/zoneinfo/Europe/London", "/etc/localtime")
        for zone in ["Europe/London", "Europe/Zurich"] { try write("TZif2", "/usr/share/zoneinfo/\(zone)") }
        try write("LANG=en_GB.UTF-8\n", "/etc/default/locale")
        try write("# de_CH.UTF-8 UTF-8\nen_GB.UTF-8 UTF-8\n", "/etc/locale.gen")
        try write("....C.utf8\0en_GB.utf8\0...", "/usr/lib/locale/locale-archive")
        try write("MODULES=most\nCOMPRESS=zstd\n", "/etc/initramfs-tools/initramfs.conf")
        try write("# one a line\n", "/etc/initramfs-tools/modules")
        try write("XKBMODEL=\"pc105\"\nXKBLAYOUT=\"gb\"\nXKBVARIANT=\"\"\n", "/etc/default/keyboard")
    }

    private func addClusterCTRL() throws {
        for name in ["reconfig-clusterctrl", "clusterctrl"] {
            try write("#!/bin/sh\n", "\(release.tools)/\(name)", mode: 0o755)
        }
        let share = "/usr/share/clusterctrl"
        try write("# Defaults\nLINK=1\nFANGPIO=18\n", "\(share)/default-clusterctrl")
        for name in ["cnat", "cbridge"] { try write("# \(name)\nauto br0\n", "\(share)/interfaces.\(name)") }
        if release.isNew {
            for name in ["cnat", "cbridge", "p"] {
                try write("# \(name)\n", "\(share)/interfaces.bookworm.\(name)")
            }
        }
        if release != .earlyBuster {
            for name in ["c", "p"] { try write("ClusterCTRL \(name)\n", "\(share)/issue.\(name)") }
        }
        let units = "/lib/systemd/system"
        for name in ["init", "composite", "rpiboot"] {
            try write("[Install]\nWantedBy=multi-user.target\n", "\(units)/clusterctrl-\(name).service")
        }
        for name in ["clusterctrl-init.service", "clusterctrl-rpiboot.service"] {
            try link("\(units)/\(name)", "/etc/systemd/system/multi-user.target.wants/\(name)")
        }
    }

    private func addStock() throws {
        try write("Raspberry Pi reference\n", "/etc/rpi-issue")
        try write("#!/bin/sh\n", "/usr/bin/raspi-config", mode: 0o755)
        if release.isNew { try write("", "/usr/sbin/nft", mode: 0o755) }
        if release == .trixie {
            let unit = "/usr/lib/systemd/system/rpi-usb-gadget-ics.service"
            try write("[Install]\nWantedBy=multi-user.target\n", unit)
        }
    }

    private func addTrixie() throws {
        try write("", "/usr/bin/cloud-init", mode: 0o755)
        try write("users:\n  - default\n", "/etc/cloud/cloud.cfg")
        try write("datasource_list: [ NoCloud, None ]\n", "/etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg")
        try write("#cloud-config\n", "boot:/user-data")
        try write("instance_id: rpios-image\n", "boot:/meta-data")
        let units = "/usr/lib/systemd/system"
        for (name, target) in [("sshd-keygen", "ssh.service"), ("rpi-resize", "multi-user.target")] {
            try write(
                "[Unit]\nConditionFirstBoot=yes\n\n[Install]\nWantedBy=\(target)\n", "\(units)/\(name).service")
            try link("\(units)/\(name).service", "/etc/systemd/system/\(target).wants/\(name).service")
        }
        try remove("/etc/rc3.d/S01resize2fs_once")
        try remove("/etc/init.d/resize2fs_once")
    }

    private func addUnits() throws {
        let units = "/lib/systemd/system"
        for name in ["serial-getty@.service", "getty@.service"] {
            try write("[Install]\nWantedBy=getty.target\n", "\(units)/\(name)")
        }
        try write("[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n", "\(units)/ssh.service")
        try write("[Install]\nWantedBy=multi-user.target\n", "\(units)/sshswitch.service")
        try write("[Unit]\nDescription=static\n", "\(units)/static.service")
        try link("\(units)/sshswitch.service", "/etc/systemd/system/multi-user.target.wants/sshswitch.service")
        try write("#!/bin/sh\n", "/etc/init.d/resize2fs_once", mode: 0o755)
        try link("../init.d/resize2fs_once", "/etc/rc3.d/S01resize2fs_once")
        switch release {
        case .earlyBuster, .buster: try write("#!/bin/sh\n", "/usr/lib/raspi-config/init_resize.sh", mode: 0o755)
        case .bullseye, .bookworm:
            try write("#!/bin/sh\n", "/usr/lib/raspberrypi-sys-mods/firstboot", mode: 0o755)
        case .trixie: break
        }
    }

    private func addUsers() throws {
        try write(
            "root:x:0:0:root:/root:/bin/bash\npi:x:1000:1000:,,,:/home/pi:/bin/bash\n", "/etc/passwd")
        let hash = release.hasUserconf ? "!" : "$6$salt$old"
        try write(
            "root:*:18000:0:99999:7:::\npi:\(hash):18000:0:99999:7:::\n", "/etc/shadow", mode: 0o640, group: 42)
        try folder("/home/pi", owner: 1000)
        let include = release.hasUserconf ? "Include /etc/ssh/sshd_config.d/*.conf\n\n" : ""
        try write(
            "\(include)#PasswordAuthentication yes\nChallengeResponseAuthentication no\nUsePAM yes\n",
            "/etc/ssh/sshd_config")
        if release.hasUserconf {
            try folder("/etc/ssh/sshd_config.d")
            try write("Banner /usr/share/userconf-pi/sshd_banner\n", "/etc/ssh/sshd_config.d/rename_user.conf")
            try write("[Install]\nWantedBy=multi-user.target\n", "/lib/systemd/system/userconfig.service")
            try link(
                "/lib/systemd/system/userconfig.service",
                "/etc/systemd/system/multi-user.target.wants/userconfig.service")
        }
    }

    private func addNetwork() throws {
        if kind != .stock {
            try write("", "/usr/sbin/ifup", mode: 0o755)
            try folder("/etc/network/interfaces.d")
        }
        try write("", "\(release == .earlyBuster ? "/sbin" : "/usr/sbin")/wpa_supplicant", mode: 0o755)
        try write("1\n", "/var/lib/systemd/rfkill/platform-3f300000.mmcnr:wlan")
        if release.isNew {
            try write("", "/usr/sbin/mount.nfs", mode: 0o755)
            try write("", "/usr/sbin/NetworkManager", mode: 0o755)
            try folder("/etc/NetworkManager/system-connections", mode: 0o700)
            try write(
                "[main]\nNetworkingEnabled=true\nWirelessEnabled=false\n",
                "/var/lib/NetworkManager/NetworkManager.state")
            if kind == .stock { return }
            try write(
                """
                timeout 10;
                # START ClusterCTRL config
                lease {
                  interface "usb0";
                  fixed-address 172.19.181.253; # ClusterCTRL Px
                }
                lease {
                  interface "br0";
                  fixed-address 172.19.181.254;
                }
                # END ClusterCTRL config

                """, "/etc/dhcp/dhclient.conf")
        } else {
            try write(
                "ctrl_interface=DIR=/var/run/wpa_supplicant GROUP=netdev\n", "/etc/wpa_supplicant/wpa_supplicant.conf")
            try write(
                """
                hostname
                # ClusterCTRL
                denyinterfaces ethpi* ethupi* ethupi*.10 brint eth0 usb0.10

                profile clusterctrl_fallback_usb0
                static ip_address=172.19.181.253/24 #ClusterCTRL
                static routers=172.19.181.254

                profile clusterctrl_fallback_br0
                static ip_address=172.19.181.254/24

                """, "/etc/dhcpcd.conf")
        }
    }

    /// What 8086's script of the time and the boots after it leave.
    private func convert(to slot: Slot) throws {
        try write("\(Self.commandLine)\n", "boot:/cmdline.txt")
        try write("uuid\n", "/etc/machine-id")
        try write("\(slot)\n", "/etc/hostname")
        try write("127.0.0.1\tlocalhost\n127.0.1.1\t\(slot)\n", "/etc/hosts")
        let type = slot.isController ? "TYPE=cnat\n" : "TYPE=node\nID=2\n"
        try write("# Defaults\nLINK=1\nFANGPIO=12\n\(type)", "/etc/default/clusterctrl")
        let wants = "/etc/systemd/system/multi-user.target.wants"
        if slot.isController {
            if release != .trixie {
                try write("#net.ipv4.ip_forward=1\nnet.ipv4.ip_forward=1 # ClusterCTRL\n", "/etc/sysctl.conf")
            }
        } else {
            try remove("\(wants)/clusterctrl-init.service")
            try link("/lib/systemd/system/clusterctrl-composite.service", "\(wants)/clusterctrl-composite.service")
            let getty = release == .earlyBuster || release == .buster ? "getty" : "serial-getty"
            try link(
                "/lib/systemd/system/\(getty)@.service",
                "/etc/systemd/system/getty.target.wants/\(getty)@ttyGS0.service")
            for path in ["/etc/dhcpcd.conf", "/etc/dhcp/dhclient.conf"] {
                guard let text = try text(path) else { continue }
                try write(text.split(separator: "181.253").joined(separator: "181.2"), path)
            }
            if let text = try text("boot:/config.txt") {
                let active = text.split(separator: "\n", omittingEmptySubsequences: false).map {
                    $0.hasPrefix("#dtoverlay=dwc2") ? String($0.dropFirst()) : String($0)
                }
                try write(active.joined(separator: "\n"), "boot:/config.txt")
            }
        }
        let interfaces = "/etc/network/interfaces.d/clusterctrl"
        if release.isNew {
            try write(slot.isController ? "# cnat\n" : "# p\n", interfaces)
        } else if slot.isController {
            try write("# cnat\nauto br0\n", interfaces)
        }
        if release.hasUserconf { try remove("\(wants)/userconfig.service") }
    }
}

// MARK: - Planning and applying

import Testing

extension PlannerFixture {
    func facts(_ settings: Settings = Settings()) throws(PlanError) -> ImageFacts {
        try ImageFacts.read(boot: boot, root: root, for: settings)
    }

    func plan(
        _ slot: Slot, _ settings: Settings = Settings(), medium: Planner.Medium = .card
    ) throws(PlanError) -> EditPlan {
        try Planner.plan(
            slot: slot, settings: settings, facts: facts(settings), modified: 1_800_000_000, medium: medium)
    }

    /// Plans and applies; the plan is returned.
    @discardableResult
    func build(_ slot: Slot, _ settings: Settings = Settings(), medium: Planner.Medium = .card) throws -> EditPlan {
        let plan = try plan(slot, settings, medium: medium)
        for change in try plan.changes(boot: boot, root: root) {
            let volume = change.edit.target.partition == .boot ? boot : root
            if let node = change.wanted {
                try volume.put(node, at: change.edit.target.path)
            } else {
                try volume.remove(change.edit.target.path)
            }
        }
        return plan
    }
}
