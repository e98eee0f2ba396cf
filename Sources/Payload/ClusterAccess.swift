/// Where machines of a cluster keep what lets them run one command each on each other, over ssh.
package enum ClusterAccess {
    package static let keysPath = "etc/ssh/piforge/authorized_keys"
    package static let hostsPath = "etc/ssh/piforge/known_hosts"
    package static let serverPath = "etc/ssh/sshd_config.d/11-piforge-cluster.conf"

    /// A line of authorized_keys: one key, from one address, for one command (sshd(8), AUTHORIZED_KEYS FILE FORMAT).
    package static func keyLine(_ publicKey: String, from address: String, command: String) -> String {
        "restrict,from=\"\(address)\",command=\"\(command)\" \(publicKey)"
    }

    /// Lines of sshd_config: root may come in from these addresses, for what its keys name, and for nothing else.
    package static func serverLines(from addresses: [String]) -> [String] {
        [
            "Match User root Address \(addresses.joined(separator: ","))",
            "    AuthorizedKeysFile /\(keysPath)",
            "    AuthenticationMethods publickey",
            "    PubkeyAuthentication yes",
            "    PermitRootLogin forced-commands-only",
        ]
    }
}
