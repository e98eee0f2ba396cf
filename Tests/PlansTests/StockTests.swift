import Identity
import Testing
import Trees

@testable import Plans

/// Machines from Raspberry Pi OS as it is published.
struct StockNodeTests {
    private static let keyfile = "/etc/NetworkManager/system-connections/piforge-usb0.nmconnection"

    @Test(arguments: [PlannerFixture.Release.bookworm, .trixie]) func aNode(release: PlannerFixture.Release) throws {
        let image = try PlannerFixture(release, .stock)
        try image.build(.node(10))
        #expect(try image.text("/etc/default/clusterctrl") == "TYPE=node\nID=10\nGADGET=ncm\n")
        #expect(try image.text("/etc/hostname") == "p10\n")
        #expect(try image.node(Self.keyfile)?.metadata.mode == 0o600)
        let keyfile = try #require(try image.text(Self.keyfile))
        #expect(keyfile.contains("method=auto\naddress1=172.19.181.10/24\n"))
        #expect(try image.text("/etc/NetworkManager/conf.d/piforge-usb0.conf")?.contains("managed=1") == true)
        #expect(try image.node("/usr/local/lib/piforge/usb-gadget")?.metadata.mode == 0o755)
        #expect(
            try image.linkText("/etc/systemd/system/multi-user.target.wants/piforge-gadget.service")
                == "/etc/systemd/system/piforge-gadget.service")
        #expect(
            try image.linkText("/etc/systemd/system/getty.target.wants/serial-getty@ttyGS0.service")
                == "/lib/systemd/system/serial-getty@.service")
        #expect(
            try image.linkText("/etc/systemd/system/dev-ttyGS0.device.wants/serial-getty@ttyGS0.service")
                == "/lib/systemd/system/serial-getty@.service")
        let config = ConfigText(try image.text("boot:/config.txt") ?? "")
        for board in Board.nodes {
            #expect(config.entries(for: board).contains { $0.value == "dwc2,dr_mode=peripheral" })
        }
        #expect(config.entries(for: .cm5).contains { $0.value == "dwc2,dr_mode=host" })
        #expect(try image.facts().slot == .node(10))
    }

    /// The card still grows, and makes its own host keys.
    @Test func theFirstBootStaysTheImagesOwn() throws {
        for (release, word) in [
            (PlannerFixture.Release.bookworm, "init=/usr/lib/raspberrypi-sys-mods/firstboot"), (.trixie, "resize"),
        ] {
            let image = try PlannerFixture(release, .stock)
            let line = try image.text("boot:/cmdline.txt")
            try image.build(.node(3))
            #expect(try image.text("boot:/cmdline.txt") == line)
            #expect(line?.contains(word) == true)
        }
    }

    /// A card that has run has grown, and its line has no firstboot any more.
    @Test func aStockImageThatHasRun() throws {
        let image = try PlannerFixture(.bookworm, .stock)
        try image.write("\(PlannerFixture.commandLine)\n", "boot:/cmdline.txt")
        try image.write("0123456789abcdef0123456789abcdef\n", "/etc/machine-id")
        try image.build(.node(3))
        #expect(try image.text("boot:/cmdline.txt") == "\(PlannerFixture.commandLine)\n")
    }

    @Test func anOlderController() throws {
        let image = try PlannerFixture(.trixie, .stock)
        var settings = Settings()
        settings.gadget.function = .rndis
        try image.build(.node(3), settings)
        #expect(try image.text("/etc/default/clusterctrl") == "TYPE=node\nID=3\nGADGET=rndis\n")
    }

    /// Where a LAN's DHCP server names the servers, nobody else does.
    @Test func nameServers() throws {
        for isBridged in [false, true] {
            let image = try PlannerFixture(.bookworm, .stock)
            var settings = Settings()
            settings.gadget.isBridged = isBridged
            try image.build(.node(3), settings)
            #expect(try image.text(Self.keyfile)?.contains("dns=8.8.8.8;") == !isBridged)
        }
        let profile = try Profile.load(
            text: "version: 1\ncluster: a\nslots: {cbridge: {}, p1: {}}\n", name: "p.yaml")
        #expect(try profile.settings(for: .node(1)).gadget.isBridged)
        #expect(try !profile.settings(for: .cbridge).gadget.isBridged)
    }

    @Test func aFixedAddress() throws {
        let image = try PlannerFixture(.bookworm, .stock)
        var settings = Settings()
        settings.addressing.address = .init("10.0.0.7/24")
        settings.addressing.gateway = "10.0.0.1"
        settings.addressing.nameServers = ["10.0.0.1", "2001:db8::1"]
        try image.build(.node(3), settings)
        let text = try #require(try image.text(Self.keyfile))
        #expect(text.contains("method=manual\naddress1=10.0.0.7/24,10.0.0.1\n"))
        #expect(text.contains("dns=10.0.0.1;\n\n[ipv6]"))
        #expect(text.hasSuffix("dns=2001:db8::1;\n"))
        #expect(!text.contains("172.19.181"))
    }

    /// rpi-usb-gadget would take the port and the interface.
    @Test func theOtherGadgetIsOff() throws {
        let image = try PlannerFixture(.trixie, .stock)
        let files = [
            "/etc/NetworkManager/dispatcher.d/20-usb-gadget-fallback",
            "/etc/NetworkManager/system-connections/USB Gadget (client).nmconnection",
        ]
        for file in files { try image.write("", file) }
        try image.build(.node(3))
        for file in files { #expect(try image.text(file) == nil) }
        #expect(try image.linkText("/etc/systemd/system/rpi-usb-gadget-ics.service") == "/dev/null")
        #expect(try image.text("/etc/modprobe.d/piforge-gadget.conf")?.contains("blacklist g_ether\n") == true)
    }

    @Test(arguments: [PlannerFixture.Release.bookworm, .trixie]) func aNodeWithoutCard(
        release: PlannerFixture.Release
    ) throws {
        let image = try PlannerFixture(release, .stock)
        try image.build(.node(3), medium: .netboot)
        let line = KernelCommandLine(try image.text("boot:/cmdline.txt") ?? "")
        #expect(line.values(of: "ip") == ["172.19.180.3:172.19.180.254::255.255.255.0:p3:usb0.10:static"])
        #expect(!line.contains("resize"))
        #expect(try image.text("/etc/default/clusterctrl") == "TYPE=usbboot\nID=3\nGADGET=ncm\n")
        let managed = try #require(try image.text("/etc/NetworkManager/conf.d/piforge-usb0.conf"))
        #expect(managed.contains("match-device=interface-name:usb0.10\nmanaged=0"))
        #expect(try image.text("/etc/systemd/system/piforge-gadget.service") == nil)
        #expect(try image.linkText("/etc/systemd/system/multi-user.target.wants/rpi-resize.service") == nil)
    }

    // MARK: What cannot be

    private func refusal(
        _ release: PlannerFixture.Release, _ slot: Slot, _ change: (PlannerFixture) throws -> Void = { _ in }
    ) throws -> PlanError? {
        let image = try PlannerFixture(release, .stock)
        try change(image)
        do throws(PlanError) {
            _ = try image.plan(slot)
            return nil
        } catch {
            return error
        }
    }

    @Test func refusals() throws {
        #expect(try refusal(.bullseye, .cnat) == .memberOfOldStock(.cnat, "bullseye"))
        #expect(try refusal(.bookworm, .cbridge) == .bridgedOfStock(.cbridge))
        #expect(
            try refusal(.trixie, .cnat) { try $0.remove("/usr/sbin/nft") }
                == .missingInImage("/usr/sbin/nft", purpose: "set up the network of cnat"))
        #expect(try refusal(.bullseye, .node(3)) == .memberOfOldStock(.node(3), "bullseye"))
        #expect(try refusal(.bullseye, .anyPlain) == nil)
        #expect(
            try refusal(.trixie, .node(3)) { try $0.remove("/usr/sbin/NetworkManager") }
                == .missingInImage("/usr/sbin/NetworkManager", purpose: "set up the network of p3"))
        #expect(
            try refusal(.trixie, .node(3)) { image in
                for path in ["/etc/rpi-issue", "/usr/bin/raspi-config"] { try image.remove(path) }
            } == .notRaspberryPiOS)
        #expect(
            try refusal(.trixie, .node(3)) { try $0.write("#!/bin/sh\n", "/usr/sbin/clusterctrl", mode: 0o755) }
                == .notClusterCTRL(missing: ["/usr/sbin/reconfig-clusterctrl", "/usr/share/clusterctrl"]))
        #expect(
            try refusal(.trixie, .plain("nas")) { try $0.build(.node(3)) } == .stockOfOtherRole(.plain("nas")))
        #expect(try refusal(.trixie, .cnat) { try $0.build(.node(3)) } == .stockOfOtherRole(.cnat))
        #expect(try refusal(.trixie, .node(3)) { try $0.build(.cnat) } == .stockOfOtherRole(.node(3)))
        #expect(try refusal(.trixie, .node(4)) { try $0.build(.node(3)) } == nil)
        let image = try PlannerFixture(.bookworm, .cbridge)
        #expect(throws: PlanError.plainOfClusterCTRL(.anyPlain)) { try image.plan(.anyPlain) }
    }

    @Test func refusalsSayWhatToTake() {
        let error = PlanError.bridgedOfStock(.cbridge)
        #expect(
            error.message == "could not make cbridge: plain Raspberry Pi OS becomes a controller of the kind cnat only")
        #expect(
            error.hint
                == "use cnat, or give cbridge one of 8086's images by a `base` of its own; nodes may keep this one")
    }
}

