import Identity
import Inspect
import Plans
import Trees

@testable import Forge

/// Who the machine is, and what it has besides.
extension EffectTests {
    private static let identity: @Sendable (inout Settings) -> Void = { settings in
        guard
            let secret = try? IdentitySecret(
                fileText: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"),
            let slot = try? SlotIdentity(secret, cluster: "sg1", slot: "p3", generation: 1)
        else { return }
        settings.identity = .known(slot.hostKey, slot.machineID)
    }

    private static let address: @Sendable (inout Settings) -> Void = {
        $0.addressing.address = .init("172.19.181.3/24")
        $0.addressing.gateway = "172.19.181.254"
    }

    static let machineCases = [
        EffectCase(
            "no network at all", .roleNetwork, on: [.bookworm], saying: "networking.service is masked", with: { _ in }
        ) {
            $0.link("/etc/systemd/system/networking.service", to: "/dev/null")
        },
        EffectCase(
            "what sets the address is masked", .addressOverridden, on: [.bookworm],
            saying: "networking.service is masked (/etc/systemd/system/networking.service)", with: address
        ) {
            $0.link("/etc/systemd/system/networking.service", to: "/dev/null")
        },
        EffectCase(
            "dhcpcd is masked", .addressOverridden, on: [.buster, .bullseye],
            saying: "dhcpcd.service is masked (/etc/systemd/system/dhcpcd.service)", with: address
        ) {
            $0.link("/etc/systemd/system/dhcpcd.service", to: "/dev/null")
        },
        EffectCase("a host key that is not named", .identityOverridden, saying: "/etc/ssh/own:1", with: identity) {
            $0.file("/etc/default/ssh", "SSHD_OPTS=\"-f /etc/ssh/own\"\n")
            $0.file("/etc/ssh/own", "HostKey /etc/ssh/ssh_host_rsa_key\nUsePAM yes\n")
        },
        EffectCase(
            "a machine id of the kernel's line", .identityOverridden, on: [.buster, .bullseye, .bookworm],
            saying: "systemd.machine_id=", with: identity
        ) {
            _ in
        } change: {
            $0.kernelArguments.set = ["systemd.machine_id=0123456789abcdef0123456789abcdef"]
        },
        EffectCase(
            "another paragraph", .addressOverridden, saying: "/etc/network/interfaces.d/own:2", with: address
        ) {
            $0.file("/etc/network/interfaces.d/own", "auto usb0\niface usb0 inet dhcp\n")
        },
        EffectCase(
            "usb0 denied", .addressOverridden, on: [.buster, .bullseye], saying: "/etc/dhcpcd.conf:4", with: address
        ) {
            $0.file("/etc/dhcpcd.conf", $0.text("/etc/dhcpcd.conf") + "denyinterfaces usb*\n")
        },
        EffectCase("nsswitch of groups", .groupsUnread, saying: "/etc/nsswitch.conf:1") {
            $0.groups = ["sudo"]
        } defeat: {
            $0.file("/etc/nsswitch.conf", "group: sss\n")
        },
        EffectCase("swap of fstab", .swapOverridden, saying: "/etc/fstab:3 turns on /var/swap") {
            $0.swap = 0
        } defeat: {
            $0.file("/etc/fstab", $0.text("/etc/fstab") + "/var/swap none swap sw 0 0\n")
        },
        EffectCase("swap masked", .swapOverridden, saying: "systemd.mask=dphys-swapfile.service") {
            $0.swap = 256
        } change: {
            $0.kernelArguments.set = ["systemd.mask=dphys-swapfile.service"]
        },
        EffectCase("a keymap", .keyboardOverridden, on: [.bullseye, .bookworm], saying: "boot:/custom.toml") {
            $0.keyboard = .init(layout: "de")
        } change: {
            $0.files = [bootFile("/custom.toml", "[locale]\nkeymap = \"gb\"\n")]
        },
        EffectCase("nsswitch of a domain", .hostsUnread, saying: "/etc/nsswitch.conf:1") {
            $0.domain = "chappa.ai"
        } defeat: {
            $0.file("/etc/nsswitch.conf", "hosts: dns\n")
        },
    ]
}
