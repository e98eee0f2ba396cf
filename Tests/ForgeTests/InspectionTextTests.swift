import Foundation
import Testing
import Trees

@testable import Forge

@Suite struct InspectionTextTests {
    @Test func readsLikeThis() throws {
        var fixture = InspectionFixture()
        fixture.file("/etc/shadow", "root:*:1::::::\npi::1::::::\n")
        #expect(
            try fixture.inspect().text.joined(separator: "\n") == """
                image       ClusterCTRL image, converted to p3, never booted
                system      bookworm (12), armhf
                host name   tealc
                boot mount  /boot/firmware
                network     172.19.181.3 unless DHCP says otherwise; MAC 00:22:82:ff:ff:03, controller's end \
                00:22:82:ff:fe:03

                partitions
                  mbr, disk id 5d1f0a2c
                  1 boot  type 0x0c, 256 MiB at 4 MiB, PARTUUID 5d1f0a2c-01
                  2 root  type 0x83, 1024 MiB at 260 MiB, PARTUUID 5d1f0a2c-02

                users
                  root (uid 0): no password; cannot log in
                  pi (uid 1000): no password needed; logs in by console without password, ssh key; sudo without password
                    key 256 \(InspectionFixture.fingerprint) sam@sg1 (ED25519)

                ssh
                  open at every boot
                  passwords and keys
                  host keys are made at the first boot

                kernel line
                  console=serial0,115200 console=tty1 root=PARTUUID=5d1f0a2c-02 rootfstype=ext4 fsck.repair=yes
                  rootwait

                config.txt in effect
                  all boards         arm_boost=1 dtoverlay=dwc2,dr_mode=peripheral
                  controller (Pi 4)  otg_mode=1

                first boot
                  no conversion pending
                  boot 1: systemd makes a machine id
                  boot 1: regenerate_ssh_host_keys makes new SSH host keys

                suspicious
                  ! error: user pi has no password: anybody at the console gets in
                """)
    }

    @Test func withoutRootTellsWhatBootKnows() throws {
        var fixture = InspectionFixture()
        fixture.makePending("p7")
        fixture.hasRoot = false
        let inspection = try fixture.inspect()
        #expect(inspection.identity.slot == "p7")
        #expect(inspection.identity.kind == .clusterCTRL)
        #expect(inspection.network?.nodeMAC == "00:22:82:ff:ff:07")
        #expect(inspection.users == [])
        #expect(inspection.findings == [])
        #expect(inspection.text.contains("  what follows is not known"))
    }

    @Test(
        arguments: [
            ("p3", "172.19.181.3", "00:22:82:ff:ff:03"), ("p10", "172.19.181.10", "00:22:82:ff:ff:0a"),
            ("p252", "172.19.181.252", "00:22:82:ff:ff:fc"), ("cnat", "172.19.181.254", nil),
            ("cbridge", "172.19.181.254", nil),
        ] as [(String, String, String?)]) func tellsAddresses(slot: String, address: String, mac: String?) throws
    {
        var fixture = InspectionFixture()
        fixture.makePending(slot)
        let network = try fixture.inspect().network
        #expect(network?.address == address)
        #expect(network?.nodeMAC == mac)
    }

    @Test(
        arguments: [
            (true, "", Inspection.Identity.Kind.clusterCTRL), (false, "/etc/rpi-issue", .raspberryPiOS),
            (false, "/x", .other),
            (false, "/usr/sbin/reconfig-clusterhat", .clusterHAT),
        ] as [(Bool, String, Inspection.Identity.Kind)])
    func tellsKinds(isClusterCTRL: Bool, path: String, kind: Inspection.Identity.Kind) throws {
        var fixture = InspectionFixture()
        if !isClusterCTRL {
            fixture.remove("/usr/sbin/clusterctrl")
            fixture.file(VolumePath(stringLiteral: path), "")
        }
        #expect(try fixture.inspect().identity.kind == kind)
    }

    /// An image must not be able to steer the terminal it is shown on.
    @Test func controlCharactersDoNotReachTheTerminal() throws {
        var fixture = InspectionFixture()
        fixture.file("/etc/hostname", "a\u{1B}[2Jb\n")
        fixture.onBoot("/cmdline.txt", "root=\u{9B}31m\u{7}\n")
        let text = try fixture.inspect().text.joined()
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) })
        #expect(text.contains("a\u{FFFD}[2Jb"))
    }

    @Test func secretsDoNotShow() throws {
        var fixture = InspectionFixture()
        fixture.makePending()
        fixture.enable("userconfig.service")
        fixture.file("/etc/shadow", "root:$6$rootsalt$ROOTHASH:1::::::\npi:$6$pisalt$PIHASH:1::::::\n")
        fixture.file("/etc/ssh/ssh_host_ed25519_key", "PRIVATEKEY", mode: 0o600)
        fixture.onBoot("/userconf.txt", "sam:$6$samsalt$SAMHASH\n")
        fixture.onBoot(
            "/custom.toml", "[user]\nname='sam'\npassword='TOMLHASH'\n[wlan]\nssid='x'\npassword='TOMLPSK'\n")
        fixture.onBoot("/user-data", "password: CLOUDPASS\n")
        let inspection = try fixture.inspect()
        let json = String(decoding: try JSON.encode(inspection), as: UTF8.self)
        for secret in ["HASH", "salt", "PRIVATE", "PSK", "CLOUDPASS", "$6$"] {
            #expect(!json.contains(secret), "\(secret)")
            #expect(!inspection.text.joined().contains(secret), "\(secret)")
        }
        #expect(inspection.pendingUsers.map(\.name) == ["sam", "sam"])
    }

    @Test func jsonHasItsKeysAndIsTheSameEachTime() throws {
        let first = try JSON.encode(InspectionFixture().inspect())
        #expect(try first == JSON.encode(InspectionFixture().inspect()))
        let object = try #require(try JSONSerialization.jsonObject(with: Data(first)) as? [String: Any])
        #expect(
            object.keys.sorted() == [
                "boards", "disk", "findings", "first_boot", "identity", "kernel", "network", "pending_users", "ssh",
                "users",
            ])
        let identity = try #require(object["identity"] as? [String: Any])
        #expect(identity["slot"] as? String == "p3")
        #expect(identity["boot_mount"] as? String == "/boot/firmware")
    }

    /// Bytes of any kind where text is expected are told of or passed over, never a crash.
    @Test(arguments: 0..<40) func survivesNoise(seed: Int) throws {
        var fixture = InspectionFixture()
        let byte = UInt8(truncatingIfNeeded: seed &* 37 &+ 11)
        for (path, node) in fixture.root {
            guard case .file(var bytes) = node.content, !bytes.isEmpty else { continue }
            for index in stride(from: seed % 7, to: bytes.count, by: 7 + seed % 5) { bytes[index] ^= byte }
            fixture.root[path]?.content = .file(bytes)
        }
        for path: VolumePath in ["/cmdline.txt", "/config.txt"] {
            guard case .file(var bytes)? = fixture.boot[path]?.content else { continue }
            for index in stride(from: seed % 7, to: bytes.count, by: 7) { bytes[index] ^= byte }
            fixture.boot[path]?.content = .file(bytes)
        }
        #expect(try !fixture.inspect().text.isEmpty)
    }
}
