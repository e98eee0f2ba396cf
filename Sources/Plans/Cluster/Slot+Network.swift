/// The addresses that 8086's scripts give each slot.
extension Slot {
    /// On the data network 172.19.181.0/24, where DHCP gives no other (nodes) or always (a CNAT controller).
    package var fallbackAddress: String {
        switch self {
        case .cnat, .cbridge: "172.19.181.254"
        case .node(let number): "172.19.181.\(number)"
        }
    }

    /// The two ends of a node's USB link: `usb0` on the node, `ethpiN` on the controller; nil for a controller.
    package var linkAddresses: (node: String, controller: String)? {
        guard case .node(let number) = self else { return nil }
        let digits = String(number, radix: 16)
        let pair = String(repeating: "0", count: 2 - digits.count) + digits
        return ("00:22:82:ff:ff:\(pair)", "00:22:82:ff:fe:\(pair)")
    }
}