/// A controller from Raspberry Pi OS as it is published: the network of its nodes, and no power switch.
struct StockControllerTests {
    @Test(arguments: [PlannerFixture.Release.bookworm, .trixie]) func cnat(release: PlannerFixture.Release) throws {
        let image = try PlannerFixture(release, .stock)
        let plan = try image.build(.cnat)
        #expect(try image.facts().slot == .cnat)
        #expect(try image.text("/etc/hostname") == "cnat\n")
        let connections = "/etc/NetworkManager/system-connections"
        let bridge = try #require(try image.text("\(connections)/piforge-br0.nmconnection"))
        #expect(bridge.contains("[ipv4]\nmethod=manual\naddress1=172.19.181.254/24\n"))
        #expect(try image.node("\(connections)/piforge-br0.nmconnection")?.metadata.mode == 0o600)
        #expect(try image.text("\(connections)/piforge-nodes.nmconnection")?.contains("interface-name=ethpi*;") == true)
        #expect(try image.text("/usr/local/lib/piforge/nat.nft")?.contains("ip saddr 172.19.181.0/24") == true)
        #expect(try image.text("/etc/sysctl.d/90-clusterctrl.conf") == "net.ipv4.ip_forward=1\n")
        #expect(
            try image.linkText("/etc/systemd/system/multi-user.target.wants/piforge-nat.service")
                == "/etc/systemd/system/piforge-nat.service")
        #expect(try image.text("/etc/systemd/system/piforge-gadget.service") == nil)
        #expect(plan.warnings.contains { $0.contains("nothing turns nodes on and off") })
        #expect(try image.plan(.cnat).changes(boot: image.boot, root: image.root) == [])
    }

    /// Its own address is that of its uplink; the bridge keeps the cluster's.
    @Test func aFixedAddress() throws {
        let image = try PlannerFixture(.trixie, .stock)
        var settings = Settings()
        settings.addressing.address = .init("192.168.1.20/24")
        settings.addressing.gateway = "192.168.1.1"
        try image.build(.cnat, settings)
        let path = "/etc/NetworkManager/system-connections/piforge-eth0.nmconnection"
        #expect(try image.text(path)?.contains("address1=192.168.1.20/24,192.168.1.1\n") == true)
    }

    /// There is nothing to turn nodes on with.
    @Test func nodesOn() throws {
        let image = try PlannerFixture(.trixie, .stock)
        var settings = Settings()
        settings.power = .controller([], [])
        #expect(
            throws: PlanError.missingInImage("/usr/sbin/clusterctrl", purpose: "turn the nodes on (`nodes_on`)")
        ) { try image.plan(.cnat, settings) }
    }
}

