import Foundation
import TestSupport
import Testing

/// The files that set a slot's address, read by the programs that read them on a Pi, each in a network of its own.
@Suite(.needs(BaseSpec.tools + ["ip", "unshare", "ifup", "dhcpcd", "dhclient"]))
struct NetworkProgramTests {
    private let folder: TemporaryFolder
    private static let profile = """
        version: 1
        cluster: sg1
        slots:
          cnat: {network: {address: 192.168.42.10/24, gateway: 192.168.42.1, dns: [9.9.9.9]}}
          cbridge: {network: {address: 192.168.42.10/24, gateway: 192.168.42.1, dns: [9.9.9.9]}}
          p1: {network: {address: 192.168.42.10/24, gateway: 192.168.42.1, dns: [9.9.9.9]}}
          p2: {network: {dhcp_timeout: 5}}

        """

    init() throws {
        try ToolsTrait.requireRoot()
        folder = try TemporaryFolder()
        try Shell.write(Array(Self.profile.utf8), to: folder.path + "/piforge.yaml")
    }

    /// The paths of the slot's files in the folder, taken out of its image.
    private func build(_ slot: String, _ release: String, files: [String]) async throws -> [String] {
        let kind = slot.hasPrefix("p") ? "p2" : slot
        _ = try await Piforge.build(
            slot, from: BaseSpec.of(release, kind).path(), into: folder.path, profile: folder.path + "/piforge.yaml")
        let card = try Card(folder.path + "/sg1-\(slot).img")
        return try files.map { file in
            let path = folder.path + "/" + URL(fileURLWithPath: file).lastPathComponent
            let copied = try Shell.run("debugfs", ["-R", "dump \(file) \(path)", card.rootName])
            try #require(copied.status == 0 && FileManager.default.fileExists(atPath: path), "\(copied.error)")
            return path
        }
    }

    /// What a shell prints in a network whose one interface has a carrier, and no server.
    private func network(_ interface: String, _ script: String) throws -> String {
        let setting = """
            ip link set lo up && ip link add \(interface) type veth peer name other && ip link set other up || exit 9
            mount -t tmpfs tmpfs /run && mkdir /run/network /run/dhcpcd
            mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/dhcpcd /var/lib/dhcp || exit 9

            """
        let answer = try Shell.run(
            "unshare", ["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", setting + script])
        try ToolsTrait.require(answer.status != 9, "no network namespace can be made here: \(answer.error)")
        try #require(answer.status == 0, "\(answer.error)")
        return answer.output
    }

    private static let addresses = "ip -4 -o addr show scope global | awk '{ print $2, $4 }'; ip route show default"

    @Test("ifupdown gives a node and a bridge of bookworm their address", arguments: ["p1", "cbridge"])
    func ifupdown(slot: String) async throws {
        let files = try await build(slot, "bookworm", files: ["/etc/network/interfaces.d/clusterctrl"])
        let interface = slot == "p1" ? "usb0" : "br0"
        // The bridge itself is bridge-utils' work, and copyMAC's its last line.
        let found = try network(
            interface,
            """
            sed -i '/bridge_\\|copyMAC/d' \(files[0])
            ifup --no-scripts --interfaces=\(files[0]) \(interface) >&2
            \(Self.addresses)
            """)
        #expect(found.hasPrefix("\(interface) 192.168.42.10/24\ndefault via 192.168.42.1 dev \(interface) "))
    }

    @Test(
        "dhcpcd gives every machine of the older releases its address",
        arguments: ["buster", "bullseye"], [("cnat", "eth0"), ("cbridge", "br0"), ("p1", "usb0")])
    func dhcpcd(release: String, machine: (slot: String, interface: String)) async throws {
        let files = try await build(machine.slot, release, files: ["/etc/dhcpcd.conf"])
        let found = try network(
            machine.interface,
            """
            dhcpcd -f \(files[0]) -4 -B -c /bin/true \(machine.interface) >&2 &
            for turn in $(seq 300); do ip route | grep -q default && break; sleep 0.1; done
            \(Self.addresses)
            """)
        #expect(
            found.hasPrefix(
                "\(machine.interface) 192.168.42.10/24\ndefault via 192.168.42.1 dev \(machine.interface) "))
    }

    @Test("without a server dhcpcd takes the fallback address after the time that is set")
    func dhcpcdFallback() async throws {
        let files = try await build("p2", "bullseye", files: ["/etc/dhcpcd.conf"])
        let found = try network(
            "usb0",
            """
            dhcpcd -f \(files[0]) -4 -B -c /bin/true usb0 >&2 &
            for turn in $(seq 600); do ip route | grep -q default && break; sleep 0.1; done
            \(Self.addresses)
            """)
        #expect(found.hasPrefix("usb0 172.19.181.2/24\ndefault via 172.19.181.254 dev usb0 "))
    }

    @Test("without a server dhclient takes the fallback lease after the time that is set")
    func dhclientFallback() async throws {
        let files = try await build("p2", "bookworm", files: ["/etc/dhcp/dhclient.conf"])
        let script = folder.path + "/script"
        try Shell.write(Array("#!/bin/sh\necho $reason $new_ip_address $new_routers\n".utf8), to: script)
        let found = try network(
            "usb0",
            """
            chmod +x \(script)
            dhclient -1 -d -4 -cf \(files[0]) -lf /run/leases -pf /run/pid -sf \(script) usb0 > /run/out &
            for turn in $(seq 600); do grep -q TIMEOUT /run/out && break; sleep 0.1; done
            cat /run/out
            """)
        #expect(found.contains("TIMEOUT 172.19.181.2 172.19.181.254\n"))
    }
}
