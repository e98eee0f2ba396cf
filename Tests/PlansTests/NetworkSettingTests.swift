import Testing
import Trees

@testable import Plans

/// Fixed addresses and DHCP time limits, in the way of each release.
@Suite struct NetworkSettingTests {
    private func settings(_ slot: Slot, _ network: String) throws -> Settings {
        try Fixture.load("slots: {\(slot): {network: \(network)}}").settings(for: slot)
    }

    private static let fixed = "{address: 192.168.1.20/24, gateway: 192.168.1.1, dns: [192.168.1.1, \"fd00::1\"]}"
    /// Stanzas as 8086's images have them, shortened.
    private func bookworm() throws -> PlannerFixture {
        let image = try PlannerFixture(.bookworm)
        let share = "/usr/share/clusterctrl/interfaces.bookworm"
        try image.write("auto usb0\niface usb0 inet dhcp\n\tmetric 1000\n", "\(share).p")
        try image.write("auto br0\niface br0 inet dhcp\n\tbridge_ports eth0\n", "\(share).cbridge")
        return image
    }

    private static let block = """
        # piforge: address
        interface %
        static ip_address=192.168.1.20/24
        static routers=192.168.1.1
        static domain_name_servers=192.168.1.1 fd00::1
        # piforge: end of address

        """