struct PlainMachineTests {
    @Test(arguments: [PlannerFixture.Release.buster, .bullseye, .bookworm, .trixie]) func nothingOfACluster(
        release: PlannerFixture.Release
    ) throws {
        let image = try PlannerFixture(release, .stock)
        let old = try (image.text("/etc/hostname"), image.text("boot:/config.txt"), image.text("/etc/hosts"))
        let plan = try image.build(.anyPlain)
        let new = try (image.text("/etc/hostname"), image.text("boot:/config.txt"), image.text("/etc/hosts"))
        #expect(old == new)
        let places = plan.edits.filter { $0.action != .remove }.map(\.target.description)
        #expect(!places.contains { $0.contains("clusterctrl") || $0.contains("gadget") || $0.contains("usb0") })
    }

    @Test func aNamedMachine() throws {
        let image = try PlannerFixture(.trixie, .stock)
        try image.build(.plain("nas"))
        #expect(try image.text("/etc/hostname") == "nas\n")
        #expect(try image.text("/etc/hosts")?.hasSuffix("127.0.1.1\tnas\n") == true)
    }

    @Test(arguments: [PlannerFixture.Release.bullseye, .bookworm, .trixie]) func everySetting(
        release: PlannerFixture.Release
    ) throws {
        let image = try PlannerFixture(release, .stock)
        try image.build(.plain("nas"), .everything)
        #expect(try image.text("/etc/hostname") == "tealc\n")
        #expect(try image.text("/home/pi/.ssh/authorized_keys")?.contains("me@home") == true)
        let again = try image.plan(.plain("nas"), .everything)
        #expect(try again.changes(boot: image.boot, root: image.root) == [])
    }

