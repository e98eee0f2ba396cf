import Payload
import Trees

/// What piforge lays over Raspberry Pi OS as published, so that it is a CNAT controller: where its files lie, and their
/// text.
enum StockController {
    /// The bridge of the nodes, with the controller's address.
    static let bridge: VolumePath = "/etc/NetworkManager/system-connections/piforge-br0.nmconnection"
    /// The nodes' links, which join the bridge as they come.
    static let links: VolumePath = "/etc/NetworkManager/system-connections/piforge-nodes.nmconnection"
    static let unitLink: VolumePath = "/etc/systemd/system/multi-user.target.wants/piforge-nat.service"

    static let programs = [
        ControllerPrograms.names, ControllerPrograms.translation(of: ClusterNetwork.data.all),
        ControllerPrograms.unit,
    ]

    static let paths: [VolumePath] =
        [bridge, links, unitLink, Planner.forwardingFile] + programs.compactMap { VolumePath("/" + $0.path) }

    /// A bridge has its address with no node on it: NetworkManager waits for no carrier where it makes the link itself.
    static let bridgeText = """
        [connection]
        id=piforge-br0
        uuid=\(WiFiSetting.uuid(for: "piforge br0"))
        type=bridge
        interface-name=br0
        autoconnect-priority=200

        [bridge]
        stp=false

        [ipv4]
        method=manual
        address1=\(ClusterNetwork.data.controller)/24
        never-default=true

        [ipv6]
        method=link-local

        """

    /// One keyfile for all nodes: `multi-connect` 3 lets several links have it at a time. The names of its keys are those
    /// that NetworkManager of bookworm knows, and later ones still take.
    static let linksText = """
        [connection]
        id=piforge-nodes
        uuid=\(WiFiSetting.uuid(for: "piforge nodes"))
        type=ethernet
        multi-connect=3
        autoconnect-priority=200
        master=br0
        slave-type=bridge

        [match]
        interface-name=ethpi*;

        """

    static let powerWarning =
        "the image has no clusterctrl, so nothing turns nodes on and off: they run only where the ClusterHAT gives them power "
        + "by itself. 8086's images have it"
}
