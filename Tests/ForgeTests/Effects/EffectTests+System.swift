import Inspect
import Plans
import Trees

@testable import Forge

/// Names, languages, units and files.
extension EffectTests {
    static let systemCases = [
        EffectCase("custom.toml", .hostnameOverridden, on: [.bullseye, .bookworm], saying: "boot:/custom.toml") {
            $0.hostname = "oneil"
        } change: {
            $0.files = [bootFile("/custom.toml", "[system]\nhostname = \"jack\"\n")]
        },
        EffectCase("systemd.hostname", .hostnameOverridden, saying: "systemd.hostname= on the kernel's line sets jack")
        {
            $0.hostname = "oneil"
        } change: {
            $0.kernelArguments.set = ["systemd.hostname=jack"]
        },
        EffectCase("firstrun.sh", .hostnameOverridden, saying: "boot:/firstrun.sh sets jack") {
            $0.hostname = "oneil"
        } change: {
            $0.files = [
                bootFile("/firstrun.sh", "#!/bin/bash\n/usr/lib/raspberrypi-sys-mods/imager_custom set_hostname jack\n")
            ]
            $0.kernelArguments.set = ["systemd.run=/boot/firstrun.sh"]
        },
        EffectCase("cloud-init", .hostnameOverridden, saying: "boot:/user-data") {
            $0.hostname = "oneil"
        } defeat: {
            $0.file("/usr/bin/cloud-init", "", mode: 0o755)
        } change: {
            $0.files = [bootFile("/user-data", "#cloud-config\npreserve_hostname: false\nhostname: jack\n")]
        },
        EffectCase("nsswitch", .hostsUnread, saying: "/etc/nsswitch.conf:2") {
            $0.hosts = [.init(address: "10.0.0.1", names: ["nas"])]
        } defeat: {
            $0.file("/etc/nsswitch.conf", "passwd: files\nhosts: dns\n")
        },
        EffectCase("LC_ALL", .localeOverridden, saying: "/etc/environment:1 sets C") {
            $0.locale = "en_GB.UTF-8"
        } defeat: {
            $0.file("/etc/environment", "LC_ALL=C\n")
        },
        EffectCase("TZ", .timeZoneOverridden, saying: "/etc/profile.d/tz.sh:1 sets UTC") {
            $0.timeZone = "Europe/Berlin"
        } defeat: {
            $0.file("/etc/profile.d/tz.sh", "export TZ=UTC\n")
        },
        EffectCase("systemd.mask", .unitNotStarted, saying: "systemd.mask=docker.service") {
            $0.units.enable = ["docker.service"]
        } change: {
            $0.kernelArguments.set = ["systemd.mask=docker.service"]
        },
        EffectCase("another target", .unitNotStarted, saying: "graphical.target starts it") {
            $0.units.enable = ["docker.service"]
        } defeat: {
            $0.file("/usr/lib/systemd/system/docker.service", "[Install]\nWantedBy=graphical.target\n")
        },
        EffectCase("wanted by the vendor", .unitStillStarted, saying: "/usr/lib/systemd/system/sysinit.target.wants") {
            $0.units.disable = ["docker.service"]
        } defeat: {
            $0.link("/usr/lib/systemd/system/sysinit.target.wants/docker.service", to: "../docker.service")
        },
        EffectCase("an init script", .unitStillStarted, saying: "/etc/rc3.d/S01resize2fs_once") {
            $0.units.disable = ["resize2fs_once.service"]
        } defeat: {
            $0.file("/etc/init.d/resize2fs_once", "", mode: 0o755)
            $0.link("/etc/rc3.d/S01resize2fs_once", to: "../init.d/resize2fs_once")
        },
        EffectCase("a timer", .unitTrigger, saying: "docker.timer still starts docker.service") {
            $0.units.disable = ["docker.service"]
        } defeat: {
            $0.enable("docker.timer", in: "timers.target.wants")
        },
        EffectCase("a mount", .fileHidden, saying: "/etc/fstab:3 mounts something over /var/log") {
            $0.files = [file("/var/log/mine", "x")]
        } defeat: {
            $0.file("/etc/fstab", $0.text("/etc/fstab") + "tmpfs /var/log tmpfs defaults 0 0\n")
        },
        EffectCase("/tmp", .fileHidden, saying: "emptied at every boot") {
            $0.files = [file("/var/tmp/mine", "x")]
        } change: {
            $0.files = [file("/tmp/mine", "x")]
        },
        EffectCase("host keys", .fileReplaced, saying: "new host keys") {
            $0.files = [file("/etc/motd", "x")]
        } change: {
            $0.files = [file("/etc/ssh/ssh_host_ed25519_key", "x", mode: 0o600)]
        },
        EffectCase("sudoers.d", .fileIgnored, saying: "sudo skips names with a dot") {
            $0.files = [file("/etc/sudoers.d/mine", "x", mode: 0o440)]
        } change: {
            $0.files = [file("/etc/sudoers.d/mine.conf", "x", mode: 0o440)]
        },
    ]
}