    @Test func itsAddressIsOfEthernet() throws {
        let image = try PlannerFixture(.trixie, .stock)
        var settings = Settings()
        settings.addressing.address = .init("192.168.1.20/24")
        settings.addressing.gateway = "192.168.1.1"
        try image.build(.plain("nas"), settings)
        let path = "/etc/NetworkManager/system-connections/piforge-eth0.nmconnection"
        #expect(try image.text(path)?.contains("address1=192.168.1.20/24,192.168.1.1\n") == true)
    }

    // MARK: In a profile

    @Test func slotsOfAnyName() throws {
        let profile = try Profile.load(
            text:
                "version: 1\ncluster: a\nslots:\n  cnat: {}\n  nas: {role: plain, hostname: box}\n  plain:\n  p1: {}\n",
            name: "p.yaml")
        #expect(profile.slots == [.cnat, .node(1), .plain("nas"), .anyPlain])
        #expect(profile.hostNames["nas"] == .plain("nas"))
        #expect(profile.hostNames["box"] == .plain("nas"))
        let selection = try SlotSelection("nas,plain", available: profile.slots, hostNames: profile.hostNames)
        #expect(selection.slots == [.plain("nas"), .anyPlain])
        let nodes = try SlotSelection("all", available: profile.slots, allMeans: .nodes)
        #expect(nodes.slots == [.node(1)])
        let roster = try profile.roster()
        let machine = try #require(roster.machines.first { $0.slot == .plain("nas") })
        #expect(machine.address == "box.local")
        #expect(machine.gateway == nil)
    }

    @Test(arguments: [
        ("nas: {}", "there is no slot \"nas\""), ("p3: {role: plain}", "the slot p3 is a node, not plain"),
        ("cnat: {role: node}", "the slot cnat is a controller, not node"),
        ("p300: {role: plain}", "`p300` cannot be the name of a plain machine"),
        ("all: {role: plain}", "`all` cannot be the name of a plain machine"),
        ("Nas: {role: plain}", "the host name \"Nas\" has capital letters"),
        ("nas: {role: server}", "there is no role \"server\""),
    ]) func namesThatAreNone(slot: String, why: String) throws {
        let text = "version: 1\ncluster: a\nslots: {\(slot)}\n"
        do {
            _ = try Profile.load(text: text, name: "p.yaml")
            Issue.record("\(slot) was taken")
        } catch {
            #expect(error.problems.contains { $0.message.hasPrefix(why) }, "\(error.problems.map(\.message))")
        }
    }

    @Test func whatWasWrittenDown() {
        #expect(Slot.recorded("nas") == .plain("nas"))
        #expect(Slot.recorded("p3") == .node(3))
        for name in ["", "p253", "all", "Nas", "a/b", "p"] { #expect(Slot.recorded(name) == nil) }
        #expect(Slot("nas") == nil)
    }
}

/// What trixie does at a first start, and what must be there for it.
struct FirstStartTests {
    @Test(arguments: [PlannerFixture.Kind.stock, .cbridge]) func anEmptyMachineIDIsNoFirstStart(
        kind: PlannerFixture.Kind
    ) throws {
        let image = try PlannerFixture(.trixie, kind)
        try image.write("", "/etc/machine-id", mode: 0o444)
        try image.build(.node(3))
        #expect(try image.text("/etc/machine-id") == "uninitialized\n")
        #expect(try image.node("/etc/machine-id")?.metadata.mode == 0o444)
    }

