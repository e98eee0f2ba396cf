@testable import Forge
@testable import Inspect
import Testing
import Trees

struct InspectionFirstBootTests {
    private func steps(_ change: (inout InspectionFixture) -> Void) throws -> [String] {
        var fixture = InspectionFixture()
        fixture.remove("/etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service")
        fixture.file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        change(&fixture)
        return try fixture.inspect().firstBoot.map { "\($0.boot) \($0.what)" }
    }

    private static let line = InspectionFixture.commandLine

    @Test func aFinishedCardHasNothingToDo() throws {
        #expect(try steps { _ in } == [])
    }

    @Test func aConversionIsFollowedByFirstboot() throws {
        let steps = try steps {
            $0.makePending()
            $0.onBoot(
                "/custom.toml", "[system]\nhostname = \"oneil\"\n[ssh]\nenabled = true # yes\n[wlan]\npassword = 'x'\n")
        }
        #expect(
            steps == [
                "1 reconfig-clusterctrl converts the card to p3 and restarts",
                "2 the initramfs grows the root partition; firstboot makes new SSH host keys, a new disk id, "
                    + "applies custom.toml (host name oneil, opens ssh) and restarts",
                "3 systemd makes a machine id",
            ])
    }

    @Test func aSecondConversionIsNotFollowedByFirstboot() throws {
        let steps = try steps {
            $0.makePending("cnat")
            $0.file("/etc/default/clusterctrl", "TYPE=c\n")
        }
        #expect(
            steps == ["1 reconfig-clusterctrl converts the card to cnat and restarts", "2 systemd makes a machine id"])
    }

    @Test func aConversionWithoutTypeNeverEnds() throws {
        let steps = try steps { $0.makePending("p253") }
        #expect(steps == ["1 reconfig-clusterctrl finds no valid type, changes nothing and restarts, again and again"])
    }

    @Test func busterGrowsByItsOwnScript() throws {
        let steps = try steps {
            $0.onBoot("/cmdline.txt", Self.line + " init=/usr/lib/raspi-config/init_resize.sh\n")
            $0.file("/etc/os-release", "VERSION_CODENAME=buster\n")
            $0.file("/etc/init.d/resize2fs_once", "", mode: 0o755)
            $0.link("/etc/rc3.d/S01resize2fs_once", to: "../init.d/resize2fs_once")
        }
        #expect(
            steps == [
                "1 init_resize.sh grows the root partition, makes a new disk id and restarts",
                "2 resize2fs_once grows the root file system",
            ])
    }

    @Test func trixieGrowsInTwoSteps() throws {
        let steps = try steps {
            $0.onBoot("/cmdline.txt", Self.line + " resize\n")
            $0.file("/etc/machine-id", "uninitialized\n")
        }
        #expect(
            steps == [
                "1 the initramfs grows the root partition and makes a new disk id",
                "1 rpi-resize grows the root file system",
                "1 systemd makes a machine id and counts this as the first boot",
            ])
    }

    @Test func trixieDoesNotGrowWithAMachineID() throws {
        var fixture = InspectionFixture()
        fixture.onBoot("/cmdline.txt", Self.line + " resize\n")
        let inspection = try fixture.inspect()
        #expect(
            inspection.findings.map(\.what) == [
                "the root partition will grow at the first boot, but not its file system: /etc/machine-id says that this "
                    + "is not the first boot"
            ])
    }

    /// Debian's unit makes keys at a first start alone (sshd-keygen.service).
    @Test(arguments: [("uninitialized\n", true), ("", false), ("0123456789abcdef0123456789abcdef\n", false)])
    func trixieMakesHostKeysOnce(id: String, makesKeys: Bool) throws {
        var fixture = InspectionFixture()
        fixture.remove("/etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service")
        fixture.enable("sshd-keygen.service", in: "ssh.service.wants")
        fixture.file("/usr/lib/systemd/system/sshd-keygen.service", "[Unit]\nConditionFirstBoot=yes\n")
        fixture.file("/etc/machine-id", id)
        let inspection = try fixture.inspect()
        #expect(inspection.ssh.makesHostKeys == makesKeys)
        #expect(inspection.firstBoot.contains { $0.what == "sshd-keygen makes new SSH host keys" } == makesKeys)
        #expect(inspection.findings.contains { $0.id == .sshNoHostKeys } == !makesKeys)
        fixture.onBoot("/cmdline.txt", Self.line + " systemd.condition_first_boot=1\n")
        #expect(try fixture.inspect().ssh.makesHostKeys)
    }

    /// cloud-init without a word of the user's is not idle (cloud-init, distros/__init__.py).
    @Test func cloudInitLocksItsUser() throws {
        // Debian's own; a later file wins.
        let config = "users:\n  - default\nsystem_info:\n  default_user:\n    name: debian\n"
        let ours = "datasource_list: [ NoCloud, None ]\nsystem_info:\n  default_user:\n    name: pi\n"
        let steps = try steps {
            $0.file("/usr/bin/cloud-init", "", mode: 0o755)
            $0.file("/etc/cloud/cloud.cfg", config)
            $0.file("/etc/cloud/cloud.cfg.d/99_raspberry-pi.cfg", ours)
        }
        #expect(
            steps == [
                "1 cloud-init applies what the boot partition's user-data says",
                "1 cloud-init locks the password of pi, makes that user if it is missing, and lets it sudo",
            ])
        let tamed = try self.steps {
            $0.file("/usr/bin/cloud-init", "", mode: 0o755)
            $0.file("/etc/cloud/cloud.cfg", config)
            $0.file("/etc/cloud/cloud.cfg.d/99_zz-piforge.cfg", "users: []\npreserve_hostname: true\n")
            $0.onBoot("/user-data", "#cloud-config\nhostname: oneil\n")
        }
        #expect(tamed == ["1 cloud-init applies what the boot partition's user-data says"])
        let off = try self.steps {
            $0.file("/usr/bin/cloud-init", "", mode: 0o755)
            $0.onBoot("/cmdline.txt", Self.line + " cloud-init=disabled\n")
            $0.onBoot("/user-data", "#cloud-config\n")
        }
        #expect(off == [])
    }

    @Test func busterIsOld() throws {
        var fixture = InspectionFixture()
        #expect(try !fixture.inspect().findings.contains { $0.id == .endOfLife })
        fixture.file("/etc/os-release", "VERSION_CODENAME=buster\n")
        #expect(try fixture.inspect().findings.contains { $0.id == .endOfLife && $0.severity == .note })
    }

    @Test func imagersScriptRestarts() throws {
        let steps = try steps {
            $0.onBoot("/cmdline.txt", Self.line + " systemd.run=/boot/firstrun.sh systemd.run_success_action=reboot\n")
            $0.onBoot("/firstrun.sh", "")
            $0.onBoot("/ssh", "")
        }
        #expect(
            steps == [
                "1 firstrun.sh runs in place of the ordinary start, then the machine restarts",
                "2 sshswitch opens ssh, because the marker is there",
            ])
    }

    @Test(
        arguments: [
            ("sam:$6$salt$hash\n", "1 userconf.txt renames pi to sam and sets the password"),
            ("pi:$6$salt$hash\r\n", "1 userconf.txt sets the password of pi"),
            ("pi:\n", "1 userconf.txt is refused, and a wizard on the console asks for a user"),
            (nil, "1 a wizard on the console asks for a user name and a password"),
        ] as [(String?, String)]) func theWizardTakesAUser(text: String?, expected: String) throws
    {
        let steps = try steps {
            $0.onBoot("/userconf.txt", text)
            $0.enable("userconfig.service")
        }
        #expect(steps == [expected])
    }

    @Test func cloudInitNamesTheHost() throws {
        let steps = try steps {
            $0.file("/usr/bin/cloud-init", "", mode: 0o755)
            $0.onBoot("/user-data", "#cloud-config\nhostname: \"oneil\"\n")
        }
        #expect(steps == ["1 cloud-init applies what the boot partition's user-data says (host name oneil)"])
    }

    @Test func aDisabledCloudInitDoesNothing() throws {
        let steps = try steps {
            $0.file("/usr/bin/cloud-init", "", mode: 0o755)
            $0.file("/etc/cloud/cloud-init.disabled", "")
            $0.onBoot("/user-data", "#cloud-config\nhostname: \"oneil\"\n")
        }
        #expect(steps == [])
    }
}

