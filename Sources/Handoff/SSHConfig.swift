import Plans

/// The text of an ssh_config(5) by which each machine is reached under each of its names, without a question.
struct SSHConfig {
    let roster: Roster
    /// The absolute path of the folder with this file and known_hosts: ssh takes relative ones from where it is started.
    let folder: String

    func text() throws(HandoffError) -> String {
        let file = try Self.quoted("\(folder)/ssh_config", expandsTokens: false)
        var text = HandoffDocument.firstLine(roster)
        text += "# In ~/.ssh/config, above every Host and Match line:\n#   Include \(file)\n"
        var extras: [[Option]] = []
        for machine in roster.machines { extras.append(try options(of: machine)) }
        let common = (extras.first ?? []).filter { option in extras.allSatisfy { $0.contains(option) } }
        for (machine, extra) in zip(roster.machines, extras) {
            let own = [
                Option("HostName", machine.address), Option("HostKeyAlias", roster.alias(machine.slot)),
                Option("ProxyJump", machine.gateway.map(roster.alias) ?? "none"),
            ]
            text += block(roster.names(of: machine), own + extra.filter { !common.contains($0) })
        }
        let knownHosts = try Self.quoted("\(folder)/known_hosts", expandsTokens: true)
        let shared = common + [Option("UserKnownHostsFile", knownHosts), Option("ForwardAgent", "no")]
        return text + block(roster.machines.flatMap(roster.names), shared)
    }

    private struct Option: Equatable {
        var name: String
        var value: String

        init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    private func block(_ names: [String], _ options: [Option]) -> String {
        "\nHost \(names.joined(separator: " "))\n" + options.map { "    \($0.name) \($0.value)\n" }.joined()
    }

    /// What may differ between machines, and mostly does not.
    private func options(of machine: Roster.Machine) throws(HandoffError) -> [Option] {
        var options = [
            Option("User", machine.user),
            Option("StrictHostKeyChecking", machine.publicKey == nil ? "accept-new" : "yes"),
        ]
        for path in machine.identityFiles {
            options.append(Option("IdentityFile", try Self.quoted(path, expandsTokens: true)))
        }
        return options
    }

    /// A path as ssh reads it back: in double quotes where it has blanks, and with `%` doubled where ssh expands tokens.
    static func quoted(_ path: String, expandsTokens: Bool) throws(HandoffError) -> String {
        let bad = path.unicodeScalars.contains { $0 == "\"" || $0 == "\\" || $0.value < 0x20 || $0.value == 0x7F }
        guard !bad, !path.contains("${") else { throw .unusablePath(path) }
        let text =
            expandsTokens ? path.split(separator: "%", omittingEmptySubsequences: false).joined(separator: "%%") : path
        return text.contains { " #'=,".contains($0) } ? "\"\(text)\"" : text
    }
}
