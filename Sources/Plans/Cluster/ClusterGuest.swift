package import Identity
import Payload
package import Trees

/// Another machine of the cluster that may run one command here as root, over ssh.
package struct ClusterGuest: Equatable, Sendable {
    /// The host key of the machine, which is its client's key as well. Nil when the secret that it follows from is not at
    /// hand.
    package var publicKey: PublicKey?
    /// The only address that it may come from.
    package var address: String
    /// A program with its arguments.
    package var command: String
}

extension Settings {
    /// Who may come here, for one command each.
    var guests: [ClusterGuest] {
        var guests: [ClusterGuest] = []
        if case .node(let controller)? = power { guests.append(controller) }
        if case .manager(let manager)? = swarm { guests += manager.guests }
        return guests
    }

    /// The addresses that guests come from.
    package var guestAddresses: [String] { guests.map(\.address).unique }

    /// Where sshd finds the keys of guests.
    package static let guestKeyFile = ClusterAccessFiles.keys

    /// The machines that this one asks, as ssh knows them; those whose keys are not at hand are left out.
    var askedHosts: [KnownHost] {
        var hosts: [KnownHost] = []
        if case .controller(_, let nodes)? = power { hosts += nodes }
        if case .worker(let worker)? = swarm, let host = worker.managerHost { hosts.append(host) }
        return hosts
    }
}

/// The files by which machines of a cluster reach each other as root.
enum ClusterAccessFiles {
    static let keys = VolumePath("/" + ClusterAccess.keysPath) ?? .root
    static let hosts = VolumePath("/" + ClusterAccess.hostsPath) ?? .root
    static let server = VolumePath("/" + ClusterAccess.serverPath) ?? .root

    static func look(_ reader: inout FactsReader) throws(PlanError) {
        if !reader.settings.guests.isEmpty {
            try reader.look(.root, [keys, server, PasswordLoginSetting.serverConfig, IdentitySetting.folder])
        }
        if !reader.settings.askedHosts.isEmpty {
            try reader.look(.root, [hosts, IdentitySetting.folder])
            try reader.look(.root, "/usr/bin/ssh", readingBytes: false)
        }
    }
}

extension Planner {
    /// The keys of guests and hosts; what follows from a secret that is not at hand is not judged.
    mutating func planClusterAccess(reason: String) throws(PlanError) {
        let guests = settings.guests
        if settings.identity == .withheld { return }
        let hosts = settings.askedHosts
        if !hosts.isEmpty {
            guard facts.exists(.root, "/usr/bin/ssh") else {
                throw .missingInImage("/usr/bin/ssh", purpose: "let machines of the cluster ask each other")
            }
            let lines = hosts.map { "\($0.names.joined(separator: ",")) \($0.publicKey.line)\n" }
            try put(ClusterAccessFiles.hosts, text: lines.joined(), reason: reason)
        }
        guard !guests.isEmpty else { return }
        let lines = guests.compactMap { guest in
            guest.publicKey.map { ClusterAccess.keyLine($0.line, from: guest.address, command: guest.command) + "\n" }
        }
        try put(ClusterAccessFiles.keys, text: lines.joined(), mode: 0o600, reason: reason)
        let config = PasswordLoginSetting.serverConfig
        guard let text = facts.text(.root, config) else {
            throw .missingInImage("\(config)", purpose: "let machines of the cluster in")
        }
        let options = ClusterAccess.serverLines(from: guests.map(\.address).unique)
        if Self.includesDropIns(text, before: "match") {
            try put(ClusterAccessFiles.server, text: options.map { $0 + "\n" }.joined(), reason: reason)
        } else {
            // A block ends with the file, so it stands at its end.
            try rewrite(config, [.setBlock("machines of the cluster", options)], reason: reason)
        }
    }
}