    @Test("dhcpcd sets all addresses before bookworm", arguments: [Slot.cnat, .cbridge, .node(3)])
    func dhcpcd(slot: Slot) throws {
        let interface = [Slot.cnat: "eth0", .cbridge: "br0"][slot] ?? "usb0"
        for release in [PlannerFixture.Release.buster, .bullseye] {
            let image = try PlannerFixture(release)
            try image.build(slot, try settings(slot, Self.fixed))
            let text = try #require(try image.text("/etc/dhcpcd.conf"))
            #expect(text.hasSuffix(Self.block.replacing("%", with: interface)))
            // Another slot made of that image has no share in it.
            try image.build(.node(9), Settings())
            #expect(try image.text("/etc/dhcpcd.conf")?.contains("piforge") == false)
            try image.build(slot, try settings(slot, "{dhcp_timeout: 90}"))
            #expect(
                try image.text("/etc/dhcpcd.conf")?.contains("interface \(interface)\nreboot 90\n# piforge: end")
                    == true)
        }
    }

    @Test("ifupdown sets a node's and a bridge's address in bookworm", arguments: [Slot.cbridge, .node(3)])
    func ifupdown(slot: Slot) throws {
        let image = try bookworm()
        let name = slot.isController ? "br0" : "usb0"
        let file = "/etc/network/interfaces.d/clusterctrl"
        try image.build(slot, Settings())
        let usual = try #require(try image.text(file))
        try image.build(slot, try settings(slot, Self.fixed))
        #expect(
            try image.text(file)
                == usual.replacing(
                    "iface \(name) inet dhcp",
                    with: """
                        iface \(name) inet static
                        \taddress 192.168.1.20/24
                        \tgateway 192.168.1.1
                        \tdns-nameservers 192.168.1.1 fd00::1
                        """))
        #expect(
            try image.text("/etc/NetworkManager/conf.d/piforge-dns.conf")
                == "[global-dns]\n\n[global-dns-domain-*]\nservers=192.168.1.1,fd00::1\n")
        try image.build(.node(9), Settings())
        #expect(try image.node("/etc/NetworkManager/conf.d/piforge-dns.conf") == nil)
    }

    @Test func networkManagerSetsTheUplinkOfACNATController() throws {
        let image = try PlannerFixture(.bookworm)
        let file = "/etc/NetworkManager/system-connections/piforge-eth0.nmconnection"
        try image.build(.cnat, try settings(.cnat, Self.fixed))
        let text = try #require(try image.text(file))
        #expect(
            text.contains(
                "\n[ipv4]\nmethod=manual\naddress1=192.168.1.20/24,192.168.1.1\ndns=192.168.1.1;\n\n[ipv6]\n"))
        #expect(text.hasSuffix("method=auto\ndns=fd00::1;\n"))
        #expect(text.contains("interface-name=eth0\n"))
        #expect(try image.node(file)?.metadata.mode == 0o600)
        try image.build(.cnat, try settings(.cnat, "{dhcp_timeout: 120}"))
        #expect(try image.text(file)?.contains("[ipv4]\nmethod=auto\ndhcp-timeout=120\n\n[ipv6]") == true)
        try image.build(.cnat, Settings())
        #expect(try image.node(file) == nil)
    }

    @Test("a bridged bookworm controller waits for DHCP as long as a switch may take") func bridgedTimeout() throws {
        let image = try PlannerFixture(.bookworm)
        let file = "/etc/dhcp/dhclient.conf"
        func timeouts() throws -> [String] {
            try #require(try image.text(file)).split(separator: "\n").map(String.init).filter { $0.contains("timeout") }
        }
        #expect(try timeouts() == ["timeout 10;"])
        for (slot, network, wanted) in [
            (Slot.cbridge, "true", "timeout 60;"), (.node(3), "true", "timeout 10;"), (.cbridge, "true", "timeout 60;"),
            (.cbridge, "{dhcp_timeout: 300}", "timeout 300;"), (.cnat, "true", "timeout 300;"),
            (.node(3), "{dhcp_timeout: 15}", "timeout 15;"),
        ] {
            try image.build(slot, try settings(slot, network))
            #expect(try timeouts() == [wanted], "\(slot) \(network)")
        }
    }

    @Test func bothFormsOfTheKey() throws {
        #expect(try settings(.node(1), "true").network == true)
        #expect(try settings(.node(1), "{build: true}").network == true)
        #expect(try settings(.node(1), "{address: 10.0.0.2/8}").network == nil)
        let profile = try Fixture.load(
            "defaults: {network: true}\nslots: {p1: {network: {dhcp_timeout: 30}}, p2: {network: false}}")
        #expect(try profile.settings(for: .node(1)).network == true)
        #expect(try profile.settings(for: .node(1)).addressing.dhcpTimeout == 30)
        #expect(try profile.settings(for: .node(2)).network == false)
        let flag = try SettingsLayer(
            flags: [
                .init(key: "network.address", value: "10.0.0.2/8", origin: "--set"),
                .init(key: "network", value: "true", origin: "--set"),
            ], files: NoProfileFiles())
        #expect(Settings(flag).addressing.address == .init("10.0.0.2/8"))
        #expect(Settings(flag).network == true)
    }

    @Test("a slot's fixed address goes before the time limit of all") func layers() throws {
        let profile = try Fixture.load(
            """
            defaults: {network: {dhcp_timeout: 60}}
            slots:
              cnat: {network: {address: 10.0.0.2/8, gateway: 10.0.0.1}}
              p1: {}

            """)
        #expect(try profile.settings(for: .cnat).addressing.dhcpTimeout == nil)
        #expect(try profile.settings(for: .cnat).addressing.gateway == "10.0.0.1")
        #expect(try profile.settings(for: .node(1)).addressing.dhcpTimeout == 60)
    }

    @Test(arguments: [
        ("{address: 192.168.1.20}", "the address 192.168.1.20 has no prefix"),
        ("{address: 192.168.1.0/24}", "192.168.1.0/24 is no address of a machine on a network"),
        ("{address: 192.168.1.255/24}", "192.168.1.255/24 is no address of a machine on a network"),
        ("{address: 127.0.0.1/8}", "127.0.0.1/8 is no address of a machine on a network"),
        ("{address: 224.0.0.1/24}", "224.0.0.1/24 is no address of a machine on a network"),
        ("{address: 192.168.1.20/33}", "the prefix of \"192.168.1.20/33\" is not from 8 to 30"),
        ("{address: \"fd00::1/64\"}", "\"fd00::1/64\" is no IPv4 address with a prefix"),
        ("{address: 10.0.0.2/24, gateway: 10.0.1.1}", "the gateway 10.0.1.1 is not on the network of 10.0.0.2/24"),
        ("{address: 10.0.0.2/24, gateway: 10.0.0.2}", "the gateway 10.0.0.2 is not on the network of 10.0.0.2/24"),
        ("{gateway: 10.0.1.1}", "`network.gateway` needs an address"),
        ("{dhcp_timeout: 1}", "`dhcp_timeout` takes a whole number from 5 to 3600, not 1"),
        ("yes", "`network` takes true or false, not `yes`"),
        ("{addres: 10.0.0.2/24}", "unknown key `addres` in `network`"),
    ])
    func refusals(network: String, message: String) throws {
        do {
            _ = try settings(.node(1), network)
            Issue.record("\(network) was taken")
        } catch let error as ProfileErrors {
            #expect(error.problems.map(\.message) == [message])
        }
    }

    @Test func addressesThatLackARouterAreNamed() throws {
        let plan = try bookworm().plan(.node(3), try settings(.node(3), "{address: 10.0.0.2/24}"))
        #expect(plan.warnings.contains("p3 has a fixed address and no gateway: it reaches its own network alone"))
    }
}
