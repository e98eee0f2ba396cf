import Testing
import Trees

@testable import Plans

/// What a base has that would undo the profile after the build: it goes, or makes way, and the plan says so.
struct RemovalTests {
    private static let hash = "$6$saltsalt$" + String(repeating: "a", count: 86)

    /// Builds node 1 from a base with one more thing in it.
    private func built(
        _ release: PlannerFixture.Release, with target: String, _ text: String, _ change: (inout Settings) -> Void
    ) throws -> (image: PlannerFixture, warnings: [String]) {
        let image = try PlannerFixture(release)
        try image.write(text, target)
        var settings = Settings()
        change(&settings)
        return (image, try image.build(.node(1), settings).warnings)
    }

    @Test(arguments: [PlannerFixture.Release.bullseye, .bookworm]) func anotherUserOfTheFirstBoot(
        release: PlannerFixture.Release
    ) throws {
        let (image, warnings) = try built(release, with: "boot:/userconf.txt", "bob:\(Self.hash)\n") {
            $0.user = "pi"
            $0.authorizedKeys = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPA3o3cKYqkz9y5g0G8R7b1mMYo9C1yqj2t4Ucq3o3fK me"]
        }
        #expect(try image.node("boot:/userconf.txt") == nil)
        #expect(
            warnings.contains("the base's userconf.txt is removed: it would rename pi to bob on the first boot"),
            "\(warnings)")
    }

    @Test(arguments: [PlannerFixture.Release.buster, .bullseye]) func anotherWirelessNetwork(
        release: PlannerFixture.Release
    ) throws {
        let (image, warnings) = try built(release, with: "boot:/wpa_supplicant.conf", "network={\n}\n") {
            $0.wifi = .init(ssid: "Home", psk: "password1", hidden: false, country: "GB")
        }
        #expect(try image.node("boot:/wpa_supplicant.conf") == nil)
        #expect(
            warnings == [
                "the base's wpa_supplicant.conf is removed from the boot partition: it would undo the profile's Wi-Fi"
            ])
        // Without a network of the profile's it stays.
        let (other, others) = try built(release, with: "boot:/wpa_supplicant.conf", "network={\n}\n") { _ in }
        #expect(try other.node("boot:/wpa_supplicant.conf") != nil)
        #expect(others == [])
    }

    @Test func aLineThatTakesPasswords() throws {
        let (image, warnings) = try built(
            .bookworm, with: "/etc/ssh/sshd_config",
            "PasswordAuthentication yes\nInclude /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n"
        ) { $0.passwordLogin = false }
        #expect(
            warnings == [
                "/etc/ssh/sshd_config:1 says passwordauthentication yes: password_login says otherwise, so that line does "
                    + "not count any more"
            ])
        #expect(try image.text("/etc/ssh/sshd_config")?.hasPrefix("PasswordAuthentication no\n") == true)
    }

    @Test(
        "config.txt becomes plain text, and the plan says of what",
        arguments: [
            ("a=1\n\0\0\0", "config.txt has a NUL at byte 4"),
            ("\u{FEFF}a=1\n", "config.txt begins with a byte order mark"),
            ("a=1\rb=2\r", "config.txt has lines that end in CR alone"), ("a=1\n\u{1A}", "config.txt ends in 1 bytes"),
            ("a=1\u{A0}\n", "config.txt has 1 no-break spaces"),
        ]) func configForm(text: String, warning: String) throws
    {
        let (image, warnings) = try built(.bookworm, with: "boot:/config.txt", text) { $0.gpuMemory = 16 }
        #expect(warnings.contains { $0.hasPrefix(warning) }, "\(warnings)")
        let made = try #require(try image.text("boot:/config.txt"))
        #expect(made.hasPrefix("a=1") && made.contains("gpu_mem=16\n") && !made.contains("\0") && !made.contains("\r"))
    }
}
