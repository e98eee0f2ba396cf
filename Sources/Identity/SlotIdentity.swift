/// What tells one machine of a cluster from all others, derived from the cluster's secret.
package struct SlotIdentity: Equatable, Sendable {
    /// Generations count from 1; each further one gives the slot new keys and ids.
    package static let generations = 1...9999

    package let hostKey: HostKey
    package let machineID: MachineID

    /// Derives the identity of `slot` (`cnat`, `p3`) of `cluster`.
    ///
    /// Neither name holds a `/`, so that no two machines share a label.
    package init(
        _ secret: IdentitySecret, cluster: String, slot: String, generation: Int = 1
    ) throws(IdentityError) {
        func derive(_ purpose: Purpose) throws(IdentityError) -> [UInt8] {
            try HKDF.derive(
                key: secret.bytes, salt: Self.salt, info: "\(cluster)/\(slot)/\(generation)/\(purpose.rawValue)",
                byteCount: purpose.byteCount)
        }
        hostKey = try HostKey(
            seed: try derive(.hostKey), checkWord: try derive(.checkWord), comment: "\(cluster) \(slot)")
        machineID = MachineID(randomBytes: try derive(.machineID))
    }

    /// The number is the version of the derivation: another way to derive gets another salt.
    private static let salt = "piforge identity 1"

    private enum Purpose: String {
        case hostKey = "ssh-ed25519"
        /// The word that OpenSSH's file format stores twice, random bits elsewhere.
        case checkWord = "check"
        case machineID = "machine-id"

        var byteCount: Int {
            switch self {
            case .hostKey: 32
            case .checkWord: 4
            case .machineID: 16
            }
        }
    }
}
