import Inspect
import Plans
import Trees

@testable import Forge

/// Who joins the network.
extension EffectTests {
    private static let home: @Sendable (inout Settings) -> Void = {
        $0.wifi = .init(ssid: "Home", psk: "password1", hidden: false, country: "GB")
    }

    static let wifiCases = [
        EffectCase(
            "the supplicant is masked", .wifiUnmanaged, on: [.bookworm], saying: "wpa_supplicant.service is masked",
            with: home
        ) {
            $0.link("/etc/systemd/system/wpa_supplicant.service", to: "/dev/null")
        },
        EffectCase(
            "NetworkManager is masked by the kernel's line", .wifiUnmanaged, on: [.bookworm],
            saying: "systemd.mask=NetworkManager.service on the kernel's line", with: home
        ) { _ in
        } change: {
            $0.kernelArguments.set = ["systemd.mask=NetworkManager.service"]
        },
        EffectCase("overlay", .wifiOff, saying: "dtoverlay=disable-wifi", with: home) {
            $0.onBoot("/config.txt", $0.text("/config.txt", onBoot: true) + "dtoverlay=disable-wifi\n")
        },
        EffectCase("blacklist", .wifiOff, saying: "/etc/modprobe.d/own.conf: blacklist brcmfmac", with: home) {
            $0.file("/etc/modprobe.d/own.conf", "blacklist brcmfmac\n")
        },
        EffectCase(
            "unmanaged", .wifiUnmanaged, on: [.bookworm], saying: "/etc/NetworkManager/conf.d/own.conf", with: home
        ) {
            $0.file("/etc/NetworkManager/conf.d/own.conf", "[keyfile]\nunmanaged-devices=interface-name:wlan*\n")
        },
        EffectCase("ifupdown", .wifiUnmanaged, on: [.bookworm], saying: "/etc/network/interfaces:1", with: home) {
            $0.file("/etc/network/interfaces", "iface wlan0 inet dhcp\n")
        },
        EffectCase("another connection", .wifiOtherNetwork, on: [.bookworm], saying: "preconfigured", with: home) {
            $0.file(
                "/etc/NetworkManager/system-connections/preconfigured.nmconnection",
                "[connection]\ntype=wifi\n[wifi]\nssid=Old\n", mode: 0o600)
        },
        EffectCase(
            "wpa_supplicant-wlan0.conf", .wifiOverridden, on: [.buster, .bullseye], saying: "wpa_supplicant-wlan0.conf",
            with: home
        ) {
            $0.file("/etc/wpa_supplicant/wpa_supplicant-wlan0.conf", "network={\n}\n")
        },
        EffectCase(
            "denyinterfaces", .wifiUnmanaged, on: [.buster, .bullseye], saying: "/etc/dhcpcd.conf:4", with: home
        ) {
            $0.file("/etc/dhcpcd.conf", $0.text("/etc/dhcpcd.conf") + "denyinterfaces wlan*\n")
        },
        EffectCase(
            "wpa_supplicant.conf of the profile", .wifiOverridden, on: [.buster, .bullseye],
            saying: "boot:/wpa_supplicant.conf", with: home,
            change: {
                $0.files = [bootFile("/wpa_supplicant.conf", "network={\nssid=\"Old\"\n}\n")]
            }),
        EffectCase(
            "custom.toml of the profile", .wifiOverridden, on: [.bullseye, .bookworm], saying: "boot:/custom.toml",
            with: home,
            change: {
                $0.files = [bootFile("/custom.toml", "[wlan]\nssid = \"Old\"\n")]
            }),
    ]
}
