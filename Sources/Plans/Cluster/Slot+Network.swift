/// The addresses that 8086's scripts give each slot.
extension Slot {
    /// On the data network, where DHCP gives no other (nodes) or always (a CNAT controller); nil for a machine that is not on
    /// it.
    package var fallbackAddress: String? {
        switch self {
        case .cnat, .cbridge: ClusterNetwork.data.controller
        case .node(let number): ClusterNetwork.data.address(of: number)
        case .plain: nil
        }
    }

    /// The two ends of a node's USB link: `usb0` on the node, `ethpiN` on the controller; nil for any other machine.
    package var linkAddresses: (node: String, controller: String)? {
        guard case .node(let number) = self else { return nil }
        let digits = String(number, radix: 16)
        let pair = String(repeating: "0", count: 2 - digits.count) + digits
        return ("00:22:82:ff:ff:\(pair)", "00:22:82:ff:fe:\(pair)")
    }
}
