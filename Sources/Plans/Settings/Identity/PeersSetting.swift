package import Identity
import Trees

/// Whether each machine knows the others by name: in /etc/hosts, and by host key for ssh.
enum PeersSetting: Setting {
    /// What `Profile` finds out of the whole cluster; nil when nobody asks for it.
    typealias Value = [KnownHost]?

    static let keys = [
        SchemaKey(
            "peers", .boolean,
            "Name all slots of the profile in /etc/hosts, and with `identity` their host keys in /etc/ssh/ssh_known_hosts.",
            example: "true")
    ]

    static let template = """

        # Every machine knows all others by name, and by host key.
        # peers: true
        """

    static let unset: Value = nil

    static func value(of entries: [SettingsLayer.Entry]) -> Value { nil }

    static let knownHostsFile: VolumePath = "/etc/ssh/ssh_known_hosts"

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        if reader.settings.knownHosts != nil { try reader.look(.root, knownHostsFile) }
    }

    static func plan(_ planner: inout Planner) throws(PlanError) {
        guard let hosts = planner.settings.knownHosts else { return }
        let lines = hosts.map { "\($0.names.joined(separator: ",")) \($0.publicKey.line)" }
        // Of nobody's key nothing is written, but what an earlier build wrote goes.
        if lines.isEmpty && planner.facts.bytes(.root, knownHostsFile) == nil { return }
        try planner.rewrite(
            knownHostsFile, [.setBlock("host keys of the cluster", lines)], missing: 0o644,
            reason: "host keys of the cluster's machines")
    }
}

/// A machine's names and its public key, as a line of known_hosts has them (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
package struct KnownHost: Equatable, Sendable {
    package var names: [String]
    package var publicKey: PublicKey
}

extension Settings {
    /// The machines whose keys are known; nil when ssh's list is left alone.
    package var knownHosts: [KnownHost]? {
        get { self[PeersSetting.self] }
        set { self[PeersSetting.self] = newValue }
    }
}
