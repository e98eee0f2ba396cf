import Blocks
import Inspect
import Plans
import Trees

@testable import Forge

/// `InspectionFixture` for each release, unconverted, with what a build needs; a build on it is planned, applied and judged
/// in memory.
struct EffectFixture {
    var image: InspectionFixture
    let release: ImageFacts.Release

    init(_ release: ImageFacts.Release) {
        self.release = release
        image = InspectionFixture()
        let version = [ImageFacts.Release.buster: 10, .bullseye: 11, .bookworm: 12, .trixie: 13][release] ?? 0
        image.file("/etc/os-release", "VERSION_CODENAME=\(release.rawValue)\nVERSION_ID=\"\(version)\"\n")
        for name in ["start_cd.elf", "fixup_cd.dat"] { image.onBoot(VolumePath(stringLiteral: "/" + name), "") }
        image.file("/etc/dphys-swapfile", "CONF_SWAPSIZE=100\n")
        image.file(
            "/usr/lib/systemd/system/dphys-swapfile.service", "[Install]\nWantedBy=multi-user.target\n")
        image.file(
            "/var/lib/dpkg/status",
            "Package: dpkg\nStatus: install ok installed\nArchitecture: armhf\nVersion: 1.21.22\n")
        image.file("/bin/bash", "", mode: 0o755)
        image.file("/bin/sh", "", mode: 0o755)
        let share = "/usr/share/clusterctrl"
        for name in ["default-clusterctrl", "interfaces.cnat", "interfaces.cbridge"] {
            image.file(VolumePath(stringLiteral: "\(share)/\(name)"), "LINK=1\n")
        }
        image.file("/usr/share/clusterctrl/interfaces.bookworm.p", "auto usb0\niface usb0 inet dhcp\n")
        image.file("/usr/share/zoneinfo/Europe/Berlin", "TZif2")
        image.file(
            "/etc/ssh/sshd_config",
            release == .buster ? "UsePAM yes\n" : "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n")
        image.file("/home/pi/.ssh/authorized_keys", "", mode: 0o600, owner: 1000, group: 1000)
        image.remove("/etc/systemd/system/multi-user.target.wants/ssh.service")
        image.file("/usr/lib/systemd/system/docker.service", "[Install]\nWantedBy=multi-user.target\n")
        for path in ["/usr/sbin/dockerd", "/usr/bin/docker", "/usr/bin/ssh"] {
            image.file(VolumePath(stringLiteral: path), "", mode: 0o755)
        }
        image.file("/usr/lib/systemd/system/ssh.service", "[Install]\nWantedBy=multi-user.target\nAlias=sshd.service\n")
        image.file("/usr/sbin/wpa_supplicant", "", mode: 0o755)
        image.link("/etc/systemd/system/default.target", to: "/usr/lib/systemd/system/multi-user.target")
        if release >= .bookworm {
            image.file("/usr/sbin/NetworkManager", "", mode: 0o755)
        } else {
            makeOlder()
        }
        if release != .buster {
            image.enable("userconfig.service")
            image.file("/usr/lib/systemd/system/getty@.service", "[Install]\nWantedBy=getty.target\n")
        }
        image.makePending()
        if release == .buster { image.remove("/usr/lib/raspberrypi-sys-mods/firstboot") }
    }

    /// What dhcpcd and /boot were before bookworm.
    private mutating func makeOlder() {
        image.file(
            "/etc/fstab", "PARTUUID=5d1f0a2c-01 /boot vfat defaults 0 2\nPARTUUID=5d1f0a2c-02 / ext4 defaults 0 1\n")
        for path: VolumePath in [
            "/boot/firmware", "/boot/cmdline.txt", "/etc/dhcp/dhclient.conf", "/etc/network/interfaces.d/clusterctrl",
        ] {
            image.remove(path)
        }
        image.file("/usr/sbin/dhcpcd", "", mode: 0o755)
        image.file(
            "/etc/dhcpcd.conf",
            "denyinterfaces ethpi* eth0 usb0.10\nprofile clusterctrl_fallback_usb0\n"
                + "static ip_address=172.19.181.253/24 #ClusterCTRL\n")
        image.file("/etc/wpa_supplicant/wpa_supplicant.conf", "update_config=1\n", mode: 0o600)
    }

    /// Plans and applies a slot with the settings.
    func built(_ settings: Settings, as slot: Slot = .node(3)) throws -> (
        boot: MemoryVolume, root: MemoryVolume, warnings: [String]
    ) {
        let (boot, root) = (MemoryVolume(image.boot), MemoryVolume(image.root))
        let facts = try ImageFacts.read(boot: boot, root: root, for: settings, diskID: 0x5d1f_0a2c)
        let plan = try Planner.plan(slot: slot, settings: settings, facts: facts, modified: 1_800_000_000)
        for change in try plan.changes(boot: boot, root: root) {
            let volume = change.edit.target.partition == .boot ? boot : root
            if let node = change.wanted {
                try volume.put(node, at: change.edit.target.path)
            } else {
                try volume.remove(change.edit.target.path)
            }
        }
        let again = try Planner.plan(
            slot: slot, settings: settings,
            facts: ImageFacts.read(boot: boot, root: root, for: settings, diskID: 0x5d1f_0a2c), modified: 1_800_000_000)
        let rest = try again.changes(boot: boot, root: root).map(\.edit.target.description)
        if !rest.isEmpty { throw Unsettled(paths: rest) }
        return (boot, root, plan.warnings)
    }

    struct Unsettled: Error, Equatable {
        var paths: [String]
    }

    /// What the judge says of that, and what the planner warned of.
    func judge(
        _ settings: Settings, as slot: Slot = .node(3)
    ) throws -> (findings: [Inspection.Finding], warnings: [String]) {
        let (boot, root, warnings) = try built(settings, as: slot)
        let subject = EffectJudge.Subject(
            boot: boot, root: root, table: InspectionFixture.table, bootPartition: InspectionFixture.bootPartition,
            rootPartition: InspectionFixture.rootPartition,
            rootNames: .init(uuid: "6d2f7a10-3b5c-4c1d-9e8f-0a1b2c3d4e51", label: "rootfs"), freeByteCount: 100_000_000)
        return (
            try EffectJudge.findings(in: subject, of: slot, with: settings, at: 1_800_000_000), warnings
        )
    }
}
