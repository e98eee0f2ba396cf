import Payload
import Trees

/// What piforge lays over Raspberry Pi OS as published, so that it is a node: where its files lie, and their text.
enum StockLayer {
    static let script = path(GadgetPrograms.script)
    static let unit = path(GadgetPrograms.unit)
    static let unitLink: VolumePath = "/etc/systemd/system/multi-user.target.wants/piforge-gadget.service"
    static let keyfile: VolumePath = "/etc/NetworkManager/system-connections/piforge-usb0.nmconnection"
    static let managed: VolumePath = "/etc/NetworkManager/conf.d/piforge-usb0.conf"
    static let issue: VolumePath = "/etc/issue.d/clusterctrl.issue"
    static let modules: VolumePath = "/etc/modprobe.d/piforge-gadget.conf"

    /// The login on the serial side, and the folder of what the port starts when it is there.
    static let console = "serial-getty@ttyGS0.service"
    static let consoleFolder = "dev-ttyGS0.device.wants"

    /// What rpi-usb-gadget leaves when it is on: it would take the port, and switch usb0 to addresses of its own.
    static let otherGadget = "rpi-usb-gadget-ics.service"
    static let otherGadgetFiles: [VolumePath] = [
        "/etc/NetworkManager/dispatcher.d/20-usb-gadget-fallback",
        "/etc/NetworkManager/system-connections/USB Gadget (client).nmconnection",
        "/etc/NetworkManager/system-connections/USB Gadget (shared).nmconnection",
    ]

    static let paths: [VolumePath] =
        [script, unit, unitLink, keyfile, managed, issue, modules] + otherGadgetFiles
        + [ImageFacts.link(of: console, in: consoleFolder)].compactMap(\.self)

    private static func path(_ program: PiProgram) -> VolumePath { VolumePath("/" + program.path) ?? .root }

    static let modulesText = """
        # The port has one device to be, and usb-gadget makes it.
        blacklist g_ether
        blacklist g_cdc
        blacklist g_serial
        blacklist g_multi

        """

    static func issueText(_ slot: Slot) -> String { "ClusterCTRL node \(slot), usb0 \\4{usb0} \\6{usb0}\n\n" }

    /// NetworkManager leaves USB gadgets alone by its udev rules. The VLAN of a root over the network is nobody's
    /// business but the initramfs's.
    static func managedText(for medium: Planner.Medium) -> String {
        let usual = """
            [device-piforge-usb0]
            match-device=interface-name:usb0
            managed=1

            """
        return medium == .card
            ? usual : "\(usual)\n[device-piforge-boot]\nmatch-device=interface-name:usb0.10\nmanaged=0\n"
    }

    /// A keyfile (nm-settings-keyfile(5)) that asks DHCP and has the slot's address whatever comes of it, as 8086's nodes
    /// do. The way to the controller counts only where DHCP names none, and its name server only on a network of its
    /// own.
    static func keyfileText(_ slot: Slot, _ network: Settings.Network, isBridged: Bool) -> String {
        var lines = [
            "[connection]", "id=piforge-usb0", "uuid=\(WiFiSetting.uuid(for: "piforge usb0"))", "type=ethernet",
            "interface-name=usb0", "autoconnect-priority=200", "", "[ipv4]",
        ]
        if let address = network.address {
            lines += ["method=manual", "address1=\(address)" + (network.gateway.map { ",\($0)" } ?? "")]
        } else {
            lines += [
                "method=auto", "address1=\(slot.fallbackAddress ?? "")/24", "dhcp-timeout=\(network.dhcpTimeout ?? 10)",
                "route1=0.0.0.0/0,\(ClusterNetwork.data.controller),2000",
            ]
        }
        lines.append("route-metric=1000")
        let usual = network.address == nil && !isBridged ? ["8.8.8.8"] : []
        let servers = network.nameServers.isEmpty ? usual : network.nameServers
        func list(_ isWanted: (String) -> Bool) -> [String] {
            let list = servers.filter(isWanted)
            return list.isEmpty ? [] : ["dns=" + list.map { $0 + ";" }.joined()]
        }
        lines += list { !$0.contains(":") }
        // Where neither DHCP nor an IPv6 router answers, NetworkManager gives up on a connection that waits for both, and the
        // own address goes with it: 1.52 tried four times, half a minute each, and then left usb0 alone for five minutes.
        // A link-local address is there at once. It goes with no name servers of IPv6; who names some has a router.
        let waits = network.address == nil && !servers.contains { $0.contains(":") }
        let own6 = waits ? "link-local" : "auto"
        lines += ["", "[ipv6]", "addr-gen-mode=default", "method=\(own6)"] + list { $0.contains(":") }
        return lines.joined(separator: "\n") + "\n"
    }
}
