/// What a controller brings along when its system knows nothing of a ClusterHAT: the names of its nodes' links, and the way
/// out of their network.
package enum ControllerPrograms {
    /// Rules of udev(7), at the path of 8086's own, whose names for links and consoles they give.
    package static let names = PiProgram(path: "etc/udev/rules.d/90-clusterctrl.rules", text: namesText, mode: 0o644)

    /// A script for nft(8); it can be loaded again.
    package static func translation(of network: String) -> PiProgram {
        PiProgram(
            path: "usr/local/lib/piforge/nat.nft",
            text: """
                # The nodes reach other networks behind this machine's own address.
                table ip piforge_nat
                delete table ip piforge_nat
                table ip piforge_nat {
                	chain postrouting {
                		type nat hook postrouting priority srcnat; policy accept;
                		ip saddr \(network) oifname != "br0" masquerade
                	}
                }

                """, mode: 0o644)
    }

    package static let unit = PiProgram.unit("piforge-nat.service", unitText)

    private static let namesText = """
        # Names of the nodes' links and consoles, by the serial number that a node shows: its slot.
        SUBSYSTEM=="net", ACTION=="add", ENV{ID_VENDOR_ID}=="3171", ENV{ID_MODEL_ID}=="002[0-5]", ENV{ID_MODEL}=="ClusterCTRL", ENV{ID_NET_NAME_MAC}=="*002282fffe??", NAME="ethpi$env{ID_SERIAL_SHORT}"
        SUBSYSTEM=="tty", ACTION=="add", ENV{ID_VENDOR_ID}=="3171", ENV{ID_MODEL_ID}=="002[0-5]", ENV{ID_USB_INTERFACE_NUM}=="02", SYMLINK+="ttypi$env{ID_SERIAL_SHORT}"

        """

    // Rules that somebody has in /etc/nftables.conf begin with a flush of all tables.
    private static let unitText = """
        [Unit]
        Description=Way out of the nodes' network
        Wants=network-pre.target
        Before=network-pre.target
        After=nftables.service

        [Service]
        Type=oneshot
        RemainAfterExit=yes
        ExecStart=/usr/sbin/nft -f /usr/local/lib/piforge/nat.nft
        ExecStop=/usr/sbin/nft delete table ip piforge_nat

        [Install]
        WantedBy=multi-user.target

        """
}
