import Inspect
import Plans
import Trees

@testable import Forge

/// Whether the server starts, and whom the first boot makes.
extension EffectTests {
    private static let open: @Sendable (inout Settings) -> Void = { $0.ssh = true }

    static let serverCases = [
        EffectCase(
            "masked by the profile", .sshMasked, saying: "/etc/systemd/system/ssh.service", with: open,
            change: {
                $0.units.mask = ["ssh.service"]
            }),
        EffectCase(
            "masked by the kernel's line", .sshMasked, saying: "systemd.mask=ssh on the kernel's line", with: open
        ) {
            _ in
        } change: {
            $0.kernelArguments.set = ["systemd.mask=ssh"]
        },
        EffectCase("a rescue system", .sshNotStarted, saying: "`single` on the kernel's line", with: open) { _ in
        } change: {
            $0.kernelArguments.set = ["systemd.unit=multi-user.target", "single"]
        },
        EffectCase(
            "the default target", .sshNotStarted, saying: "/etc/systemd/system/default.target", with: open
        ) {
            $0.link("/etc/systemd/system/default.target", to: "/lib/systemd/system/rescue.target")
        },
        EffectCase("boot not mounted", .sshNotStarted, saying: "/etc/fstab", with: open) {
            $0.file("/etc/fstab", "PARTUUID=5d1f0a2c-02 / ext4 defaults 0 1\n")
        },
        EffectCase("not to be run", .sshSwitchedOff, saying: "sshd_not_to_be_run", with: open) {
            $0.file("/etc/ssh/sshd_not_to_be_run", "")
        },
        EffectCase(
            "unknown option", .sshdRefusesConfiguration, saying: "Colour", with: open, defeat: sshd("Colour red")),
        EffectCase(
            "an option of later versions", .sshdRefusesConfiguration, on: [.buster, .bullseye],
            saying: "RequiredRSASize", with: open, defeat: sshd("RequiredRSASize 2048")),
        EffectCase(
            "an unknown cipher", .sshdRefusesConfiguration, saying: "knows no aes512-ctr", with: open,
            defeat: sshd("Ciphers aes256-ctr,aes512-ctr")),
        EffectCase(
            "a key exchange of later versions", .sshdRefusesConfiguration, on: [.buster, .bullseye],
            saying: "sntrup761x25519-sha512@openssh.com", with: open,
            defeat: sshd("KexAlgorithms curve25519-sha256,sntrup761x25519-sha512@openssh.com")),
        EffectCase(
            "a subsystem twice", .sshdRefusesConfiguration, on: [.buster, .bullseye, .bookworm],
            saying: "the subsystem sftp is there twice", with: open,
            defeat: sshd("Subsystem sftp /usr/lib/openssh/sftp-server\nSubsystem sftp internal-sftp")),
        EffectCase(
            "no host key where sshd looks", .sshNoHostKeys, saying: "hostkey /etc/ssh/own_key", with: open,
            defeat: sshd("HostKey /etc/ssh/own_key")),
        EffectCase(
            "loopback", .sshLoopbackOnly, saying: "listenaddress 127.0.0.1", with: open,
            defeat: sshd("ListenAddress 127.0.0.1")),
        EffectCase("hosts.deny", .sshHostsDeny, saying: "/etc/hosts.deny:2", with: open) {
            $0.file("/etc/hosts.deny", "# who may not\nALL: ALL\n")
        },
        EffectCase("no host keys", .sshNoHostKeys, on: [.buster], saying: "no host keys", with: open) {
            $0.remove("/etc/systemd/system/multi-user.target.wants/regenerate_ssh_host_keys.service")
        },
        EffectCase("enabled by the profile", .sshStillOpen, saying: "multi-user.target.wants/ssh.service") {
            $0.ssh = false
        } change: {
            $0.units.enable = ["ssh.service"]
        },
        EffectCase("keys without ssh", .sshClosed, saying: "nothing opens ssh") {
            $0.authorizedKeys = [key]
            $0.ssh = true
        } change: {
            $0.ssh = nil
        },
        EffectCase("userconf of the profile", .userRenamed, on: [.bullseye, .bookworm], saying: "rename pi to bob") {
            $0.user = "pi"
            $0.authorizedKeys = [key]
        } change: {
            $0.files = [bootFile("/userconf.txt", "bob:\(hash)\n")]
        },
        EffectCase("custom.toml of the profile", .userRenamed, on: [.bullseye, .bookworm], saying: "to bob") {
            $0.user = "pi"
            $0.authorizedKeys = [key]
        } change: {
            $0.files = [bootFile("/custom.toml", "config_version = 1\n[user]\nname = \"bob\"\n")]
        },
    ]

    static func bootFile(_ path: VolumePath, _ text: String) -> Settings.FileCopy {
        .init(
            target: Target(.boot, path), content: .file(Array(text.utf8)), mode: 0o644, owner: 0, group: 0,
            isSecret: false)
    }

    static func file(
        _ path: VolumePath, _ text: String = "", mode: UInt16 = 0o644, owner: UInt32 = 0
    ) -> Settings.FileCopy {
        .init(
            target: Target(.root, path), content: .file(Array(text.utf8)), mode: mode, owner: owner, group: 0,
            isSecret: false)
    }
}