    @Test func aBaseThatHasRunStartsAnew() throws {
        let image = try PlannerFixture(.trixie, .stock)
        try image.write("0123456789abcdef0123456789abcdef\n", "/etc/machine-id", mode: 0o444)
        try image.write("secret", "/etc/ssh/ssh_host_ed25519_key", mode: 0o600)
        try image.build(.node(3))
        #expect(try image.text("/etc/machine-id") == "uninitialized\n")
        #expect(try image.text("/etc/ssh/ssh_host_ed25519_key") == nil)
    }

    /// An id that is there before would keep the root file system from growing.
    @Test func aKnownMachineIDComesWithTheKernelsLine() throws {
        let image = try PlannerFixture(.trixie, .stock)
        let secret = try #require(IdentitySecret(bytes: Array(0..<32)))
        let identity = try SlotIdentity(secret, cluster: "sg1", slot: "p3", generation: 1)
        var settings = Settings()
        settings.identity = .known(identity.hostKey, identity.machineID)
        try image.build(.node(3), settings)
        #expect(try image.text("/etc/machine-id") == "uninitialized\n")
        let line = KernelCommandLine(try image.text("boot:/cmdline.txt") ?? "")
        #expect(line.values(of: "systemd.machine_id") == [identity.machineID.description])
        #expect(try image.plan(.node(3), settings).changes(boot: image.boot, root: image.root) == [])
    }

    /// systemd would turn them on again.
    @Test func whatIsOffStaysOff() throws {
        let image = try PlannerFixture(.trixie, .stock)
        var settings = Settings()
        settings.ssh = false
        settings.authorizedKeys = ["ssh-ed25519 AAAA me"]
        settings.units.disable = ["static.service", "sshswitch.service"]
        try image.build(.node(3), settings)
        let preset = try #require(try image.text("/etc/systemd/system-preset/10-piforge.preset"))
        #expect(
            preset
                == "disable ssh.service\ndisable sshswitch.service\ndisable static.service\ndisable userconfig.service\n"
        )
        settings.ssh = true
        settings.units.disable = []
        settings.units.enable = ["sshswitch.service"]
        try image.build(.node(3), settings)
        #expect(try image.text("/etc/systemd/system-preset/10-piforge.preset")?.contains("sshswitch") == false)
        let older = try PlannerFixture(.bookworm, .stock)
        try older.build(.node(3), settings)
        #expect(try older.text("/etc/systemd/system-preset/10-piforge.preset") == nil)
    }

    @Test func cloudInitIsOff() throws {
        let image = try PlannerFixture(.trixie, .stock)
        try image.build(.anyPlain)
        #expect(try image.text("/etc/cloud/cloud-init.disabled") == "")
        #expect(try image.text("boot:/meta-data") == "instance_id: rpios-image\n")
    }

    @Test func cloudInitWithASeedOfTheProfiles() throws {
        let image = try PlannerFixture(.trixie, .stock)
        var settings = Settings()
        settings.files = [
            .init(
                target: Target(.boot, "/user-data"), content: .file(Array("#cloud-config\n".utf8)), mode: 0o644,
                owner: 0,
                group: 0, isSecret: false)
        ]
        try image.build(.node(3), settings)
        #expect(try image.text("/etc/cloud/cloud-init.disabled") == nil)
        let config = try #require(try image.text("/etc/cloud/cloud.cfg.d/99_zz-piforge.cfg"))
        for line in ["users: []", "preserve_hostname: true", "manage_etc_hosts: false", "ssh_deletekeys: false"] {
            #expect(config.contains(line + "\n"))
        }
        #expect(try image.text("boot:/meta-data") == "dsmode: local\ninstance-id: piforge-p3\n")
    }

    @Test func presetsOfTheImagerGo() throws {
        let image = try PlannerFixture(.trixie, .stock)
        try image.write("[system]\nhostname = \"x\"\n", "boot:/rpi-preseed.toml")
        let plan = try image.build(.node(3))
        #expect(try image.text("boot:/rpi-preseed.toml") == nil)
        #expect(plan.warnings.contains { $0.contains("rpi-preseed.toml") })
    }

    @Test func forwarding() throws {
        let image = try PlannerFixture(.trixie, .cbridge)
        try image.build(.cnat)
        #expect(try image.text("/etc/sysctl.d/90-clusterctrl.conf") == "net.ipv4.ip_forward=1\n")
        try image.build(.cbridge)
        #expect(try image.text("/etc/sysctl.d/90-clusterctrl.conf") == nil)
    }
}
