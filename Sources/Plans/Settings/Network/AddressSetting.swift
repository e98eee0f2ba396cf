/// Where a machine is reached; nothing of it goes into the image.
enum AddressSetting: Setting {
    typealias Value = String?

    static let keys = [
        SchemaKey(
            "address", .text(.hostAddress),
            "Where the machine is reached: an address, or a name that resolves. Without it 172.19.181.N through a cnat "
                + "controller, else HOSTNAME.local.",
            example: "192.168.1.20", scope: [.slot, .flag])
    ]
}

extension Settings {
    /// An IPv4 or IPv6 address or a DNS name, for those who connect to the machine.
    package var address: String? {
        get { self[AddressSetting.self] }
        set { self[AddressSetting.self] = newValue }
    }
}

// MARK: - What is valid

extension TextFormat {
    static let hostAddress = TextFormat(
        "address or host name", pattern: "^[0-9A-Za-z:.-]{1,253}$", check: Validation.hostAddress)
}

extension Validation {
    /// An address, or a name that DNS or mDNS resolves.
    package static func hostAddress(_ text: String) throws(Refusal) {
        if isAddress(text) { return }
        // Digits and dots, or a colon: meant as an address.
        if text.contains(":") || text.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") }) {
            return try address(text)
        }
        try hostsName(text)
    }
}