struct InspectionSSHTests {
    private func state(_ change: (inout InspectionFixture) -> Void) throws -> Inspection.SSH.State {
        var fixture = InspectionFixture()
        change(&fixture)
        return try fixture.inspect().ssh.state
    }

    private static let link: VolumePath = "/etc/systemd/system/multi-user.target.wants/ssh.service"

    @Test func tellsStates() throws {
        #expect(try state { _ in } == .enabled)
        #expect(try state { $0.remove(Self.link) } == .closed)
        #expect(try state { $0.remove("/usr/sbin/sshd") } == .notInstalled)
        #expect(try state { $0.link("/etc/systemd/system/ssh.service", to: "/dev/null") } == .masked)
        #expect(try state { $0.hasRoot = false } == .unknown)
    }

    @Test(arguments: ["/ssh", "/ssh.txt"] as [VolumePath]) func theMarkerOpens(marker: VolumePath) throws {
        #expect(
            try state {
                $0.remove(Self.link)
                $0.onBoot(marker, "")
            } == .atFirstBoot)
    }

    @Test func theMarkerNeedsItsUnit() throws {
        var fixture = InspectionFixture()
        fixture.remove(Self.link)
        fixture.remove("/etc/systemd/system/multi-user.target.wants/sshswitch.service")
        fixture.onBoot("/ssh", "")
        let inspection = try fixture.inspect()
        #expect(inspection.ssh.state == .closed)
        #expect(
            inspection.findings.map(\.what) == [
                "the boot partition has the ssh marker, but sshswitch.service, which looks for it, is not enabled"
            ])
    }

    @Test func customTOMLOpens() throws {
        #expect(
            try state {
                $0.makePending()
                $0.remove(Self.link)
                $0.onBoot("/custom.toml", "[ssh]\nenabled = true\n")
            } == .atFirstBoot)
    }

    @Test func tellsHostKeys() throws {
        var fixture = InspectionFixture()
        fixture.file("/etc/ssh/ssh_host_ed25519_key", "secret", mode: 0o600)
        fixture.file("/etc/ssh/ssh_host_ed25519_key.pub", InspectionFixture.key + "\n")
        fixture.file("/etc/ssh/ssh_host_rsa_key.pub", InspectionFixture.key + "\n")
        let keys = try fixture.inspect().ssh.hostKeys
        #expect(keys.map(\.file) == ["/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key"])
        #expect(keys.map(\.key?.fingerprint) == [InspectionFixture.fingerprint, InspectionFixture.fingerprint])
        #expect(keys.map(\.hasPrivateHalf) == [true, false])
    }
}
